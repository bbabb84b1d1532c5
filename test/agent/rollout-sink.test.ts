import { expect } from 'chai';
import { RolloutSink } from '../../src/agent/rollout-sink.js';
import { DaemonError } from '../../src/errors.js';
import { HandDrivenWriter } from './hand-driven-writer.js';

describe('RolloutSink', () => {
  let writers: HandDrivenWriter[];
  let writer: HandDrivenWriter;
  let told: string[];
  let advanced: () => void;

  beforeEach(() => {
    writers = [];
    writer = startWriter();
    told = [];
    advanced = () => undefined;
  });
  afterEach(() => writers.forEach((one) => one.close()));

  function startWriter(): HandDrivenWriter {
    const started = new HandDrivenWriter();
    writers.push(started);
    return started;
  }

  function makeSink(options: { size?: number; tornTail?: boolean } = {}): RolloutSink {
    return new RolloutSink({
      port: writer.port,
      size: options.size ?? 0,
      tornTail: options.tornTail ?? false,
      lagMs: 0,
      onAdvance: () => advanced(),
      onFailed: ({ code }) => told.push(`failed ${code}`),
      onJournalFailed: (message) => told.push(`journal ${message}`),
    });
  }

  const nextAdvance = (): Promise<void> => new Promise((resolve) => (advanced = resolve));

  /** Confirms, and waits until the sink has heard of it. */
  async function confirm(written: number, synced: number, by = writer): Promise<void> {
    const heard = nextAdvance();
    by.reply({ type: 'ack', written, synced });
    await heard;
  }

  it('sends what a tick appended as one append, at the offset where it must start', async () => {
    const sink = makeSink({ size: 10 });
    sink.append('one\n');
    sink.append('zwölf\n', true);
    expect([sink.end, sink.written, sink.synced]).to.deep.equal([21, 10, 10]);
    await writer.first(1);
    sink.append('three\n');
    expect(await writer.first(2)).to.deep.equal([
      { type: 'append', offset: 10, text: 'one\nzwölf\n', sync: true },
      { type: 'append', offset: 21, text: 'three\n', sync: false },
    ]);
    await confirm(27, 21);
    expect([sink.end, sink.written, sink.synced]).to.deep.equal([27, 27, 21]);
  });

  it('closes a torn tail before the first line, and only then', async () => {
    const sink = makeSink({ size: 5, tornTail: true });
    sink.append('line\n');
    sink.append('next\n');
    expect([await writer.first(1), sink.end]).to.deep.equal([
      [{ type: 'append', offset: 5, text: '\nline\nnext\n', sync: false }],
      16,
    ]);
  });

  it('sends no journal before the lines that came before it', async () => {
    const sink = makeSink();
    sink.append('line\n');
    sink.writeJournal('{"a":1}\n', true);
    sink.writeJournal(null, false);
    expect((await writer.first(3)).map(({ type }) => type)).to.deep.equal(['append', 'journal', 'journal']);
  });

  it('gives a new writer all that was not confirmed to the level it asked for', async () => {
    const sink = makeSink();
    sink.append('confirmed\n');
    await writer.first(1);
    sink.append('to be synced\n', true);
    await writer.first(2);
    sink.append('not written\n');
    await writer.first(3);
    // Written, but the second has asked for more than that.
    await confirm(23, 10);
    const next = startWriter();
    sink.replacePort(next.port);
    await writer.closed;
    expect(await next.first(2)).to.deep.equal([
      { type: 'append', offset: 10, text: 'to be synced\n', sync: true },
      { type: 'append', offset: 23, text: 'not written\n', sync: false },
    ]);
    sink.append('more\n');
    expect((await next.first(3))[2]).to.deep.equal({ type: 'append', offset: 35, text: 'more\n', sync: false });
    await confirm(40, 23, next);
    expect([sink.written, sink.synced]).to.deep.equal([40, 23]);
    expect(writer.requests).to.have.length(3);
  });

  it('never takes back what was confirmed', async () => {
    const sink = makeSink({ size: 100 });
    await confirm(50, 50);
    expect([sink.written, sink.synced]).to.deep.equal([100, 100]);
  });

  it('is closed when the writer says that it has ended, also by another writer than the one that was asked', async () => {
    const sink = makeSink();
    sink.append('line\n', true);
    const closing = sink.close();
    expect((await writer.first(2)).map(({ type }) => type)).to.deep.equal(['append', 'end']);
    const next = startWriter();
    sink.replacePort(next.port);
    expect((await next.first(2)).map(({ type }) => type)).to.deep.equal(['append', 'end']);
    next.reply({ type: 'ended', written: 5, synced: 5 });
    await closing;
    await next.closed;
    expect([sink.written, sink.synced]).to.deep.equal([5, 5]);
  });

  it('tells of a failure once, sends nothing afterwards, and closes at once', async () => {
    const sink = makeSink();
    sink.append('line\n');
    await writer.first(1);
    writer.reply({ type: 'journalFailed', message: 'no space' });
    writer.reply({ type: 'failed', error: { code: 'rollout_write_failed', message: 'disk full' } });
    writer.reply({ type: 'failed', error: { code: 'rollout_conflict', message: 'again' } });
    await confirm(0, 0);
    sink.append('more\n');
    sink.fail(new DaemonError('writer_lost', 'late'));
    await sink.close();
    await writer.closed;
    expect(told).to.deep.equal(['journal no space', 'failed rollout_write_failed']);
    expect(writer.requests).to.have.length(1);
  });
});
