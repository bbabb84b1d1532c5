// What the daemon asks of clients: numbered by one count for the whole process, told to all who may answer, answered once. Main thread.
import { DaemonError } from '../errors.js';
import { SERVER_REQUESTS } from '../protocol/server-requests.js';
import type { ServerRequestName } from '../protocol/server-requests.js';
import type { ClientAnswer, SessionPart } from '../session/messages.js';
import type { FanOut } from './fan-out.js';
import type { Subscriber } from './subscription.js';

/** A response of a client, as it came. */
export type ClientResponse = { result?: unknown; error?: unknown };

/** Tells a client why its answer did not count: at once, or when that turns out. */
type OnProblem = (problem: DaemonError) => void;

/** How an answer gets to the session that asked. */
type PassOn = (requestKey: number, answer: ClientAnswer, by: string) => void;

interface PendingRequest {
  id: number;
  method: ServerRequestName;
  threadId: string;
  requestKey: number;
  fanOut: FanOut;
  passOn: PassOn;
  /** Of whoever answered it first: that answer is on its way to the session, and no other is taken. */
  answeredBy: OnProblem | null;
}

export class PendingRequests {
  readonly #pending = new Map<number, PendingRequest>();
  #nextId = 0;

  /** Those of one session, of the conversation `threadId`. */
  ofSession(threadId: string, fanOut: FanOut, passOn: PassOn): SessionRequests {
    return new SessionRequests({
      add: (method, requestKey) => {
        const id = this.#nextId++;
        this.#pending.set(id, { id, method, threadId, requestKey, fanOut, passOn, answeredBy: null });
        return id;
      },
      remove: (id, answered) => this.#remove(id, answered),
      threadId,
      fanOut,
    });
  }

  /**
   * Hands a client's answer on. The first counts, whatever it is: what does not fit the question refuses what was asked
   * for. There is no reply to an answer: what is wrong with it goes to `onProblem`, once at most.
   */
  answer(from: Subscriber, client: string, id: unknown, response: ClientResponse, onProblem: OnProblem): void {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending === undefined) return onProblem(notPending(id, 'it was answered, has lapsed, or was never asked'));
    const { threadId, requestKey } = pending;
    if (!pending.fanOut.mayAnswer(from)) {
      const message = `request ${pending.id} is not for this client: it is not subscribed to the thread`;
      return onProblem(new DaemonError('server_request_not_yours', message));
    }
    if (pending.answeredBy !== null) return onProblem(notPending(id, 'another answer was faster', threadId));
    const { answer, complaint } = judge(pending, response);
    pending.answeredBy = complaint === null ? onProblem : () => undefined;
    pending.passOn(requestKey, answer, client);
    if (complaint !== null) onProblem(complaint);
  }

  /** An answer on its way may have been overtaken by the end of the turn. */
  #remove(id: number, answered: boolean): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (!answered) pending?.answeredBy?.(notPending(id, 'it has lapsed meanwhile', pending.threadId));
  }
}

interface SessionRequestsParts {
  threadId: string;
  fanOut: FanOut;
  add: (method: ServerRequestName, requestKey: number) => number;
  remove: (id: number, answered: boolean) => void;
}

/** The open questions of one session, by its own keys. */
export class SessionRequests {
  readonly #parts: SessionRequestsParts;
  readonly #ids = new Map<number, number>();

  constructor(parts: SessionRequestsParts) {
    this.#parts = parts;
  }

  /** Tells everybody who may answer, now and when they join, until it is closed. */
  open({ requestKey, method, params }: SessionPart & { type: 'serverRequest' }): void {
    const { add, fanOut, threadId } = this.#parts;
    const id = add(method, requestKey);
    this.#ids.set(requestKey, id);
    const bytes = Buffer.from(`{"method":"${method}","id":${id},"params":${params}}`);
    fanOut.openQuestion(id, { method, threadId, bytes });
  }

  /** `answered`: by a client, and on record. Does nothing for one that is closed already. */
  close(requestKey: number, answered: boolean): void {
    const id = this.#ids.get(requestKey);
    if (id === undefined) return;
    this.#ids.delete(requestKey);
    this.#parts.fanOut.closeQuestion(id);
    this.#parts.remove(id, answered);
  }

  /** The session is over: nobody waits for answers any more. */
  closeAll(): void {
    for (const requestKey of [...this.#ids.keys()]) this.close(requestKey, false);
  }
}

function notPending(id: unknown, why: string, threadId?: string): DaemonError {
  const data = threadId === undefined ? {} : { data: { threadId } };
  const name = typeof id === 'string' || typeof id === 'number' ? JSON.stringify(id).slice(0, 100) : 'of this id';
  return new DaemonError('server_request_not_pending', `request ${name} is not pending: ${why}`, data);
}

function judge(
  { id, method, threadId }: PendingRequest,
  { result, error }: ClientResponse,
): { answer: ClientAnswer; complaint: DaemonError | null } {
  if (error !== undefined) return { answer: { type: 'refused', message: describeError(error) }, complaint: null };
  const parsed = SERVER_REQUESTS[method].result.safeParse(result);
  if (parsed.success) return { answer: { type: 'result', result: parsed.data }, complaint: null };
  const { path, message: what = 'invalid' } = parsed.error.issues[0] ?? { path: [] };
  const place = path.length === 0 ? 'the answer' : `\`${path.join('.')}\``;
  const message = `the answer to request ${id} is none that can be given, and counts as a refusal: ${place}: ${what}`;
  const complaint = new DaemonError('server_answer_invalid', message, { data: { threadId } });
  return { answer: { type: 'refused', message: 'the client sent no valid answer' }, complaint };
}

function describeError(error: unknown): string {
  const { message } = (typeof error === 'object' && error !== null ? error : {}) as { message?: unknown };
  return `the client sent an error${typeof message === 'string' ? `: ${message.slice(0, 500)}` : ''}`;
}
