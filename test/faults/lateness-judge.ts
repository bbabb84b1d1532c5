// Whether a fault made those wait whom it did not meet: how late their deltas were around faults, and otherwise. Main thread.
import { availableParallelism, loadavg } from 'node:os';
import { describeTimes, percentile, readArrivals } from './lateness.js';
import type { Arrival } from './lateness.js';
import type { StallMeter } from './stall-meter.js';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';

/** Nobody whom a fault did not meet waits longer than this. */
const PAUSE_MS = 50;
/** A pause makes many deltas late, of one conversation or of all; less than one in a hundred is the machine's. */
const JUDGED_SHARE = 0.99;
/** A machine that keeps a thread waiting for longer than this, or has more to do than this, lets nobody judge anything. */
const HOPELESS_STALL_MS = 100;
const HOPELESS_LOAD = 2 * availableParallelism();
/** A delta wakes so many threads on its way, each of which a loaded machine may keep waiting. */
const WAKES = 4;

export interface FaultWindow {
  /** What happened, for people. */
  what: string;
  fromMs: number;
  untilMs: number;
  /** Conversations that it met: theirs may be late. */
  victims: readonly string[];
}

interface Late {
  window: FaultWindow;
  arrival: Arrival;
  slackMs: number;
}

export class LatenessJudge {
  readonly #readLoad: () => number;
  readonly #around: number[] = [];
  readonly #otherwise: number[] = [];
  #unjudged = 0;
  /** One for each window. */
  readonly #late: Late[] = [];

  /** `readLoad` gives the threads that want to run, of the last minute. */
  constructor(readLoad: () => number = () => loadavg()[0]!) {
    this.#readLoad = readLoad;
  }

  /** False when there were no deltas around faults: then nothing was tried. */
  get hasTried(): boolean {
    return this.#around.length > 0;
  }

  noteLife(
    connections: readonly LoggedConnection[],
    windows: readonly FaultWindow[],
    stalls: StallMeter,
    untilMs: number,
  ): void {
    const arrivals = readArrivals(connections).filter(({ atMs }) => atMs < untilMs);
    const isOverloaded = this.#readLoad() > HOPELESS_LOAD;
    for (const window of windows) {
      const others = arrivals.filter(
        (arrival) => isWithin(window, arrival) && !window.victims.includes(arrival.threadId),
      );
      const stallMs = stalls.worstSince(window.fromMs, window.untilMs);
      for (const { lateMs } of others) this.#around.push(lateMs);
      const isHopeless = stallMs > HOPELESS_STALL_MS || isOverloaded;
      if (isHopeless) this.#unjudged += 1;
      if (isHopeless) continue;
      const slackMs = WAKES * stallMs;
      const byLateness = others.toSorted((one, other) => one.lateMs - other.lateMs);
      const arrival = byLateness[Math.floor(byLateness.length * JUDGED_SHARE)];
      if (arrival !== undefined) this.#late.push({ window, arrival, slackMs });
    }
    const quiet = arrivals.filter((arrival) => !windows.some((window) => isWithin(window, arrival)));
    for (const { lateMs } of quiet) this.#otherwise.push(lateMs);
  }

  /**
   * To be called after the last life. What is late by more than it may is no violation on a machine where deltas are as
   * late when nothing happens.
   */
  inspect(): Violation[] {
    const usualMs = percentile(this.#otherwise, 1);
    return this.#late.flatMap(({ window, arrival, slackMs }) => {
      const limitMs = Math.max(PAUSE_MS, 2 * usualMs) + slackMs;
      if (arrival.lateMs <= limitMs) return [];
      const what = `deltas were late that had nothing to do with it (${window.what})`;
      const told = `at most ${limitMs.toFixed(0)} ms, ${slackMs.toFixed(0)} ms of it slack`;
      return [{ kind: 'broken', threadId: arrival.threadId, what, told, found: `${arrival.lateMs.toFixed(0)} ms` }];
    });
  }

  describe(): [string, string][] {
    return [
      ['deltas of others around the faults', String(this.#around.length)],
      ['  late by', describeTimes(this.#around)],
      ['  otherwise late by', describeTimes(this.#otherwise)],
      ['  faults not judged on a busy machine', String(this.#unjudged)],
    ];
  }
}

function isWithin({ fromMs, untilMs }: FaultWindow, { atMs }: Arrival): boolean {
  return atMs >= fromMs && atMs < untilMs;
}
