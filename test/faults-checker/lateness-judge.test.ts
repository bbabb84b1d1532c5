// Holds how lateness around faults is judged. Runs without a daemon.
import { expect } from 'chai';
import { LatenessJudge } from '../faults/lateness-judge.js';
import { StallMeter } from '../faults/stall-meter.js';
import { logOf, THREAD } from './hand-made.js';

const OTHER = '01a206ee-bd6f-7dc3-8570-000000000000';
const WINDOW = { what: 'a fault', fromMs: 95, untilMs: 200, victims: [THREAD] };

/** Deltas 10 ms apart from 0 on, each so late; the fault lasts from the tenth to the twentieth. */
function judge(lateMs: number[], threadId = OTHER, stall: number | null = null, load = 0, untilMs = 200) {
  const messages = lateMs.map((late, index) => {
    const sentAt = (performance.timeOrigin + index * 10 - late).toFixed(1);
    return { method: 'item/agentMessage/delta', params: { threadId, delta: `@${sentAt} ` } };
  });
  const stalls = new StallMeter();
  stalls.stop();
  if (stall !== null) stalls.note(100, stall);
  const judged = new LatenessJudge(() => load);
  judged.noteLife([logOf(messages)], [{ ...WINDOW, untilMs }], stalls, Infinity);
  return { whats: judged.inspect().map(({ what }) => what), hasTried: judged.hasTried };
}

const before = Array<number>(10).fill(3);
const LATE = 'deltas were late that had nothing to do with it (a fault)';

describe('LatenessJudge', () => {
  it('finds nothing wrong with deltas that come in time', () => {
    expect(judge([...before, 10, 48])).to.deep.equal({ whats: [], hasTried: true });
  });

  it('reports a delta around a fault that is late', () => {
    expect(judge([...before, 10, 60]).whats).to.deep.equal([LATE]);
  });

  it('takes one late delta in a hundred for the machine, more for a pause', () => {
    const around = (late: number): number[] => [...Array<number>(300 - late).fill(5), ...Array<number>(late).fill(60)];
    expect(judge([...before, ...around(2)], OTHER, null, 0, 4000).whats).to.deep.equal([]);
    expect(judge([...before, ...around(5)], OTHER, null, 0, 4000).whats).to.deep.equal([LATE]);
  });

  it('takes no notice of the conversations that the fault met', () => {
    expect(judge([...before, 10, 600], THREAD)).to.deep.equal({ whats: [], hasTried: false });
  });

  it('gives slack for stalls, and where deltas are late anyhow', () => {
    expect(judge([...before, 60], OTHER, 3).whats).to.deep.equal([]);
    expect(judge([...before, 70], OTHER, 3).whats).to.deep.equal([LATE]);
    expect(judge([40, ...before.slice(1), 70]).whats).to.deep.equal([]);
  });

  it('judges nothing on a machine that stalls for long, or has far too much to do', () => {
    expect(judge([...before, 999], OTHER, 101).whats).to.deep.equal([]);
    expect(judge([...before, 999], OTHER, null, 1000)).to.deep.equal({ whats: [], hasTried: true });
  });
});
