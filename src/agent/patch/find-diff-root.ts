// The folder that the paths of a turn's diff are relative to. Session worker.
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The root of the repository that holds the folder, an absolute path; the folder itself where there is none. */
export async function findDiffRoot(cwd: string): Promise<string> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    // A folder, or the file of a work tree that is linked to another repository.
    const isRoot = await stat(join(folder, '.git')).then(
      () => true,
      () => false,
    );
    if (isRoot) return folder;
    if (folder === dirname(folder)) return cwd;
  }
}
