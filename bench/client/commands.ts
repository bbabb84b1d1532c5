// What the bench asks of its client process, and what it is answered. Types only, any process.
import type { RawTarget } from './raw-connection.js';

export type ClientCommand =
  | { type: 'open'; target: RawTarget; connections: number }
  /** Starts so many conversations; those of before stay loaded and idle. */
  | { type: 'startThreads'; count: number; cwd: string }
  /** In each conversation so many echo turns, one after the other. */
  | { type: 'turns'; perThread: number }
  /** In each conversation one turn of numbered deltas, all at once. */
  | { type: 'deltas'; count: number; size: number }
  /** In each conversation one turn of timed deltas. */
  | { type: 'latency'; count: number; gapMs: number }
  | { type: 'close' };

export interface ClientResult {
  elapsedMs: number;
  /** Of each turn, or of each delta, in milliseconds. */
  latencies: number[];
  /** Deltas received. */
  deltas: number;
}

/** One answer a command, in order. */
export type ClientAnswer = { ok: true; result: ClientResult } | { ok: false; error: string };
