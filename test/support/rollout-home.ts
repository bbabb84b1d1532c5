// A home with rollouts in it, written down by a test. Main thread.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RolloutLine, SessionMetaPayload } from '../../src/rollout/line.js';
import { rolloutPathFor } from '../../src/rollout/file-name.js';
import { metaLine, rolloutText, turnLines } from './rollout-lines.js';

export interface RolloutSpec {
  /** Counts conversations: becomes the id, and the minute of creation. */
  number: number;
  question?: string;
  meta?: Partial<SessionMetaPayload>;
  /** Instead of one turn of question and answer. */
  lines?: RolloutLine[];
  /** Seconds after creation at which the file was changed last. */
  changedAfter?: number;
  folder?: 'archived_sessions';
}

export function idOf(number: number): string {
  return `01a20000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

export function createdAtOf(number: number): Date {
  return new Date(Date.UTC(2026, 10, 20, 10, number));
}

/** Writes the file and returns its path. */
export function writeRollout(home: string, spec: RolloutSpec): string {
  const { number, question = `question ${number}`, changedAfter = 1 } = spec;
  const createdAt = createdAtOf(number);
  const path = rolloutPathFor(home, createdAt, idOf(number));
  const file = spec.folder === undefined ? path : join(home, spec.folder, path.slice(dirname(path).length + 1));
  const meta = metaLine(idOf(number), { timestamp: createdAt.toISOString(), ...spec.meta });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, rolloutText([meta, ...(spec.lines ?? turnLines('turn', question, `answer ${number}`))]));
  const changedAt = createdAt.getTime() / 1000 + changedAfter;
  utimesSync(file, changedAt, changedAt);
  return file;
}
