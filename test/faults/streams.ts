// What one connection saw of streaming items, and whether it was consistent in itself. Any thread.
import type { LoggedMessage, WireMessage } from './byte-log.js';
import type { WireItem } from './items.js';
import { itemText } from './items.js';
import type { SentRequest } from './told.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';
import type { TurnEnd } from './wire-client.js';

/** The text of one agent message as it reached one client. */
export interface SeenStream {
  threadId: string;
  turnId: string;
  itemId: string;
  pieces: { atMs: number; text: string }[];
  completed: boolean;
}

export interface SeenConnection {
  streams: SeenStream[];
  /** Items whose turn ended because nothing could be written: nothing of them has to be anywhere. */
  unrecorded: Set<string>;
  violations: Violation[];
  deltas: number;
  /** Notifications that carried a number and were held to rise by one. */
  numbered: number;
  /** One of its notifications, by thread and number, for the comparison between connections. */
  frames: Map<string, string>;
  epochs: Set<string>;
}

/**
 * Follows one connection. From the moment at which it subscribed to a thread, the numbers of that thread's notifications
 * rise by one; each item starts once, completes once, and its text is what it started with and all its deltas.
 */
export function followConnection(
  messages: readonly LoggedMessage[],
  requests: ReadonlyMap<number, SentRequest>,
): SeenConnection {
  const seen: SeenConnection = {
    streams: [],
    unrecorded: new Set(),
    violations: [],
    deltas: 0,
    numbered: 0,
    frames: new Map(),
    epochs: new Set(),
  };
  const subscribed = new Set<string>();
  const numbers = new Map<string, Numbers>();
  const running = new Map<string, SeenStream>();
  const done = new Set<string>();
  for (const { message, atMs, text } of messages) {
    if (message.method === undefined) {
      const threadId = subscribedBy(message, requests);
      if (threadId !== null) subscribed.add(threadId);
      continue;
    }
    const threadId = message.params?.threadId;
    if (typeof threadId !== 'string' || !subscribed.has(threadId)) continue;
    checkSequence(seen, numbers, threadId, message, text);
    followItem(seen, running, done, threadId, message, atMs);
  }
  return seen;
}

function subscribedBy(message: WireMessage, requests: ReadonlyMap<number, SentRequest>): string | null {
  const request = requests.get(Number(message.id));
  if (message.result === undefined || request === undefined) return null;
  if (request.method !== 'thread/start' && request.method !== 'thread/resume') return null;
  return (message.result.thread as { id: string }).id;
}

/** What is known of one thread's numbers on one connection. */
interface Numbers {
  first: number;
  last: number;
}

/**
 * A snapshot may repeat what runs under the number at which it was taken; from the next number on there is no
 * repetition and no gap, and other connections see the same under it.
 */
function checkSequence(
  seen: SeenConnection,
  numbers: Map<string, Numbers>,
  threadId: string,
  message: WireMessage,
  text: string,
): void {
  const seq = message.seq;
  if (seq === undefined) return;
  const epoch = String(message.epoch);
  seen.epochs.add(epoch);
  seen.numbered += 1;
  const known = numbers.get(threadId);
  if (known === undefined) {
    numbers.set(threadId, { first: seq, last: seq });
    return;
  }
  if (seq !== known.first) seen.frames.set(`${threadId} ${seq}`, text);
  const isSnapshot = seq === known.first && known.last === known.first;
  if (seq !== known.last + 1 && !isSnapshot) {
    const what = `after number ${known.last} of epoch ${epoch} came ${seq} (${message.method})`;
    seen.violations.push({ kind: 'order', threadId, what, told: `${known.last + 1}`, found: `${seq}` });
  }
  known.last = seq;
}

function followItem(
  seen: SeenConnection,
  running: Map<string, SeenStream>,
  done: Set<string>,
  threadId: string,
  message: WireMessage,
  atMs: number,
): void {
  const { turnId, itemId, item, delta } = message.params as {
    turnId: string;
    itemId: string;
    item: WireItem;
    delta: string;
  };
  const report = (what: string, told: string, found: string) =>
    seen.violations.push({ kind: 'order', threadId, what, told, found });
  if (message.method === 'item/started') {
    if (running.has(item.id) || done.has(item.id)) report(`item ${item.id} started twice`, 'once', 'again');
    const stream = { threadId, turnId, itemId: item.id, pieces: [{ atMs, text: itemText(item) }], completed: false };
    running.set(item.id, stream);
    if (item.type === 'agentMessage') seen.streams.push(stream);
  } else if (message.method === 'item/agentMessage/delta') {
    seen.deltas += 1;
    const stream = running.get(itemId);
    if (stream === undefined) report(`a delta of item ${itemId}, which is not running`, 'item/started first', delta);
    else stream.pieces.push({ atMs, text: delta });
  } else if (message.method === 'item/completed') {
    const stream = running.get(item.id);
    if (stream === undefined) {
      report(`item ${item.id} completed without running`, 'item/started first', done.has(item.id) ? 'twice' : 'once');
      return;
    }
    running.delete(item.id);
    done.add(item.id);
    stream.completed = true;
    const streamed = stream.pieces.map(({ text }) => text).join('');
    const whole = itemText(item);
    if (item.type === 'agentMessage' && streamed !== whole) {
      report(`the text of item ${item.id} is not the sum of its deltas`, shorten(whole), shorten(streamed));
    }
  } else if (message.method === 'turn/completed') {
    const { id, error } = message.params!.turn as TurnEnd;
    const open = [...running.values()].filter((stream) => stream.turnId === id);
    for (const stream of open) {
      running.delete(stream.itemId);
      // Nothing of it could be recorded, so nothing of it may be told to be complete, or expected to be there.
      if (error?.additionalDetails === 'rollout_write_failed') {
        seen.unrecorded.add(stream.itemId);
        continue;
      }
      report(`item ${stream.itemId} was not completed before its turn`, 'item/completed', 'turn/completed');
    }
  }
}

/** Two clients of one thread see the same notifications under the same numbers. */
export function compareConnections(connections: readonly SeenConnection[]): Violation[] {
  const first = new Map<string, string>();
  const violations: Violation[] = [];
  for (const { frames } of connections) {
    for (const [key, text] of frames) {
      const other = first.get(key);
      if (other === undefined) first.set(key, text);
      else if (other !== text) {
        const threadId = key.split(' ')[0]!;
        const what = `two clients saw different notifications under number ${key.split(' ')[1]}`;
        violations.push({ kind: 'order', threadId, what, told: shorten(other, 400), found: shorten(text, 400) });
      }
    }
  }
  return violations;
}
