// The files of a home against the model, and against what they held before: nothing written is ever changed. Main thread.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { listFiles, readContent } from './files-on-disk.js';
import type { FileOnDisk } from './files-on-disk.js';
import { compare } from './difference.js';
import type { Difference } from './difference.js';
import type { FileRef, Model, Thread } from './model.js';
import type { World } from './world.js';

interface Line {
  ordinal?: number;
  type: string;
  payload: any;
}

/** One for each world: it remembers what it saw. */
export class FileLedger {
  readonly #world: World;
  /** By name, without the ending of compressed files. */
  #contents = new Map<string, Buffer>();
  /** Conversations that a kill may have left in two folders: where the newest file lies, they do. */
  readonly #split = new Set<string>();
  /** Locks that a killed daemon left: nobody holds them. */
  #orphans = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** To be called after a kill, before anything is loaded. */
  noteKill(): void {
    this.#orphans = new Set(this.#lockNames());
  }

  /** It was moved, perhaps in part. */
  noteSplit(threadId: string): void {
    this.#split.add(threadId);
  }

  async fileNames(): Promise<Set<string>> {
    const { files } = await listFiles(this.#world.home.path);
    return new Set(files.map(nameOf));
  }

  /** The one whose name is not among these and that says what it is; null when there is none. */
  async newFile(known: ReadonlySet<string>): Promise<FileOnDisk | null> {
    const { files } = await listFiles(this.#world.home.path);
    for (const file of files) if (!known.has(nameOf(file)) && !isOnlyBegun(await readContent(file))) return file;
    return null;
  }

  /** How many of these texts are in files of the conversation. */
  async countTexts(threadId: string, texts: readonly string[]): Promise<number> {
    const { files } = await listFiles(this.#world.home.path);
    const own = await Promise.all(files.filter((file) => file.threadId === threadId).map(readContent));
    return texts.filter((text) => own.some((content) => content.includes(JSON.stringify(text)))).length;
  }

  async hasFile(threadId: string): Promise<boolean> {
    const { files } = await listFiles(this.#world.home.path);
    return files.some((file) => file.threadId === threadId);
  }

  /**
   * What a file goes on from, by the name that it has in this path, wherever it lies by now; null when from nothing,
   * undefined when there is no such file any more.
   */
  async baseOf(path: string): Promise<string | null | undefined> {
    const { files } = await listFiles(this.#world.home.path);
    const file = files.find((each) => nameOf(each) === basename(path));
    if (file === undefined) return undefined;
    const [line = ''] = (await readContent(file)).toString('utf8').split('\n', 1);
    return JSON.parse(line).payload.history_base?.thread_id ?? null;
  }

  async check(model: Model): Promise<Difference[]> {
    const { files: found, strangers } = await listFiles(this.#world.home.path);
    const contents = new Map<string, Buffer>();
    for (const file of found) {
      const content = await readContent(file);
      if (!isOnlyBegun(content)) contents.set(nameOf(file), content);
    }
    const files = found.filter((file) => contents.has(nameOf(file)));
    const threads = [...model.threads.values()];
    const differences = [
      ...compare('files that are no rollouts', [], strangers),
      ...compare('rollouts by conversation', this.#expectedFiles(threads), this.#foundFiles(files)),
      ...this.#checkGrowth(contents),
      ...threads.flatMap((thread) => this.#checkThread(thread, files, contents)),
      ...this.#checkLocks(threads),
      ...this.#checkNames(threads),
    ];
    this.#contents = contents;
    return differences;
  }

  #expectedFiles(threads: readonly Thread[]): string[] {
    return threads
      .filter(hasFiles)
      .flatMap((thread) => {
        const threadId = this.#world.idOf(thread.label);
        const archived = thread.place === 'archive';
        return segmentsOf(thread).map((ref, index, all) =>
          this.#describe({ threadId, segmentId: this.#world.segmentIdOf(ref), archived }, index === all.length - 1),
        );
      })
      .toSorted();
  }

  /** Oldest first, as they are given. */
  #foundFiles(files: readonly FileOnDisk[]): string[] {
    const newest = new Map(files.map((file) => [file.threadId, file]));
    return files.map((file) => this.#describe(file, newest.get(file.threadId) === file)).toSorted();
  }

  #describe(file: Pick<FileOnDisk, 'threadId' | 'segmentId' | 'archived'>, isNewest: boolean): string {
    const isSplit = this.#split.has(file.threadId) && !isNewest;
    const where = isSplit ? 'somewhere' : file.archived ? 'archived' : 'there';
    return `${file.threadId} ${file.segmentId} ${where}`;
  }

  #checkGrowth(contents: ReadonlyMap<string, Buffer>): Difference[] {
    return [...contents].flatMap(([name, content]) => {
      const former = this.#contents.get(name) ?? Buffer.alloc(0);
      const kept = content.subarray(0, former.length).equals(former);
      return compare(`the first ${former.length} bytes of ${name}`, 'as they were', kept ? 'as they were' : 'changed');
    });
  }

  #checkThread(thread: Thread, files: readonly FileOnDisk[], contents: ReadonlyMap<string, Buffer>): Difference[] {
    if (!hasFiles(thread)) return [];
    const threadId = this.#world.idOf(thread.label);
    const own = files.filter((file) => file.threadId === threadId);
    return segmentsOf(thread).flatMap((ref) => {
      const segmentId = this.#world.segmentIdOf(ref);
      const file = own.find((each) => each.segmentId === segmentId);
      if (file === undefined) return [];
      const name = nameOf(file);
      const lines = parseLines(contents.get(name)!);
      if (lines === null) return compare(name, 'whole lines of JSON', 'something else');
      return [
        ...compare(`whose file ${name} is`, threadId, lines[0]?.payload.id),
        ...(thread.mode === 'legacy' ? [] : this.#checkPaginated(thread, ref, name, lines, files, contents)),
      ];
    });
  }

  #checkPaginated(
    thread: Thread,
    ref: FileRef,
    name: string,
    lines: Line[],
    files: readonly FileOnDisk[],
    contents: ReadonlyMap<string, Buffer>,
  ): Difference[] {
    const base = thread.bases[ref.segment] ?? null;
    const metas = lines.filter(({ type }) => type === 'session_meta');
    const found = metas[0]?.payload.history_base ?? null;
    const start = found?.end_ordinal_exclusive ?? 0;
    const expectedOrdinals = lines.map((_line, index) => start + index);
    return [
      ...compare(`session_meta lines of ${name}`, 1, metas.length),
      ...compare(`what ${name} goes on from`, base && this.#world.segmentIdOf(base), found?.thread_id ?? null),
      ...compare(
        `ordinals of ${name}`,
        expectedOrdinals,
        lines.map(({ ordinal }) => ordinal),
      ),
      ...(found === null ? [] : checkBound(name, found, files, contents)),
    ];
  }

  #checkLocks(threads: readonly Thread[]): Difference[] {
    const held = threads.filter(({ loaded, ephemeral }) => loaded && !ephemeral);
    const names = held.map(({ label }) => `${this.#world.idOf(label)}.lock`);
    for (const name of names) this.#orphans.delete(name);
    const found = this.#lockNames().filter((name) => !this.#orphans.has(name));
    return compare('locks', names.toSorted(), found.toSorted());
  }

  #lockNames(): string[] {
    const names = readOr([], () => readdirSync(join(this.#world.home.path, 'thread-writer-locks')));
    return names.filter((name) => !name.startsWith('.'));
  }

  #checkNames(threads: readonly Thread[]): Difference[] {
    const text = readOr('', () => readFileSync(join(this.#world.home.path, 'session_index.jsonl'), 'utf8'));
    const found = new Map(
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { id: string; thread_name: string })
        .map(({ id, thread_name }) => [id, thread_name]),
    );
    const named = threads.filter(({ name, place, ephemeral }) => name !== null && place !== 'gone' && !ephemeral);
    const expected = named.map(({ label, name }) => [this.#world.idOf(label), name]);
    return compare('names in session_index.jsonl', sortPairs(expected), sortPairs([...found]));
  }
}

/** A killed process may leave a file without its first line: nobody takes it for a conversation. */
function isOnlyBegun(content: Buffer): boolean {
  return !content.includes(0x0a);
}

function sortPairs(pairs: readonly (readonly unknown[])[]): unknown[] {
  return pairs.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}

function hasFiles(thread: Thread): boolean {
  return thread.materialized && !thread.ephemeral && thread.place !== 'gone';
}

function segmentsOf(thread: Thread): FileRef[] {
  return thread.bases.map((_base, segment) => ({ thread: thread.label, segment }));
}

function nameOf(file: FileOnDisk): string {
  return basename(file.path).replace(/\.zst$/, '');
}

/** The bound is the end of a line, and the next line has the ordinal that is left out. */
function checkBound(
  name: string,
  base: { thread_id: string; end_ordinal_exclusive: number; end_byte_offset: number },
  files: readonly FileOnDisk[],
  contents: ReadonlyMap<string, Buffer>,
): Difference[] {
  const source = files.find(({ segmentId }) => segmentId === base.thread_id);
  if (source === undefined) return compare(`what ${name} goes on from`, 'a file', `none: ${base.thread_id}`);
  const content = contents.get(nameOf(source))!;
  const before = parseLines(content.subarray(0, base.end_byte_offset));
  const last = before?.at(-1)?.ordinal;
  return compare(`the last ordinal before the bound of ${name}`, base.end_ordinal_exclusive - 1, last);
}

/** null when it is not made of whole lines. */
function parseLines(content: Buffer): Line[] | null {
  if (content.at(-1) !== 0x0a) return null;
  try {
    return content
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  } catch {
    // Told as a difference.
    return null;
  }
}

function readOr<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise;
    throw error;
  }
}
