// Makes folders that only their owner may enter. Any thread but the main one: it blocks.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the folder and what is missing above it, 0700 from creation. Returns the topmost folder made, or null when all
 * were there. Throws the error of the mkdir(2) that failed; Node's own recursive call hides it behind ENOENT.
 */
export function makeFolder(folder: string): string | null {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // If it is no folder, whoever wanted it will hear ENOTDIR.
    if (code === 'EEXIST') return null;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
  }
  const made = makeFolder(dirname(folder));
  return makeFolder(folder) === null ? made : (made ?? folder);
}
