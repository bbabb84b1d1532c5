// The rollout that holds a conversation, by the conversation's id. Index thread.
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { listRolloutFiles, newestOfEachId } from './rollout-files.js';
import type { RolloutFile } from './rollout-files.js';

const META_ONLY: ReadonlySet<LineKind> = new Set<LineKind>(['session_meta']);
const CHUNK_BYTES = 32 * 1024;
/** Where no session_meta has come by then, none is looked for. */
const MAX_HEAD_BYTES = 1024 * 1024;
const BATCH = 16;

/** Remembers which id each file that it had to open holds: that never changes. */
export class ConversationFinder {
  readonly #home: string;
  readonly #recordedIds = new Map<string, string | null>();

  constructor(home: string) {
    this.#home = home;
  }

  /**
   * Path of the newest file of this id, or null. Names come first; only when none fits are files opened, for a
   * session_meta with this id. Archived files come last.
   */
  async find(id: string): Promise<string | null> {
    const active = await listRolloutFiles(this.#home, false);
    const archived = await listRolloutFiles(this.#home, true);
    for (const files of [active, archived]) {
      const named = newestOfEachId(files.filter((file) => file.id === id))[0];
      if (named !== undefined) return named.path;
    }
    for (const files of [active, archived]) {
      const recorded = await this.#ofRecordedId(files, id);
      if (recorded !== null) return recorded;
    }
    return null;
  }

  async #ofRecordedId(files: readonly RolloutFile[], id: string): Promise<string | null> {
    const matching: RolloutFile[] = [];
    for (let start = 0; start < files.length; start += BATCH) {
      const batch = files.slice(start, start + BATCH);
      const ids = await Promise.all(batch.map(({ path }) => this.#recordedId(path)));
      matching.push(...batch.filter((_, index) => ids[index] === id).map((file) => ({ ...file, id })));
    }
    return newestOfEachId(matching)[0]?.path ?? null;
  }

  async #recordedId(path: string): Promise<string | null> {
    const known = this.#recordedIds.get(path);
    if (known !== undefined) return known;
    const id = await readRecordedId(path);
    // A file without one may be about to get it.
    if (id !== null) this.#recordedIds.set(path, id);
    return id;
  }
}

async function readRecordedId(path: string): Promise<string | null> {
  let id: string | null = null;
  const takeId = (recorded: string): false => {
    id = recorded;
    return false;
  };
  try {
    await readRolloutLines(path, (line) => (line.type === 'session_meta' ? takeId(line.payload.id) : true), {
      kinds: META_ONLY,
      chunkBytes: CHUNK_BYTES,
      end: MAX_HEAD_BYTES,
    });
  } catch {
    // A file that cannot be read is not the one looked for; whoever asks for it by path learns why.
    return null;
  }
  return id;
}
