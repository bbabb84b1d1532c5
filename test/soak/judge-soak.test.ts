// Holds what a soak says of samples that were made by hand.
import { expect } from 'chai';
import type { ProcessSample } from '../support/process-sample.js';
import { judgeSoak } from './judge-soak.js';
import type { SoakMeasured } from './judge-soak.js';

const SECONDS = 1800;
const QUIET = { count: 360_000, p50Ms: 0.1, p99Ms: 1, maxMs: 20 };

/** Half an hour of a daemon whose heap grows by 20 MB until it is collected, every 9 s. */
function samples(change: (second: number) => Partial<ProcessSample> = () => ({})): ProcessSample[] {
  return Array.from({ length: SECONDS }, (_, second) => ({
    atMs: second * 1000,
    // The first minutes of every process: what is loaded and compiled once.
    rssMb: 180 + 40 * (1 - Math.exp(-second / 120)) + 20 * ((second % 9) / 9),
    descriptors: 200 + ((second * 7) % 11),
    threads: 15,
    children: 0,
    zombies: 0,
    cpuMs: second * 200,
    ...change(second),
  }));
}

function findings(measured: Partial<SoakMeasured> = {}): string[] {
  const judgements = judgeSoak({
    samples: samples(),
    heldMb: { half: 30, end: 34 },
    loopDelay: QUIET,
    controlDelay: { ...QUIET, p99Ms: 0.2 },
    idleCores: { subscribed: 0.002, alone: 0.001 },
    violations: 0,
    ...measured,
  });
  return judgements.filter(({ isOk }) => isOk === false).map(({ name }) => name);
}

describe('judgeSoak', () => {
  it('is content with a daemon that stays as it is', () => {
    expect(findings()).to.deep.equal([]);
  });

  it('finds a leak of 1 KB for each of ten turns a second', () => {
    const leaking = samples((second) => ({ rssMb: 220 + 20 * ((second % 9) / 9) + (second * 20) / 1024 }));
    expect(findings({ samples: leaking })).to.deep.equal(['memory, growth over the second half']);
  });

  it('finds what is still held when all garbage is gone', () => {
    expect(findings({ heldMb: { half: 30, end: 45 } })).to.deep.equal([
      'held by the main thread, half way and in the end',
    ]);
  });

  it('finds a descriptor that is left behind every minute', () => {
    const leaking = samples((second) => ({ descriptors: 200 + ((second * 7) % 11) + Math.floor(second / 60) }));
    expect(findings({ samples: leaking })).to.deep.equal(['descriptors, growth over the second half']);
  });

  it('finds threads that are never given back, and a child that nobody waited for', () => {
    const leaking = samples((second) => ({ threads: 15 + Math.floor(second / 300), zombies: second === 900 ? 1 : 0 }));
    expect(findings({ samples: leaking })).to.deep.equal(['threads, growth over the second half', 'zombies, at most']);
  });

  it('finds an event loop that stalls, but not one that the machine keeps waiting', () => {
    const stalling = { ...QUIET, p99Ms: 15 };
    expect(findings({ loopDelay: stalling })).to.deep.equal(['event-loop delay, p99']);
    expect(findings({ loopDelay: stalling, controlDelay: { ...QUIET, p99Ms: 12 } })).to.deep.equal([]);
    expect(findings({ loopDelay: { ...QUIET, count: 0 } })).to.deep.equal(['event-loop delay, p99']);
  });

  it('finds a daemon that works when nobody asks it to', () => {
    expect(findings({ idleCores: { subscribed: 0.006, alone: 0.02 } })).to.deep.equal([
      'processor, clients subscribed and silent',
      'processor, no clients',
    ]);
  });

  it('finds what clients saw and should not have', () => {
    expect(findings({ violations: 1 })).to.deep.equal(['wrong in what clients saw']);
  });
});
