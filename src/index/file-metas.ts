// Who the files of a home belong to and what they go on from, as their first lines say. Index thread.
import { historyBaseOf, readSessionMeta } from '../rollout/lineage.js';
import { toReadError } from '../rollout/read-rollout.js';
import { statStored } from '../rollout/stored-file.js';
import { dropUnlisted } from './rollout-files.js';
import type { RolloutFile } from './rollout-files.js';

/** Where no session_meta has come by then, none is looked for. */
const MAX_HEAD_BYTES = 64 * 1024 * 1024;
/** Files read side by side. */
const BATCH = 16;

export interface FileMeta {
  /** The conversation: this id wins over the one in the file's name. */
  id: string;
  /** The file that this one goes on from, by its segment's id; null when it goes on from nothing. */
  baseSegmentId: string | null;
}

interface CachedMeta {
  version: string;
  meta: FileMeta | null;
}

/** Remembers what it read: a file is read again when its size or time of change differ. */
export class FileMetas {
  readonly #cache = new Map<string, CachedMeta>();

  /**
   * null for a file without a session_meta near its start, `gone` where there is none any more. Throws DaemonError
   * rollout_unreadable for a file that cannot be read.
   */
  async look(path: string): Promise<FileMeta | null | 'gone'> {
    try {
      const version = statStored(path);
      if (version === null) return 'gone';
      const key = `${version.size}:${version.mtimeMs}`;
      const cached = this.#cache.get(path);
      if (cached?.version === key) return cached.meta;
      const recorded = await readSessionMeta(path, MAX_HEAD_BYTES);
      const meta = recorded && { id: recorded.id, baseSegmentId: historyBaseOf(recorded)?.thread_id ?? null };
      this.#cache.set(path, { version: key, meta });
      return meta;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
      throw toReadError(path, error);
    }
  }

  /** null also for a file that is gone or cannot be read. Never rejects. */
  async read(path: string): Promise<FileMeta | null> {
    try {
      const meta = await this.look(path);
      return meta === 'gone' ? null : meta;
    } catch {
      // Whoever asks for this file by its path learns why it cannot be read.
      return null;
    }
  }

  /** Forgets all other files, once it knows more than these. */
  keepOnly(files: readonly RolloutFile[]): void {
    dropUnlisted(this.#cache, files);
  }

  /** Those of many files, in their order. */
  async readAll(files: readonly RolloutFile[]): Promise<(FileMeta | null)[]> {
    return inBatches(files, ({ path }) => this.read(path));
  }
}

/** What `read` gives for each, in their order. Throws what `read` throws. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += BATCH) {
    results.push(...(await Promise.all(items.slice(start, start + BATCH).map(read))));
  }
  return results;
}
