import { expect } from 'chai';
import { Recorder } from '../../src/agent/recorder.js';
import type { RolloutSink } from '../../src/agent/rollout-sink.js';
import type { HistoryMode } from '../../src/rollout/line.js';

describe('Recorder', () => {
  function record(mode: HistoryMode, nextOrdinal: number): { type: string; ordinal?: number; sync: boolean }[] {
    const appended: { type: string; ordinal?: number; sync: boolean }[] = [];
    const sink = {
      append: (text: string, sync: boolean) => {
        expect(text.endsWith('\n')).to.equal(true);
        const { timestamp, type, ordinal } = JSON.parse(text);
        expect(timestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        appended.push({ type, ...(ordinal === undefined ? {} : { ordinal }), sync });
      },
    } as RolloutSink;
    const recorder = new Recorder(sink, mode, nextOrdinal);
    recorder.write('session_meta', {});
    recorder.writeAll([
      { type: 'event_msg', payload: {} },
      { type: 'response_item', payload: {} },
    ]);
    recorder.write('event_msg', {}, true);
    return appended;
  }

  it('counts the lines of a paginated file on from where it was', () => {
    expect(record('paginated', 7)).to.deep.equal([
      { type: 'session_meta', ordinal: 7, sync: false },
      { type: 'event_msg', ordinal: 8, sync: false },
      { type: 'response_item', ordinal: 9, sync: false },
      { type: 'event_msg', ordinal: 10, sync: true },
    ]);
  });

  it('counts nothing in a legacy file', () => {
    expect(record('legacy', 7).map(({ ordinal }) => ordinal)).to.deep.equal([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('forgets everything where there is no file', () => {
    expect(() => new Recorder(null, 'paginated', 0).write('event_msg', {})).to.not.throw();
  });
});
