// The notifications of one connection, by conversation, each sequence in its order. Main thread.
import { align } from './align.js';
import type { Bindings } from './bindings.js';
import type { ValueComparer } from './compare-values.js';
import { isObject } from './recording.js';
import type { JsonObject } from './recording.js';

export interface Notice {
  method: string;
  params: JsonObject;
  /** What stands beside method and params, but for the time. */
  stamps: JsonObject;
}

/** A notification with the place that it was sent at, in the recording or while replaying it. */
export interface PlacedNotice<Place> extends Notice {
  place: Place;
}

/** Empty for one that concerns no conversation. */
export function threadOf({ params }: Notice): string {
  const { threadId, thread } = params;
  if (typeof threadId === 'string') return threadId;
  return isObject(thread) && typeof thread['id'] === 'string' ? thread['id'] : '';
}

export function turnOf({ params }: Notice): string | null {
  const { turnId, turn } = params;
  if (typeof turnId === 'string') return turnId;
  return isObject(turn) && typeof turn['id'] === 'string' ? turn['id'] : null;
}

/** How many deltas a text came in is not compared, nor what came between them: those of one text become one. */
function joinDeltas<T>(notices: readonly PlacedNotice<T>[]): PlacedNotice<T>[] {
  const joined: PlacedNotice<T>[] = [];
  const streams = new Map<string, PlacedNotice<T>>();
  for (const notice of notices) {
    const { delta, itemId, summaryIndex, contentIndex } = notice.params;
    if (typeof delta !== 'string') {
      joined.push(notice);
      continue;
    }
    const key = JSON.stringify([notice.method, itemId, summaryIndex, contentIndex]);
    const first = streams.get(key);
    if (first !== undefined) {
      first.params['delta'] = `${first.params['delta'] as string}${delta}`;
      continue;
    }
    const copy = { ...notice, params: { ...notice.params } };
    streams.set(key, copy);
    joined.push(copy);
  }
  return joined;
}

export interface SequenceReport<Place> {
  /** Only one side sent it; an empty path. */
  alone(side: 'recorded' | 'live', notice: PlacedNotice<Place>): void;
  /** A comparer for what two counterparts carry. */
  comparer(method: string, place: Place): ValueComparer;
}

/** What came after the last thing that was recorded is not held against anyone: the recording ended there. */
export function compareSequences<Place>(
  recorded: readonly PlacedNotice<Place>[],
  live: readonly PlacedNotice<Place>[],
  bindings: Bindings,
  report: SequenceReport<Place>,
): void {
  const pairs = align(joinDeltas(recorded), joinDeltas(live), (a, b) => alike(a, b, bindings));
  const end = pairs.findLastIndex((pair) => pair.recorded !== undefined);
  for (const { recorded: theirs, live: ours } of pairs.slice(0, end + 1)) {
    if (theirs !== undefined && ours !== undefined) {
      report
        .comparer(theirs.method, theirs.place)
        .compare('', { ...theirs.stamps, params: theirs.params }, { ...ours.stamps, params: ours.params });
    } else if (theirs !== undefined) {
      report.alone('recorded', theirs);
    } else if (ours !== undefined) {
      report.alone('live', ours);
    }
  }
}

function alike(recorded: Notice, live: Notice, bindings: Bindings): boolean {
  if (recorded.method !== live.method) return false;
  const theirs = turnOf(recorded);
  const ours = turnOf(live);
  if (theirs !== null && ours !== null && !bindings.agree(theirs, ours)) return false;
  const { status } = recorded.params;
  if (isObject(status)) return JSON.stringify(status) === JSON.stringify(live.params['status']);
  return itemsAgree(recorded, live, bindings);
}

function itemsAgree(recorded: Notice, live: Notice, bindings: Bindings): boolean {
  const theirs = itemOf(recorded);
  const ours = itemOf(live);
  if (theirs.id === null || ours.id === null) return theirs.id === ours.id;
  if (!bindings.agree(theirs.id, ours.id)) return false;
  // What a call of the model becomes is for the comparison of the items to say.
  return bindings.isBound(theirs.id) || theirs.type === ours.type || theirs.id.startsWith('call_');
}

function itemOf({ params }: Notice): { id: string | null; type: unknown } {
  const { item, itemId } = params;
  const id = isObject(item) ? item['id'] : itemId;
  return { id: typeof id === 'string' ? id : null, type: isObject(item) ? item['type'] : null };
}
