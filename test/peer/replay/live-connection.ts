// One connection of the recording, made again to the live daemon: sends, waits, and keeps what both servers said. Main thread.
import type { CheckedClient, WireMessage } from '../../support/checked-client.js';
import type { Bindings } from './bindings.js';
import type { Gate } from './gate.js';
import { threadOf, turnOf } from './notices.js';
import type { Notice, PlacedNotice } from './notices.js';
import { readNotice } from './recording.js';
import type { ClientStep, JsonObject, NoticeStep } from './recording.js';

/** Notifications that the next request of the recording may have waited for, with the patience for each. */
const AWAITED: Record<string, number> = {
  'turn/started': 5000,
  'turn/completed': 15_000,
  'item/started': 3000,
  'item/agentMessage/delta': 3000,
  'thread/started': 3000,
  'thread/status/changed': 1000,
  'thread/closed': 8000,
  'thread/archived': 3000,
  'thread/unarchived': 3000,
  'thread/deleted': 3000,
  'thread/reverted': 3000,
  'thread/name/updated': 3000,
  'thread/settings/updated': 3000,
  'item/commandExecution/requestApproval': 5000,
  'item/fileChange/requestApproval': 5000,
};
/** Nobody waits for more of these once their turn is over. */
const WITHIN_TURN = new Set(['item/started', 'item/agentMessage/delta']);
const REPLY_PATIENCE_MS = 10_000;
/** A request whose id no JSON parser here can carry is answered, if at all, under another one. */
const ODD_REPLY_PATIENCE_MS = 500;

export class LiveConnection {
  readonly recorded: NoticeStep[] = [];
  readonly client: CheckedClient;
  readonly #bindings: Bindings;
  readonly #gate: Gate;
  readonly #consumed = new Set<WireMessage>();
  /** How many messages had come when each step was sent. */
  readonly #sent: { received: number; step: ClientStep }[] = [];
  /** Waits that came to nothing: they are not repeated. */
  readonly #excused = new Set<string>();

  /** `gate` is open while this waits for notifications. */
  constructor(client: CheckedClient, bindings: Bindings, gate: Gate) {
    this.client = client;
    this.#bindings = bindings;
    this.#gate = gate;
  }

  send(step: ClientStep, message: unknown): void {
    this.#sent.push({ received: this.client.received.length, step });
    if (step.binary) return this.client.socket.send(Buffer.from(JSON.stringify(message)));
    if (step.raw !== null) return this.client.sendRaw(step.raw);
    const { id, method } = (message ?? {}) as JsonObject;
    if (typeof method === 'string' && isId(id)) this.client.expectReply(id, method);
    this.client.sendRaw(JSON.stringify(message));
  }

  /** The first reply with this id that was not handed out yet; null when none comes. */
  async reply(id: unknown): Promise<WireMessage | null> {
    const matches = (message: WireMessage): boolean =>
      message.method === undefined && JSON.stringify(message.id) === JSON.stringify(id) && !this.#consumed.has(message);
    const patience = isId(id) ? REPLY_PATIENCE_MS : ODD_REPLY_PATIENCE_MS;
    await this.#until(() => this.client.received.some(matches), patience);
    const found = this.client.received.find(matches) ?? null;
    if (found !== null) this.#consumed.add(found);
    return found;
  }

  /** Waits until what was recorded so far has come, as far as somebody may have waited for it. */
  async catchUp(): Promise<void> {
    const needed = new Map<string, { notice: NoticeStep; count: number }>();
    for (const notice of this.recorded) {
      if (!(notice.method in AWAITED)) continue;
      const key = JSON.stringify([notice.method, threadOf(notice), turnOf(notice)]);
      needed.set(key, { notice, count: (needed.get(key)?.count ?? 0) + 1 });
    }
    for (const [key, { notice, count }] of needed) {
      if (this.#excused.has(key) || !this.#isPlayed(notice)) continue;
      const isDone = (): boolean => this.#count(notice) >= count || this.#isTooLate(notice);
      if (isDone()) continue;
      await this.#gate.openDuring(() => this.#until(isDone, AWAITED[notice.method]!));
      if (!isDone()) this.#excused.add(key);
    }
  }

  /** Notifications with the step that was sent last before each. */
  liveNotices(): PlacedNotice<ClientStep>[] {
    return this.client.received.flatMap((message, index) => {
      const notice = readNotice(message as JsonObject);
      return notice === null ? [] : [{ ...notice, place: this.#placeOf(index) }];
    });
  }

  /** The number here of the question that has this one in the recording: the same of its kind, counted from the first. */
  questionId(recordedId: unknown): unknown {
    const theirs = this.recorded.filter(({ stamps }) => 'id' in stamps);
    const place = theirs.findIndex(({ stamps }) => stamps['id'] === recordedId);
    return (
      this.client.received.filter(({ id, method }) => id !== undefined && method !== undefined)[place]?.id ?? recordedId
    );
  }

  /** Replies that nobody expected. */
  unexpectedReplies(): { message: WireMessage; place: ClientStep }[] {
    return this.client.received.flatMap((message, index) =>
      message.method !== undefined || this.#consumed.has(message) ? [] : [{ message, place: this.#placeOf(index) }],
    );
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  #placeOf(index: number): ClientStep {
    return (this.#sent.findLast(({ received }) => received <= index) ?? this.#sent[0]!).step;
  }

  /** Whether the live daemon knows what the notification is about. */
  #isPlayed(notice: NoticeStep): boolean {
    const turn = turnOf(notice);
    return this.#bindings.isBound(threadOf(notice)) && (turn === null || this.#bindings.isBound(turn));
  }

  #count(recorded: NoticeStep): number {
    return this.liveNotices().filter((live) => live.method === recorded.method && this.#isSameSubject(recorded, live))
      .length;
  }

  #isTooLate(recorded: NoticeStep): boolean {
    if (!WITHIN_TURN.has(recorded.method)) return false;
    return this.liveNotices().some((live) => live.method === 'turn/completed' && this.#isSameSubject(recorded, live));
  }

  #isSameSubject(recorded: NoticeStep, live: Notice): boolean {
    const turns = [turnOf(recorded), turnOf(live)];
    if (turns[0] !== null && turns[1] !== null) return this.#bindings.agree(turns[0]!, turns[1]!);
    return this.#bindings.agree(threadOf(recorded), threadOf(live));
  }

  /** Looks again whenever something came. */
  async #until(isDone: () => boolean, patienceMs: number): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (!isDone() && Date.now() < deadline) {
      await Promise.race([this.client.next(() => true), sleepUntil(deadline), this.client.closed]);
      if (this.client.socket.readyState !== this.client.socket.OPEN) return;
    }
  }
}

function sleepUntil(deadline: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(1, deadline - Date.now())).unref();
  });
}

function isId(id: unknown): id is string | number {
  return typeof id === 'string' || Number.isSafeInteger(id);
}
