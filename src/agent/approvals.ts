// What a session asks of the people at its clients: each question and each answer is a line before anybody acts on it. Session worker.
import { v7 as uuid } from 'uuid';
import type { ServerRequestName, ServerRequestParams, ServerRequestResult } from '../protocol/server-requests.js';
import type { ThreadStatus } from '../protocol/thread.js';
import type { ApprovalRequestedEvent, ApprovalResolvedEvent } from '../rollout/approval-events.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import type { ClientAnswer } from '../session/messages.js';
import type { Outbox } from './outbox.js';
import type { Recorder } from './recorder.js';

type WaitingFlag = (ThreadStatus & { type: 'active' })['activeFlags'][number];

/** What the status says while such a question is open. */
const FLAGS: Record<ServerRequestName, WaitingFlag | null> = {
  'item/commandExecution/requestApproval': 'waitingOnApproval',
  'item/fileChange/requestApproval': 'waitingOnApproval',
  'item/tool/requestUserInput': 'waitingOnUserInput',
  // A client's program answers, not a person.
  'item/tool/call': null,
};
const ALL_FLAGS: readonly WaitingFlag[] = ['waitingOnApproval', 'waitingOnUserInput'];

export interface Question<Name extends ServerRequestName> {
  /** The model's call that needs the answer. */
  callId: string;
  method: Name;
  params: ServerRequestParams<Name>;
  /** Of what the call is to do: see digestCall(). */
  digest: string;
  /** Milliseconds after which it lapses; 0 never. */
  timeoutMs: number;
  /** Runs between the status that tells of the waiting and the question: the place for the start of a command's item. */
  announce?: () => void;
  /**
   * Must not throw. Runs between the news that the question is closed and the status after it: the place for the end of an item that
   * was not allowed. Not for the effects of what was: they wait for the promise.
   */
  settle?: (answer: Answer<Name>) => void;
}

/** Only `answered` can grant anything. `cancelled`: the turn is over, nothing of it is to go on. */
export type Answer<Name extends ServerRequestName> =
  | { type: 'answered'; result: ServerRequestResult<Name> }
  | { type: 'refused'; message: string }
  | { type: 'expired' }
  | { type: 'cancelled' };

type AnyAnswer = Answer<ServerRequestName>;
type Lapse = Exclude<ApprovalResolvedEvent['by'], 'client'>;

interface Asked {
  readonly key: number;
  readonly line: ApprovalRequestedEvent;
  readonly flag: WaitingFlag | null;
  readonly settle: (answer: AnyAnswer) => void;
  readonly resolve: (answer: AnyAnswer) => void;
  timer: NodeJS.Timeout | null;
  /** Its answer is a line that may not be written yet. */
  isClosed: boolean;
}

export interface DeskParts {
  outbox: Outbox;
  recorder: Recorder;
  /** The rollout has grown. */
  onRecorded: () => void;
  /** Tells the status of a running turn. */
  onWaiting: (activeFlags: WaitingFlag[]) => void;
}

