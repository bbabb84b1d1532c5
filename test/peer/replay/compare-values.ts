// Holds what the live daemon sent against what was recorded: the same keys, types and values, ids and times apart. Main thread.
import { readVersion } from '../../../src/version.js';
import { align } from './align.js';
import type { Bindings } from './bindings.js';
import { isObject } from './recording.js';
import type { Json, JsonObject } from './recording.js';

/** Their type must be the same, and whether they are null. */
const DIFFERS_EACH_RUN = new Set([
  'startedAtMs',
  'completedAtMs',
  'startedAt',
  'completedAt',
  'durationMs',
  'createdAt',
  'updatedAt',
  'recencyAt',
  'timestamp',
  'revision',
  'userAgent',
  'installationId',
  'serverName',
  'processId',
  'requestId',
]);
const CURSORS = new Set(['nextCursor', 'backwardsCursor', 'turnsBackwardsCursor', 'itemsBackwardsCursor']);
const IDS = new Set(['id', 'turnId', 'rootTurnId', 'itemId']);
/** Each server writes its own version; what others wrote stays. */
const RECORDED_VERSION = '0.169.0';
const OWN_VERSION = readVersion();
/** Counted within a conversation, the same in every run. */
const COUNTED_ID = /^item-\d+$/;
const WHOLE_UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface ComparerOptions {
  bindings: Bindings;
  /** Turns of the recording that are not replayed: nobody expects them in a list. */
  skippedTurns: ReadonlySet<string>;
  report: (path: string, recorded: unknown, live: unknown) => void;
}

export class ValueComparer {
  readonly #options: ComparerOptions;

  constructor(options: ComparerOptions) {
    this.#options = options;
  }

  /** Reports each difference under its path below `path`; binds the ids that stand in the same places. */
  compare(path: string, recorded: Json, live: Json, key = ''): void {
    if (Array.isArray(recorded) && Array.isArray(live)) return this.#arrays(path, recorded, live);
    if (isObject(recorded) && isObject(live)) return this.#objects(path, recorded, live);
    if (typeof recorded !== typeof live || recorded === null || live === null || typeof recorded === 'object') {
      if (recorded !== live) this.#options.report(path, recorded, live);
      return;
    }
    // A question's number counts those of its server.
    if (DIFFERS_EACH_RUN.has(key) || (path === 'id' && typeof recorded === 'number')) return;
    if (typeof recorded === 'string') return this.#texts(path, recorded, live as string, key);
    if (recorded !== live) this.#options.report(path, recorded, live);
  }

