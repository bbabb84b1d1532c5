// Which name of the recording stands for which live one: ids, cursors, and the folder that everything lies in. Main thread.
import type { Json } from './recording.js';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
/** Ids that the model, the clock or the repository made: they differ from one run to the next. */
const ID = `${UUID}|\\b(?:msg|msgc|msgf|rs|call|ws|fc)_[A-Za-z0-9_]+|\\b[0-9a-f]{40}\\b`;
/** Times in names of files and folders, in cursors and in texts. */
const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d(?:\.\d+)?Z?|\b\d{4}/\d\d/\d\d\b|\b1[789]\d{11}\b`;
const TOKEN = new RegExp(`(${ID}|${TIME})`);
const IS_TIME = new RegExp(`^(?:${TIME})$`);
const EVERY_ID = new RegExp(ID, 'g');

/** What the recorded model streams, as many pieces as there was time for. */
const TIMED_DELTAS = /(?:\d{13}:\d+ )+/g;
const ONE_DELTA = '1700000000000:0 ';

/** The folder of the user who made the recordings. */
const RECORDED_ROOT = '/home/user';

export class Bindings {
  readonly #root: string;
  /** Live ids by recorded id; the last one is current. */
  readonly #live = new Map<string, string[]>();
  readonly #recorded = new Map<string, string>();
  /** Cursors and paths, which are more than the ids and times in them. */
  readonly #texts = new Map<string, string>();
  /** Ids that the recorded server has told. */
  readonly #told = new Set<string>();

  /** `root` takes the place of the recorded user's folder. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Remembers every id in what the recorded server sent: a request that names one needs its live counterpart. */
  note(told: Json): void {
    for (const [id] of JSON.stringify(told).matchAll(EVERY_ID)) this.#told.add(id);
  }

  /** False when `recorded` already stands for another live id; it then stands for both, and the new one is current. */
  bind(recorded: string, live: string): boolean {
    const known = this.#live.get(recorded);
    if (!this.#recorded.has(live)) this.#recorded.set(live, recorded);
    if (known === undefined) {
      this.#live.set(recorded, [live]);
      return true;
    }
    if (known.includes(live)) return true;
    known.push(live);
    return false;
  }

  /** From now on the one text is told as the other, whatever is in it. */
  bindText(recorded: string, live: string): void {
    this.#texts.set(recorded, live);
  }

  isBound(recorded: string): boolean {
    return this.#live.has(recorded);
  }

  /** Whether the two may be the same thing: bound to each other, or both not bound to anything. */
  agree(recorded: string, live: string): boolean {
    const known = this.#live.get(recorded);
    return known === undefined ? !this.#recorded.has(live) : known.includes(live);
  }

  current(recorded: string): string | undefined {
    return this.#live.get(recorded)?.at(-1);
  }

  recordedOf(live: string): string | undefined {
    return this.#recorded.get(live);
  }

  /** Binds the ids of two texts to each other. Null unless they say the same but for ids and times. */
  pair(recorded: string, live: string): { conflicts: [string, string][] } | null {
    const theirs = this.#rooted(recorded).replace(TIMED_DELTAS, ONE_DELTA).split(TOKEN);
    const ours = live.replace(TIMED_DELTAS, ONE_DELTA).split(TOKEN);
    if (theirs.length !== ours.length) return null;
    // Odd places hold the tokens.
    for (const [index, text] of theirs.entries()) {
      const other = ours[index]!;
      if (index % 2 === 0 ? text !== other : IS_TIME.test(text) !== IS_TIME.test(other)) return null;
    }
    const conflicts = theirs.flatMap((text, index): [string, string][] => {
      if (index % 2 === 0 || IS_TIME.test(text) || this.bind(text, ours[index]!)) return [];
      return [[text, ours[index]!]];
    });
    return { conflicts };
  }

  /** A recorded value as the live daemon must be told it. Ids without a counterpart are added to `missing`. */
  translate(value: Json, missing: Set<string>): Json {
    if (typeof value === 'string') {
      return this.#texts.get(value) ?? this.#rooted(value).replace(EVERY_ID, (id) => this.#translateId(id, missing));
    }
    if (Array.isArray(value)) return value.map((element) => this.translate(element, missing));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, this.translate(part, missing)]));
  }

  #translateId(id: string, missing: Set<string>): string {
    const live = this.current(id);
    if (live === undefined && this.#told.has(id)) missing.add(id);
    return live ?? id;
  }

  #rooted(text: string): string {
    return text.replaceAll(RECORDED_ROOT, this.#root);
  }
}
