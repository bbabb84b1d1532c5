// What the samples of a soak say, row by row, and what of it must hold. Any thread.
import type { Judgement } from '../support/judgement.js';
import type { ProcessSample } from '../support/process-sample.js';
import type { LoopDelay } from '../support/self-report.js';
import { trendOf } from '../support/trend.js';
import type { Trend } from '../support/trend.js';

export interface SoakMeasured {
  /** Of the daemon under load, in order of time. */
  samples: readonly ProcessSample[];
  /** MB that the daemon's main thread held when its garbage was gone: half through the load, and at its end. */
  heldMb: { half: number; end: number };
  /** Of the daemon's main thread, and of a process beside it that does nothing. */
  loopDelay: LoopDelay;
  controlDelay: LoopDelay;
  /** Share of a core that the daemon takes: with clients that are silent, and with none. */
  idleCores: { subscribed: number; alone: number };
  /** What was wrong with what clients saw. */
  violations: number;
}

/**
 * Over the second half, memory may grow by this share of its mean, and by what its own noise makes of a straight line: two
 * standard errors. At 300 MB that is 15 MB. Fifteen minutes of 50 conversations are some 15,000 turns and 12,000 reattaches:
 * a leak of 1 KB for each of these is about what is found.
 */
const GROWTH_SHARE = 0.05;
/** What is held differs by what happens to be going on: fifty conversations with what they keep for clients that come back. */
const HELD_GROWTH_MB = 8;
/** Beside the noise: connections come and go, and one sample may see a few more than another. */
const DESCRIPTOR_GROWTH = 3;
const LOOP_DELAY_P99_MS = 10;
const IDLE_CORES = 0.005;

export function judgeSoak(measured: SoakMeasured): Judgement[] {
  const { samples, heldMb, loopDelay, controlDelay, idleCores, violations } = measured;
  const half = samples.slice(samples.length >> 1);
  const over = (field: keyof ProcessSample) =>
    trendOf(half.map((sample) => ({ atMs: sample.atMs, value: sample[field] })));
  const [rss, descriptors, threads] = [over('rssMb'), over('descriptors'), over('threads')];
  const zombies = Math.max(...samples.map((sample) => sample.zombies));
  const children = Math.max(...samples.map((sample) => sample.children));
  // A busy machine keeps also those waiting who have nothing to do.
  const delayBound = LOOP_DELAY_P99_MS + controlDelay.p99Ms;
  return [
    { name: 'memory, mean of the second half', value: `${rss.mean.toFixed(1)} MB` },
    grows('memory', rss, GROWTH_SHARE * rss.mean, ' MB'),
    {
      name: 'held by the main thread, half way and in the end',
      value: `${heldMb.half.toFixed(1)} MB, ${heldMb.end.toFixed(1)} MB, at most ${(heldMb.half + HELD_GROWTH_MB).toFixed(1)}`,
      isOk: heldMb.end <= heldMb.half + HELD_GROWTH_MB,
    },
    grows('descriptors', descriptors, DESCRIPTOR_GROWTH, ''),
    grows('threads', threads, 1, ''),
    { name: 'children, at most', value: String(children) },
    { name: 'zombies, at most', value: String(zombies), isOk: zombies === 0 },
    {
      name: 'event-loop delay, p99',
      value: `${loopDelay.p99Ms.toFixed(1)} ms (p50 ${loopDelay.p50Ms.toFixed(1)}, most ${loopDelay.maxMs.toFixed(0)}), at most ${delayBound.toFixed(1)}`,
      isOk: loopDelay.count > 0 && loopDelay.p99Ms <= delayBound,
    },
    {
      name: '  of a process that does nothing',
      value: `${controlDelay.p99Ms.toFixed(1)} ms (p50 ${controlDelay.p50Ms.toFixed(1)}, most ${controlDelay.maxMs.toFixed(0)})`,
    },
    { name: 'processor, under load', value: `${(100 * coresOf(samples)).toFixed(0)}% of a core` },
    isIdle('processor, clients subscribed and silent', idleCores.subscribed),
    isIdle('processor, no clients', idleCores.alone),
    { name: 'wrong in what clients saw', value: String(violations), isOk: violations === 0 },
  ];
}

function grows(name: string, { growth, error, mean }: Trend, allowed: number, unit: string): Judgement {
  const bound = allowed + 2 * error;
  return {
    name: `${name}, growth over the second half`,
    value: `${growth.toFixed(1)} ± ${error.toFixed(1)}${unit} of ${mean.toFixed(0)}${unit}, at most ${bound.toFixed(1)}`,
    isOk: growth <= bound,
  };
}

function coresOf(samples: readonly ProcessSample[]): number {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  return (last.cpuMs - first.cpuMs) / (last.atMs - first.atMs);
}

function isIdle(name: string, cores: number): Judgement {
  return {
    name,
    value: `${(100 * cores).toFixed(2)}% of a core, at most ${100 * IDLE_CORES}%`,
    isOk: cores <= IDLE_CORES,
  };
}