export class ApprovalDesk {
  readonly #parts: DeskParts;
  /** Questions whose asker still waits. */
  readonly #asked = new Map<number, Asked>();
  #lastKey = 0;
  #toldFlags: readonly WaitingFlag[] = [];

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /**
   * Asks all clients. The question leaves when its line is written; the promise resolves when the line of the answer is,
   * so that whoever awaits it may act at once. Never rejects. Questions of one turn may be open side by side.
   */
  ask<Name extends ServerRequestName>(
    turn: { id: string; ended: boolean },
    question: Question<Name>,
  ): Promise<Answer<Name>> {
    if (turn.ended) return Promise.resolve({ type: 'cancelled' });
    const { callId, method, params, digest, timeoutMs, announce, settle } = question;
    const { outbox, recorder } = this.#parts;
    const line: ApprovalRequestedEvent = {
      type: 'approval_requested',
      approval_id: uuid(),
      turn_id: turn.id,
      call_id: callId,
      digest,
      method,
      requested_at_ms: Date.now(),
    };
    return new Promise((resolve) => {
      const asked: Asked = {
        key: (this.#lastKey += 1),
        line,
        flag: FLAGS[method],
        // What comes back was checked against the method's own schema.
        settle: (answer) => settle?.(answer as Answer<Name>),
        resolve: resolve as (answer: AnyAnswer) => void,
        timer: null,
        isClosed: false,
      };
      if (timeoutMs > 0) asked.timer = setTimeout(() => this.#lapse(asked, 'expired', 'deadline'), timeoutMs);
      recorder.writeAside(line);
      this.#parts.onRecorded();
      this.#asked.set(asked.key, asked);
      this.#tellFlags();
      announce?.();
      outbox.push({ type: 'serverRequest', requestKey: asked.key, method, params: stringifyWellFormed(params) });
    });
  }

  /** The first answer counts; one to a question that is closed is passed over. */
  answer(key: number, answer: ClientAnswer, client: string): void {
    const asked = this.#asked.get(key);
    if (asked === undefined || asked.isClosed) return;
    const { line } = asked;
    if (answer.type === 'refused') {
      this.#close(asked, resolvedEvent(line, 'refused', { by: 'client', client }), answer);
      return;
    }
    // What a client's program gave is in the item and in the output of its call, and may be large.
    const kept = line.method === 'item/tool/call' ? {} : { answer: answer.result };
    const resolved = resolvedEvent(line, 'answered', { by: 'client', client, ...kept });
    this.#close(asked, resolved, { type: 'answered', result: answer.result as never });
  }

  /** The turn is about to end, or has ended: whatever is open lapses, and everybody is told. */
  cancelAll(): void {
    const { outbox } = this.#parts;
    // The status after the turn's end is the turn's own.
    this.#toldFlags = [];
    for (const asked of [...this.#asked.values()]) {
      this.#asked.delete(asked.key);
      stopTimer(asked);
      if (!asked.isClosed) this.#record(asked, resolvedEvent(asked.line, 'cancelled', { by: 'turn_end' }));
      // Told twice at most: where the rollout failed, the first was dropped together with the line of the answer.
      outbox.push({ type: 'serverRequestResolved', requestKey: asked.key, answered: false });
      asked.resolve({ type: 'cancelled' });
    }
  }

  #lapse(asked: Asked, outcome: 'expired', by: Lapse): void {
    if (!asked.isClosed) this.#close(asked, resolvedEvent(asked.line, outcome, { by }), { type: outcome });
  }

  #close(asked: Asked, resolved: ApprovalResolvedEvent, answer: AnyAnswer): void {
    const { outbox } = this.#parts;
    stopTimer(asked);
    this.#record(asked, resolved);
    outbox.push({ type: 'serverRequestResolved', requestKey: asked.key, answered: resolved.by === 'client' });
    asked.settle(answer);
    this.#tellFlags();
    outbox.pushAction(() => {
      // Unless the turn has ended meanwhile.
      if (this.#asked.delete(asked.key)) asked.resolve(answer);
    });
  }

  #record(asked: Asked, resolved: ApprovalResolvedEvent): void {
    asked.isClosed = true;
    this.#parts.recorder.writeAside(resolved);
    this.#parts.onRecorded();
  }

  #tellFlags(): void {
    const open = [...this.#asked.values()].filter(({ isClosed }) => !isClosed);
    const flags = ALL_FLAGS.filter((flag) => open.some((asked) => asked.flag === flag));
    if (flags.join() === this.#toldFlags.join()) return;
    this.#toldFlags = flags;
    this.#parts.onWaiting(flags);
  }
}

function stopTimer(asked: Asked): void {
  if (asked.timer !== null) clearTimeout(asked.timer);
  asked.timer = null;
}

/** The line that closes a question; `how` says by whom, and what the answer was. */
export function resolvedEvent(
  { approval_id, turn_id, call_id, digest }: ApprovalRequestedEvent,
  outcome: ApprovalResolvedEvent['outcome'],
  how: Pick<ApprovalResolvedEvent, 'by' | 'client' | 'answer'>,
): ApprovalResolvedEvent {
  const { by, client, answer } = how;
  return {
    type: 'approval_resolved',
    approval_id,
    turn_id,
    call_id,
    digest,
    outcome,
    ...(answer === undefined ? {} : { answer }),
    by,
    ...(client === undefined ? {} : { client }),
    resolved_at_ms: Date.now(),
  };
}
