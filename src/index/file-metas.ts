// Who the files of a home belong to and what they go on from, as their first lines say. Index thread.
import { readSessionMeta } from '../rollout/lineage.js';
import { statStored } from '../rollout/stored-file.js';
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
  meta: FileMeta;
}

/** Remembers what it read: a file is read again when its size or time of change differ. */
export class FileMetas {
  readonly #cache = new Map<string, CachedMeta>();

  /** null for a file without a session_meta near its start, or that cannot be read. Never rejects. */
  async read(path: string): Promise<FileMeta | null> {
    try {
      const version = statStored(path);
      if (version === null) return null;
      const key = `${version.size}:${version.mtimeMs}`;
      const cached = this.#cache.get(path);
      if (cached?.version === key) return cached.meta;
      const recorded = await readSessionMeta(path, MAX_HEAD_BYTES);
      if (recorded === null) return null;
      const meta = { id: recorded.id, baseSegmentId: recorded.history_base?.thread_id ?? null };
      this.#cache.set(path, { version: key, meta });
      return meta;
    } catch {
      // Whoever asks for this file by its path learns why it cannot be read.
      return null;
    }
  }

  /** Those of many files, in their order. */
  async readAll(files: readonly RolloutFile[]): Promise<(FileMeta | null)[]> {
    const metas: (FileMeta | null)[] = [];
    for (let start = 0; start < files.length; start += BATCH) {
      const batch = files.slice(start, start + BATCH);
      metas.push(...(await Promise.all(batch.map(({ path }) => this.read(path)))));
    }
    return metas;
  }
}
