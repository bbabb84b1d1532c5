// The rollouts that hold a conversation, by the conversation's id or a segment's. Index thread.
import { DaemonError } from '../errors.js';
import { segmentIdOf } from '../rollout/file-name.js';
import type { SegmentLocator } from '../rollout/lineage.js';
import { statStored } from '../rollout/stored-file.js';
import type { FileMetas } from './file-metas.js';
import type { ConversationFile } from './index-messages.js';
import { archiveVersion, compareRank, listRolloutFiles, newestOf } from './rollout-files.js';
import type { RolloutFile } from './rollout-files.js';

/** The files of a home as they were at one moment. */
export interface HomeFiles {
  active: readonly RolloutFile[];
  archived: readonly RolloutFile[];
}

/** How often the home is listed while files move in it. */
const MAX_LISTINGS = 10;

/** Names come first; only when none fits are files opened, for a session_meta with the id. Archived files come last. */
export class ConversationFinder {
  readonly #home: string;
  readonly #metas: FileMetas;
  /** Where segments were found: they are looked for again when they are there no more. */
  readonly #segmentPaths = new Map<string, string>();

  constructor(home: string, metas: FileMetas) {
    this.#home = home;
    this.#metas = metas;
  }

  /**
   * Listed again while files move between the two folders: else one that is taken back could be seen in neither. Who
   * reads them afterwards is led to where they are by then. With `isComplete` nothing is passed over: throws DaemonError
   * rollout_unreadable when files never stop moving, and otherwise, as all methods here do, what reading a folder throws.
   */
  async listFiles(options: { isComplete?: boolean } = {}): Promise<HomeFiles> {
    const { files, isStill } = await this.#listStill(options);
    if (!isStill && options.isComplete === true) {
      throw new DaemonError('rollout_unreadable', 'the rollouts keep moving: they cannot be listed');
    }
    const { active, archived } = files;
    const listed = [...active, ...archived];
    this.#metas.keepOnly(listed);
    // A file has one segment: where there are more, some are gone.
    if (this.#segmentPaths.size > listed.length) this.#segmentPaths.clear();
    return { active, archived };
  }

  async #listStill(options: { isComplete?: boolean }): Promise<{ files: HomeFiles; isStill: boolean }> {
    for (let count = 1; ; count += 1) {
      const before = await archiveVersion(this.#home);
      const active = await listRolloutFiles(this.#home, false, options);
      const archived = await listRolloutFiles(this.#home, true, options);
      const isStill = (await archiveVersion(this.#home)) === before;
      if (isStill || count === MAX_LISTINGS) return { files: { active, archived }, isStill };
    }
  }

  /**
   * Path of the newest file of this id, or null. A file that a killed process had only begun stands behind all that hold a
   * conversation.
   */
  async find(id: string): Promise<string | null> {
    const { active, archived } = await this.listFiles();
    const named = [...archived, ...active].filter((file) => file.id === id);
    const current = (await this.#inOrder(named)).at(-1);
    if (current !== undefined) return current.path;
    for (const files of [active, archived]) {
      const recorded = newestOf(await this.#ofRecordedId(files, id));
      if (recorded !== undefined) return recorded.path;
    }
    return null;
  }

  /**
   * Every file of this id, archived ones first, then oldest first: the last one is that which find() gives. A file that
   * is named after this id and holds another is none of them.
   */
  async filesOf(id: string): Promise<RolloutFile[]> {
    const { active, archived } = await this.listFiles();
    const all = [...archived, ...active];
    const named = all.filter((file) => file.id === id);
    const metas = await this.#metas.readAll(named);
    const own = named.filter((_, index) => metas[index] === null || metas[index]?.id === id);
    return this.#inOrder(own.length > 0 ? own : await this.#ofRecordedId(all, id));
  }

  async #inOrder(files: readonly RolloutFile[]): Promise<RolloutFile[]> {
    if (files.length < 2) return [...files];
    const metas = await this.#metas.readAll(files);
    const isBegun = new Set(files.filter((_, index) => metas[index] === null));
    return files.toSorted((a, b) => Number(isBegun.has(b)) - Number(isBegun.has(a)) || compareRank(a, b));
  }

  /** The same for those who are not of this thread. */
  async files(id: string): Promise<ConversationFile[]> {
    const files = await this.filesOf(id);
    return files.map(({ path, segmentId, archived, compressed }) => ({
      path,
      segmentId: segmentId ?? id,
      archived,
      compressed,
    }));
  }

  /** Lists the home once, when it is first asked for a segment that is not where it was: for the length of one request. */
  locator(files: () => Promise<HomeFiles> = () => this.listFiles()): SegmentLocator {
    let listed: Promise<ListedSegments> | null = null;
    return async (segmentId) => {
      const known = this.#segmentPaths.get(segmentId);
      let path = known === undefined ? null : (statStored(known)?.path ?? null);
      if (path === null) {
        listed ??= files().then((home) => this.#bySegmentId(home));
        path = await locateIn(await listed, segmentId);
      }
      if (path === null) this.#segmentPaths.delete(segmentId);
      else this.#segmentPaths.set(segmentId, path);
      return path;
    };
  }

  #bySegmentId(files: HomeFiles): ListedSegments {
    const all = [...files.archived, ...files.active];
    const byName = new Map<string, RolloutFile>();
    for (const file of all) keepCurrent(byName, segmentIdOf(file), file);
    let recorded: Promise<Map<string, RolloutFile>> | null = null;
    const byRecordedId = (): Promise<Map<string, RolloutFile>> => {
      recorded ??= this.#firstsByRecordedId(all);
      return recorded;
    };
    return { byName, byRecordedId };
  }

  async #firstsByRecordedId(files: readonly RolloutFile[]): Promise<Map<string, RolloutFile>> {
    const firsts = files.filter((file) => file.segmentId === null);
    const metas = await this.#metas.readAll(firsts);
    const byId = new Map<string, RolloutFile>();
    for (const [index, meta] of metas.entries()) if (meta !== null) keepCurrent(byId, meta.id, firsts[index]!);
    return byId;
  }

  async #ofRecordedId(files: readonly RolloutFile[], id: string): Promise<RolloutFile[]> {
    const metas = await this.#metas.readAll(files);
    return files.filter((_, index) => metas[index]?.id === id);
  }
}

interface ListedSegments {
  byName: ReadonlyMap<string, RolloutFile>;
  /** Opens every file, once: many may look for what is nowhere. */
  byRecordedId: () => Promise<ReadonlyMap<string, RolloutFile>>;
}

async function locateIn({ byName, byRecordedId }: ListedSegments, segmentId: string): Promise<string | null> {
  const file = byName.get(segmentId) ?? (await byRecordedId()).get(segmentId);
  return file?.path ?? null;
}

/** Of several copies the one that counts. */
function keepCurrent(files: Map<string, RolloutFile>, id: string, file: RolloutFile): void {
  const other = files.get(id);
  if (other === undefined || compareRank(other, file) < 0) files.set(id, file);
}
