// Loaded into a process before its program (node --import): tells what can only be seen from within. Main thread.
//
// SELF_REPORT_FILE names the file to which lines of JSON are appended: each second how long the event loop kept timers
// waiting. SIGUSR2 ends that with the figures of the whole time, so that the timers do not count as work of an idle process. SIGURG
// asks how much the heap holds when all garbage is gone.
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import type { LoopDelay, SelfReport } from '../self-report.js';

/** A timer of so many milliseconds is watched; what it takes beyond is the delay. */
const RESOLUTION_MS = 5;

const file = process.env['SELF_REPORT_FILE'];
if (isMainThread && file !== undefined) {
  watchLoop(file);
  reportHeapOnDemand(file);
}

function watchLoop(path: string): void {
  const whole = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const second = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  whole.enable();
  second.enable();
  const timer = setInterval(() => {
    append(path, { type: 'second', ...describe(second) });
    second.reset();
  }, 1000);
  timer.unref();
  process.once('SIGUSR2', () => {
    clearInterval(timer);
    second.disable();
    whole.disable();
    append(path, { type: 'whole', ...describe(whole) });
  });
}

function describe(histogram: IntervalHistogram): LoopDelay {
  const delayOf = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return {
    count: histogram.count,
    p50Ms: delayOf(histogram.percentile(50)),
    p99Ms: delayOf(histogram.percentile(99)),
    maxMs: delayOf(histogram.max),
  };
}

function reportHeapOnDemand(path: string): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGURG', () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    append(path, { type: 'heap', heldMb: (heapUsed + arrayBuffers) / 2 ** 20 });
  });
}

function append(path: string, report: SelfReport): void {
  appendFileSync(path, `${JSON.stringify(report)}\n`);
}
