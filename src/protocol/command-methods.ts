// Params and results of the methods that run commands for a person: command/exec and its company, thread/shellCommand,
// thread/backgroundTerminals. Main thread.
import { z } from 'zod';
import { intSchema, uint32Schema, uintSchema } from './scalars.js';
import { sandboxPolicySchema } from './settings.js';

/** In character cells. */
export const terminalSizeSchema = z.object({ rows: uintSchema.max(65_535), cols: uintSchema.max(65_535) });

export const outputStreamSchema = z.enum(['stdout', 'stderr']);

/** The reply comes when the command has ended, behind all that it wrote. */
export const commandExecParamsSchema = z.object({
  command: z.array(z.string()),
  /** Chosen by the client, for this connection; names the command while it runs. */
  processId: z.string().nullish(),
  /** A terminal; it takes input, and its output is streamed. */
  tty: z.boolean().optional(),
  streamStdin: z.boolean().optional(),
  /** What is streamed is not in the reply. */
  streamStdoutStderr: z.boolean().optional(),
  /** Bytes of each stream that are shown; absent or null: 1 MiB. */
  outputBytesCap: uintSchema.nullish(),
  disableOutputCap: z.boolean().optional(),
  disableTimeout: z.boolean().optional(),
  /** Absent or null: ten seconds. */
  timeoutMs: intSchema.nullish(),
  cwd: z.string().nullish(),
  /** null takes a variable away. */
  env: z.record(z.string(), z.string().nullable()).nullish(),
  size: terminalSizeSchema.nullish(),
  /** Absent or null: the configured one. */
  sandboxPolicy: sandboxPolicySchema.nullish(),
  permissionProfile: z.string().nullish(),
});

export const commandExecResponseSchema = z.object({ exitCode: intSchema, stdout: z.string(), stderr: z.string() });

const processId = z.string();

export const commandExecWriteParamsSchema = z.object({
  processId,
  deltaBase64: z.string().nullish(),
  closeStdin: z.boolean().optional(),
});

export const commandExecWriteResponseSchema = z.object({});

export const commandExecResizeParamsSchema = z.object({ processId, size: terminalSizeSchema });

export const commandExecResizeResponseSchema = z.object({});

export const commandExecTerminateParamsSchema = z.object({ processId });

export const commandExecTerminateResponseSchema = z.object({});

/** Answered at once: what becomes of the command is told by notifications. */
export const threadShellCommandParamsSchema = z.object({
  threadId: z.string(),
  command: z.string(),
  /** Absent or null: one hour. */
  timeoutMs: intSchema.nullish(),
});

export const threadShellCommandResponseSchema = z.object({});

export const backgroundTerminalSchema = z.object({
  itemId: z.string(),
  processId: z.string(),
  command: z.string(),
  cwd: z.string(),
  /** null where the system does not tell, as in the next two. */
  osPid: uint32Schema.nullish(),
  /** Of one processor, over its life so far; with all that it has started. */
  cpuPercent: z.number().nullish(),
  rssKb: uintSchema.nullish(),
});

export const threadBackgroundTerminalsListParamsSchema = z.object({
  threadId: z.string(),
  cursor: z.string().nullish(),
  limit: uint32Schema.nullish(),
});

export const threadBackgroundTerminalsListResponseSchema = z.object({
  data: z.array(backgroundTerminalSchema),
  nextCursor: z.string().nullable(),
});

export const threadBackgroundTerminalsTerminateParamsSchema = z.object({ threadId: z.string(), processId });

/** False when none of that number runs. */
export const threadBackgroundTerminalsTerminateResponseSchema = z.object({ terminated: z.boolean() });

export const threadBackgroundTerminalsCleanParamsSchema = z.object({ threadId: z.string() });

export const threadBackgroundTerminalsCleanResponseSchema = z.object({});
