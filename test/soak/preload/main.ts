// Loaded into a process before its program (node --import): tells how long its event loop keeps timers waiting. Main thread.
//
// LOOP_DELAY_FILE names the file to which a line of JSON is appended each second, until SIGUSR2 comes: then the last one,
// with the figures of the whole time, and the timers end, so that they do not count as work of an idle process.
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import type { LoopDelay } from '../loop-delay.js';

/** A timer of so many milliseconds is watched; what it takes beyond is the delay. */
const RESOLUTION_MS = 5;

const file = process.env['LOOP_DELAY_FILE'];
if (isMainThread && file !== undefined) watch(file);

function watch(path: string): void {
  const whole = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const second = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  whole.enable();
  second.enable();
  const timer = setInterval(() => {
    append(path, second, false);
    second.reset();
  }, 1000);
  timer.unref();
  process.once('SIGUSR2', () => {
    clearInterval(timer);
    second.disable();
    whole.disable();
    append(path, whole, true);
  });
}

function append(path: string, histogram: IntervalHistogram, isWhole: boolean): void {
  const delayOf = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  const delay: LoopDelay = {
    isWhole,
    count: histogram.count,
    p50Ms: delayOf(histogram.percentile(50)),
    p99Ms: delayOf(histogram.percentile(99)),
    maxMs: delayOf(histogram.max),
  };
  appendFileSync(path, `${JSON.stringify(delay)}\n`);
}
