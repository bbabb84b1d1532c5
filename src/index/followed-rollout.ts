// One rollout that another process writes: looked at whenever it changes, and of what was appended only that is read. Index
// thread.
import { statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { sessionsFolderFor } from '../rollout/file-name.js';
import { LineKindFilter } from '../rollout/line-kinds.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { readLines } from '../rollout/line-reader.js';
import type { LinesRead, ReadLinesOptions } from '../rollout/line-reader.js';
import type { RolloutLine } from '../rollout/line.js';
import { parseLine } from '../rollout/parse-line.js';
import { statStored } from '../rollout/stored-file.js';
import { turnLineKinds } from '../rollout/turn-line-kinds.js';
import type { ConversationHistory } from './conversation-history.js';
import type { FollowedPlace, FollowNews } from './index-messages.js';
import { findLastLineEnd } from './last-line-end.js';
import { RecordedNews } from './recorded-news.js';
import type { RecordedEvent } from './recorded-news.js';

/** For what the system does not tell of: a network's file system, a full table of watches. */
const POLL_MS = 500;
/** Whether the conversation goes on in another file is looked up when it may, and all the same every so many polls. */
const POLLS_PER_LOOKUP = 60;
/** A folder that changed so shortly ago is looked at again. */
const RECENT_MS = 2000;
/** About as many bytes of lines are told in one piece. */
const PIECE_BYTES = 1024 * 1024;

export interface FollowOptions {
  home: string;
  conversationId: string;
  /** Throws what openHistory() throws. */
  open: (path: string) => Promise<ConversationHistory>;
  /** Path of the conversation's current file; null when there is none, or only in the archive. */
  findCurrent: () => Promise<string | null>;
  onNews: (news: FollowNews) => void;
}

/** What was read of a file, and what it made of the conversation. */
interface Reading {
  path: string;
  kinds: ReadonlySet<LineKind>;
  news: RecordedNews;
  /** Bytes and lines that were read: whole lines. */
  end: number;
  lineCount: number;
  /** How far an end of a line was looked for. */
  scanned: number;
}

export class FollowedRollout {
  readonly #options: FollowOptions;
  #reading: Reading;
  #watcher: FSWatcher | null = null;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();
  #isAwake = false;
  #idlePolls = 0;
  #newestFileAt = 0;
  #isClosed = false;
  /** Lines were taken that could not be told: what they made of the conversation is void. */
  #isSpoilt = false;

  /** Reads what there is, up to byte `end`. Throws what opening and reading throw. */
  static async start(options: FollowOptions, path: string, end: number | null): Promise<FollowedRollout> {
    return new FollowedRollout(options, await readWhole(options, path, end));
  }

  private constructor(options: FollowOptions, reading: Reading) {
    this.#options = options;
    this.#reading = reading;
    this.#watch();
    this.#timer = setInterval(() => this.#wake(), POLL_MS).unref();
    // What came since it was read.
    this.#wake();
  }

  get place(): FollowedPlace {
    const { path, end, news } = this.#reading;
    return { path, end, openTurnId: news.openTurnId, writtenAtMs: statStored(path)?.mtimeMs ?? 0 };
  }

  /** Resolves when all that was in the file at the time of the call is told. Never rejects. */
  catchUp(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#watcher?.close();
    this.#watcher = null;
  }

  /** Many changes in a row are one. */
  #wake(): void {
    if (this.#isAwake || this.#isClosed) return;
    this.#isAwake = true;
    void this.catchUp();
  }

  #watch(): void {
    this.#watcher?.close();
    try {
      this.#watcher = watch(this.#reading.path, { persistent: false }, (change) => {
        // Another file may be in its place.
        if (change === 'rename' && !this.#isClosed) this.#watch();
        this.#wake();
      });
      this.#watcher.on('error', () => undefined);
    } catch {
      // The polls must do.
      this.#watcher = null;
    }
  }

  async #look(): Promise<void> {
    this.#isAwake = false;
    if (this.#isClosed) return;
    try {
      await this.#takeChanges();
    } catch {
      // It cannot be read at this moment: the next poll tries again.
    }
  }

  async #takeChanges(): Promise<void> {
    if (this.#isSpoilt) this.#reading = await readWhole(this.#options, this.#reading.path, this.#reading.end);
    this.#isSpoilt = false;
    const reading = this.#reading;
    const stored = statStored(reading.path);
    if (stored === null || stored.path !== reading.path) return this.#goOnElsewhere();
    // Nobody appends to a compressed file: whoever goes on with it restores it first, as it was.
    if (stored.compressed) return;
    if (stored.size < reading.end) return this.#replace(reading.path);
    if (stored.size > reading.scanned) return this.#readAppended(stored.size);
    this.#idlePolls += 1;
    if (this.#mayGoOnElsewhere() || this.#idlePolls % POLLS_PER_LOOKUP === 0) await this.#goOnElsewhere();
  }

  /** Where new files are put there is another since: it may only be begun, and hold something a moment later. */
  #mayGoOnElsewhere(): boolean {
    const folder = sessionsFolderFor(this.#options.home, new Date());
    const changedAt = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const isNew = changedAt !== this.#newestFileAt || Date.now() - changedAt < RECENT_MS;
    this.#newestFileAt = changedAt;
    return isNew;
  }

  /** After a revert the conversation has another file. */
  async #goOnElsewhere(): Promise<void> {
    const current = await this.#options.findCurrent();
    if (current === this.#reading.path || this.#isClosed) return;
    if (current !== null) return this.#replace(current);
    this.close();
    this.#options.onNews({ type: 'gone' });
  }

  async #replace(path: string): Promise<void> {
    this.#reading = await readWhole(this.#options, path, null);
    this.#watch();
    if (!this.#isClosed) this.#options.onNews({ type: 'replaced', place: this.place });
  }

  async #readAppended(size: number): Promise<void> {
    this.#idlePolls = 0;
    const reading = this.#reading;
    const { path, kinds, news } = reading;
    const end = await findLastLineEnd(path, Math.max(reading.scanned, reading.end), size);
    reading.scanned = size;
    if (end === null) return;
    const { end: start, lineCount: firstLine } = reading;
    let events: RecordedEvent[] = [];
    let told = start;
    const tell = (upTo: number): void => {
      reading.end = upTo;
      if (!this.#isClosed) this.#options.onNews({ type: 'appended', place: this.place, events });
      events = [];
      told = upTo;
    };
    this.#isSpoilt = true;
    const read = await readTyped(path, { start, end }, kinds, (line, index, lineEnd) => {
      events.push(...news.take(line, firstLine + index));
      if (lineEnd - told < PIECE_BYTES) return;
      events.push(...news.settle());
      tell(lineEnd);
    });
    reading.lineCount = firstLine + read.lineCount;
    events.push(...news.settle());
    tell(end);
    this.#isSpoilt = false;
  }
}

