// Folders that stand where a guarded one is missing, so that a sandbox can hold the place: it cannot mount on nothing. Session
// worker.
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';

/** Nobody makes folders like this: one that a killed daemon has left is known by it, while it is empty. */
const MODE = 0o711;

/**
 * Counts who needs each folder; the last one to go removes it, if it is still empty. Another session that works in the same
 * folder does not count here: it may lose its hold on the place while its command runs.
 */
export class PlaceholderFolders {
  readonly #users = new Map<string, number>();

  /** Makes what is missing. Those that are counted, for release(); what was there before, or cannot be made, is not. */
  hold(paths: readonly string[]): string[] {
    const held = paths.filter((path) => this.#users.has(path) || make(path) || isLeftOver(path));
    for (const path of held) this.#users.set(path, (this.#users.get(path) ?? 0) + 1);
    return held;
  }

  release(paths: readonly string[]): void {
    for (const path of paths) {
      const users = (this.#users.get(path) ?? 0) - 1;
      if (users > 0) {
        this.#users.set(path, users);
      } else {
        this.#users.delete(path);
        remove(path);
      }
    }
  }
}

function make(path: string): boolean {
  try {
    mkdirSync(path);
    chmodSync(path, MODE);
    return true;
  } catch {
    // It is there, or may not be made: then nor can the sandbox.
    return false;
  }
}

function isLeftOver(path: string): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isDirectory() && (stats.mode & 0o777) === MODE && readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

function remove(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // What somebody outside has put into it meanwhile stays.
  }
}
