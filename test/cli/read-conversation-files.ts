// The rollouts of a home, as they lie on disk. Main thread.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Sorted by path. */
export function readConversationFiles(home: string): { path: string; text: string }[] {
  const sessions = join(home, 'sessions');
  return readdirSync(sessions, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(sessions, name))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}
