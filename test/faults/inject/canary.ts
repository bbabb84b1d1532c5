// Tells how long a thread of the daemon's process waits for a processor, whatever the daemon does. A thread of its own.
import { BroadcastChannel } from 'node:worker_threads';
import { FAULTS_CHANNEL } from './orders.js';
import type { Report } from './orders.js';

const INTERVAL_MS = 10;
/** Shorter stalls are nobody's concern. */
const LEAST_MS = 5;

const channel = new BroadcastChannel(FAULTS_CHANNEL);
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  const lateMs = now - last - INTERVAL_MS;
  last = now;
  if (lateMs < LEAST_MS) return;
  channel.postMessage({ type: 'stalled', atEpochMs: performance.timeOrigin + now, lateMs } satisfies Report);
}, INTERVAL_MS);
