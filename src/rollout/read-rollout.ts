// Reads a whole rollout into memory, for forks and tools; a session reads its own more sparingly. Any thread.
import { DaemonError } from '../errors.js';
import type { HistoryMode, RolloutLine, SessionMetaPayload } from './line.js';
import { readRolloutLines } from './read-rollout-lines.js';
import type { RolloutLinesRead } from './read-rollout-lines.js';

export interface RolloutHistory extends RolloutLinesRead {
  path: string;
  /** From the first session_meta: it wins over the file's name. */
  id: string;
  meta: SessionMetaPayload;
  historyMode: HistoryMode;
  /** Every line of a type this version knows, in file order. */
  lines: RolloutLine[];
}

/**
 * Reads a file up to byte `end`, the end of a line; by default all of it. Throws DaemonError rollout_not_found when there
 * is no such file, rollout_unreadable when it cannot be read or holds no session_meta.
 */
export async function readRollout(path: string, options: { end?: number } = {}): Promise<RolloutHistory> {
  const lines: RolloutLine[] = [];
  let read: RolloutLinesRead;
  try {
    read = await readRolloutLines(path, (line) => void lines.push(line), options);
  } catch (error) {
    throw toReadError(path, error);
  }
  const meta = lines.find((line) => line.type === 'session_meta')?.payload;
  if (meta === undefined) throw noSessionMeta(path);
  return { ...read, path, id: meta.id, meta, historyMode: historyModeOf(meta), lines };
}

/** Files without the field are older than it. */
export function historyModeOf(meta: SessionMetaPayload): HistoryMode {
  return meta.history_mode === 'paginated' ? 'paginated' : 'legacy';
}

/** A file that is not a conversation: empty, cut within its first line, or something else altogether. */
export function noSessionMeta(path: string): DaemonError {
  return new DaemonError('rollout_unreadable', `rollout at ${path} holds no session metadata`);
}

/** What opening or reading a rollout failed with, as an error for the client. */
export function toReadError(path: string, error: unknown): DaemonError {
  if (error instanceof DaemonError) return error;
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return rolloutNotFound(path, error);
  const reason = error instanceof Error ? error.message : String(error);
  return new DaemonError('rollout_unreadable', `failed to read rollout at ${path}: ${reason}`, { cause: error });
}

/** Clients know this wording. */
export function rolloutNotFound(path: string, cause?: unknown): DaemonError {
  return new DaemonError('rollout_not_found', `failed to resolve rollout path \`${path}\`: file does not exist`, {
    cause,
  });
}
