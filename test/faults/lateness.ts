// How long a delta took from the model server to a client: both processes read the same clock. Any process.
import type { LoggedConnection } from './told.js';

export interface Arrival {
  threadId: string;
  /** `performance.now()` of the driver. */
  atMs: number;
  lateMs: number;
}

/** A delta that says when it was sent. */
export function formatSentAt(): string {
  return `@${(performance.timeOrigin + performance.now()).toFixed(1)} `;
}

/** All deltas that say when they were sent; of several in one, the oldest counts. */
export function readArrivals(connections: readonly LoggedConnection[]): Arrival[] {
  const arrivals: Arrival[] = [];
  for (const { messages } of connections) {
    for (const { message, atMs } of messages) {
      if (message.method !== 'item/agentMessage/delta') continue;
      const { threadId, delta } = message.params as { threadId: string; delta: string };
      const sentAt = /^@(\d+\.\d) /.exec(delta)?.[1];
      if (sentAt !== undefined) {
        arrivals.push({ threadId, atMs, lateMs: performance.timeOrigin + atMs - Number(sentAt) });
      }
    }
  }
  return arrivals;
}

/** `share` from 0 to 1; 0 for an empty list. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function describeTimes(values: readonly number[]): string {
  if (values.length === 0) return 'none';
  const [median, p99, most] = [0.5, 0.99, 1].map((share) => percentile(values, share).toFixed(0));
  return `${median} ms, p99 ${p99} ms, at most ${most} ms`;
}
