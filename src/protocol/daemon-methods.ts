// Params and results of the daemon/* methods, which the peer does not have. Main thread.
import { z } from 'zod';
import { uintSchema } from './scalars.js';

export const daemonStatusParamsSchema = z.object({});

export const daemonStatusResponseSchema = z.object({
  version: z.string(),
  pid: uintSchema,
  startedAtMs: uintSchema,
  /** Nothing new begins any more. */
  stopping: z.boolean(),
  clientCount: uintSchema,
  loadedThreadCount: uintSchema,
  runningTurnCount: uintSchema,
  /** Since the start, because too much of their connection waited (`overloaded`). */
  refusedRequestCount: uintSchema,
});

export const daemonDrainParamsSchema = z.object({
  /** Absent or null: as long as the connection lasts. */
  timeoutMs: uintSchema.nullish(),
});

export const daemonDrainResponseSchema = z.object({
  /** False when the time was over first: the daemon goes on. */
  drained: z.boolean(),
});