  #texts(path: string, recorded: string, live: string, key: string): void {
    const { bindings, report } = this.#options;
    if (recorded !== live && withoutAccidents(recorded) === withoutAccidents(live)) return;
    if (key === 'cliVersion' && recorded === RECORDED_VERSION && live === OWN_VERSION) return;
    if (CURSORS.has(key)) return bindings.bindText(recorded, live);
    const pair = bindings.pair(recorded, live);
    if (pair !== null) {
      if (key === 'path') bindings.bindText(recorded, live);
      if (pair.conflicts.length > 0) report(path, recorded, live);
      return;
    }
    const isOpaque = IDS.has(key) && !COUNTED_ID.test(recorded) && !COUNTED_ID.test(live);
    if (!isOpaque || !bindings.bind(recorded, live)) report(path, recorded, live);
  }

  #objects(path: string, recorded: JsonObject, live: JsonObject): void {
    const { bindings, report } = this.#options;
    if (isText(recorded['type']) && isText(live['type']) && recorded['type'] !== live['type']) {
      // Two kinds of the same thing: their fields would only say so again.
      if (isText(recorded['id']) && isText(live['id'])) bindings.pair(recorded['id'], live['id']);
      return report(path, recorded, live);
    }
    let expected = recorded;
    let isPart = false;
    if (Object.keys(recorded).some((key) => WHOLE_UUID.test(key))) {
      // Keyed by thread: those of other recordings are not in this home.
      const entries = Object.entries(recorded).filter(([key]) => bindings.isBound(key));
      isPart = entries.length < Object.keys(recorded).length;
      expected = Object.fromEntries(entries.map(([key, value]) => [bindings.current(key)!, value]));
    }
    // Where a page is without rows of other recordings, it need not end where theirs did.
    const isPartOfPage = Array.isArray(recorded['data']) && recorded['data'].some((row) => this.#isElsewhere(row));
    for (const [key, value] of Object.entries(expected)) {
      const place = placeBelow(path, key);
      if (isPartOfPage && CURSORS.has(key) && live[key] === null) continue;
      if (Object.hasOwn(live, key)) this.compare(place, value, live[key]!, key);
      else report(place, value, undefined);
    }
    if (isPart) return;
    for (const [key, value] of Object.entries(live)) {
      if (!Object.hasOwn(expected, key)) report(placeBelow(path, key), undefined, value);
    }
  }

  #arrays(path: string, recorded: Json[], live: Json[]): void {
    const expected = recorded.filter((element) => !this.#isElsewhere(element));
    const isParallel =
      expected.length === live.length && expected.every((element, index) => this.#idsAgree(element, live[index]!));
    const pairs = isParallel
      ? expected.map((element, index) => ({ recorded: element, live: live[index]! }))
      : align(expected, live, (a, b) => this.#alike(a, b));
    // A page that is shorter by rows of other recordings goes on where theirs ended.
    let spare = recorded.length - expected.length;
    while (spare > 0 && pairs.at(-1) !== undefined && pairs.at(-1)!.recorded === undefined) {
      pairs.pop();
      spare -= 1;
    }
    for (const pair of pairs) {
      if (pair.recorded === undefined || pair.live === undefined) {
        this.#options.report(`${path}[]`, pair.recorded, pair.live);
      } else {
        this.compare(`${path}[]`, pair.recorded, pair.live);
      }
    }
  }

  /** Belongs to another recording, or to a part of this one that is not replayed. */
  #isElsewhere(element: Json): boolean {
    const { bindings, skippedTurns } = this.#options;
    if (typeof element === 'string') return WHOLE_UUID.test(element) && !bindings.isBound(element);
    if (!isObject(element)) return false;
    const { id, turnId } = element;
    if (typeof turnId === 'string' && skippedTurns.has(turnId)) return true;
    if (typeof id !== 'string') return false;
    return skippedTurns.has(id) || ('cliVersion' in element && !bindings.isBound(id));
  }

  #alike(recorded: Json, live: Json): boolean {
    const { bindings } = this.#options;
    if (!isObject(recorded) || !isObject(live)) {
      return typeof recorded === 'string' && typeof live === 'string' && WHOLE_UUID.test(recorded)
        ? bindings.agree(recorded, live)
        : recorded === live;
    }
    const theirs = identify(recorded);
    const ours = identify(live);
    if (theirs.id !== null && ours.id !== null) {
      if (!bindings.agree(theirs.id, ours.id)) return false;
      if (bindings.isBound(theirs.id)) return true;
    }
    return theirs.type === ours.type;
  }

  #idsAgree(recorded: Json, live: Json): boolean {
    if (!isObject(recorded) || !isObject(live)) return true;
    const theirs = identify(recorded).id;
    const ours = identify(live).id;
    return theirs === null || ours === null || this.#options.bindings.agree(theirs, ours);
  }
}

/** The name of an element of a list: of a thread, a turn, an item, or an item in its envelope. */
function identify(element: JsonObject): { id: string | null; type: Json } {
  const inner = [element['item'], element['thread']].find(isObject) ?? element;
  const { id = null, type = null } = inner;
  return { id: typeof id === 'string' ? id : null, type };
}

/** What the model is told of a command but for its name and how long it took; its two outputs may mix in either order. */
function withoutAccidents(text: string): string {
  const told = /^(tool said \d+ chars: )?Chunk ID: [0-9a-f]{6}\nWall time: [\d.]+ seconds\n([^]*)$/.exec(text);
  return told === null ? text : `${told[1] ?? ''}${told[2]!.replace('two\none\n', 'one\ntwo\n')}`;
}

function placeBelow(path: string, key: string): string {
  const name = WHOLE_UUID.test(key) ? '{}' : key;
  return path === '' ? name : `${path}.${name}`;
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string';
}
