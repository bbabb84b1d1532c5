// A command's result as the model reads it. Pure. Session worker.
import { exitCodeOf } from './exit-code.js';
import { cutMiddle, joinOutput } from './output-buffer.js';
import type { ExecResult } from './running-command.js';

/** For who does not say how much to show. */
const DEFAULT_MAX_TOKENS = 10_000;
/** A rule of thumb that all sides share. */
const BYTES_PER_TOKEN = 4;

/** The labels are those that models know from `exec_command`, and that readers of rollouts look for. */
export function describeResult(result: ExecResult, maxOutputTokens = DEFAULT_MAX_TOKENS): string {
  const { chunkId, wallTimeMs, exit, processId, output } = result;
  const state =
    exit === null ? `Process running with session ID ${processId}` : `Process exited with code ${exitCodeOf(exit)}`;
  return [
    `Chunk ID: ${chunkId}`,
    `Wall time: ${(wallTimeMs / 1000).toFixed(4)} seconds`,
    state,
    `Original token count: ${Math.ceil(output.totalBytes / BYTES_PER_TOKEN)}`,
    'Output:',
    joinOutput(cutMiddle(output, maxOutputTokens * BYTES_PER_TOKEN)),
  ].join('\n');
}