async function readWhole({ conversationId, open }: FollowOptions, path: string, end: number | null): Promise<Reading> {
  const history = await open(path);
  const kinds = turnLineKinds(history.historyMode);
  const news = new RecordedNews(conversationId, history.historyMode);
  for (const source of history.sources) {
    await readTyped(source.path, { end: source.end }, kinds, (line, index) => news.pass(line, index));
  }
  const stored = statStored(history.path);
  const isPlain = stored !== null && !stored.compressed;
  const whole = end ?? (isPlain ? ((await findLastLineEnd(history.path, 0, stored.size)) ?? 0) : null);
  const upTo = whole === null ? {} : { end: whole };
  const read = await readTyped(history.path, upTo, kinds, (line, index) => news.pass(line, index));
  news.begin();
  const { completeSize, lineCount } = read;
  return { path: history.path, kinds, news, end: completeSize, lineCount, scanned: completeSize };
}

/** `lineEnd` is the byte behind the line's newline. Lines of other kinds are passed over, and counted. */
async function readTyped(
  path: string,
  range: ReadLinesOptions,
  kinds: ReadonlySet<LineKind>,
  visit: (line: RolloutLine, index: number, lineEnd: number) => void,
): Promise<LinesRead & { lineCount: number }> {
  const filter = new LineKindFilter(kinds);
  let lineCount = 0;
  const read = await readLines(
    path,
    ({ value, index, offset, length }) => {
      const line = parseLine(value);
      if (line === 'malformed') return line;
      if (line !== 'unknown') visit(line, index, offset + length + 1);
      return true;
    },
    {
      ...range,
      skip: (start) => {
        lineCount += 1;
        return filter.passesOver(start);
      },
    },
  );
  return { ...read, lineCount };
}
