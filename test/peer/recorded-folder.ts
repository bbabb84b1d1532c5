// Where the recordings of the real peer lie: `rollouts/`, `wire/` and `tui/` in one folder. Main thread.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';

/** Throws when nobody said where: a suite that has nothing to check must not pass. */
export function recordedFolder(folder = process.env['ROLLOUT_FIXTURES'] ?? ''): string {
  if (folder === '') {
    throw new Error('ROLLOUT_FIXTURES must name the folder with the recordings');
  }
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`ROLLOUT_FIXTURES names no folder: ${folder}`);
  }
  return resolve(folder);
}
