// The main thread's hold on one live session: its port, its pending requests, its end. Main thread.
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import type { ProcessReport } from './process-report.js';
import type {
  ClientAnswer,
  SessionCommand,
  SessionConfigured,
  SessionEvent,
  SessionInit,
  SessionPart,
  SessionSnapshot,
} from './messages.js';
import type { SessionPool } from './session-pool.js';

/** How a request to a session is answered: exactly one of these is called, exactly once. */
export interface ReplyHandler {
  /** JSON text of the result. Called in order with the notifications: what follows must be sent after it. */
  onResult: (resultJson: string) => void;
  onError: (error: DaemonError) => void;
}

export interface SnapshotHandler {
  onSnapshot: (snapshot: SessionSnapshot) => void;
  onError: (error: DaemonError) => void;
}

export interface WorkerMemory {
  heapBytes: number;
  bufferBytes: number;
}

export interface SessionHandleEvents {
  onFrames: (frames: SessionPart & { type: 'frames' }) => void;
  onState: (patch: (SessionPart & { type: 'state' })['patch']) => void;
  onServerRequest: (request: SessionPart & { type: 'serverRequest' }) => void;
  onServerRequestResolved: (requestKey: number, answered: boolean) => void;
  onWarning: (message: string) => void;
  onProcess: (report: ProcessReport) => void;
  /** The answer to a ping: bytes that the worker's thread holds. */
  onPong: (memory: WorkerMemory) => void;
  /** The session is over, for whatever reason; comes once, after everything else. */
  onEnded: (error: DaemonError | null) => void;
}

type Pending = { kind: 'reply'; handler: ReplyHandler } | { kind: 'snapshot'; handler: SnapshotHandler };

type CommandWithReply = Extract<SessionCommand, { requestId: number }>;
type Unnumbered<Command> = Command extends unknown ? Omit<Command, 'requestId'> : never;
export type SessionRequest = Unnumbered<Exclude<CommandWithReply, { type: 'takeSnapshot' }>>;

/**
 * The first message of a session must be sessionConfigured with the id it was started with; anything else is an error
 * and ends the session.
 */
export class SessionHandle {
  readonly configured: Promise<SessionConfigured>;
  readonly #port: MessagePort;
  readonly #events: SessionHandleEvents;
  readonly #pending = new Map<number, Pending>();
  readonly #submitId: string;
  readonly #pool: SessionPool;
  readonly #workerThreadId = new Int32Array(new SharedArrayBuffer(4));
  #nextRequestId = 1;
  #settleConfigured!: { resolve: (value: SessionConfigured) => void; reject: (error: DaemonError) => void };
  #isConfigured = false;
  #isClosed = false;
  #hasReturned = false;
  #over = false;
  #saidEnded = false;
  #endedError: DaemonError | null = null;
  #hasTurn = false;

  constructor(pool: SessionPool, init: Omit<SessionInit, 'port' | 'workerThreadId'>, events: SessionHandleEvents) {
    const channel = new MessageChannel();
    this.#port = channel.port1;
    this.#pool = pool;
    this.#events = events;
    this.#submitId = init.submitId;
    this.configured = new Promise((resolve, reject) => {
      this.#settleConfigured = { resolve, reject };
    });
    // Whoever starts a session awaits this; a session that is given up early must not count as unhandled.
    this.configured.catch(() => undefined);
    this.#port.on('message', (event: SessionEvent) => this.#receive(event));
    this.#port.on('close', () => this.#takeClose());
    pool.run({ ...init, port: channel.port2, workerThreadId: this.#workerThreadId }).then(
      () => this.#takeReturn(null),
      (error: unknown) => this.#takeReturn(DaemonError.from(error, 'worker_lost')),
    );
  }

  request(request: SessionRequest, handler: ReplyHandler): void {
    this.#send({ kind: 'reply', handler }, (requestId) => ({ ...request, requestId }));
  }

  takeSnapshot(handler: SnapshotHandler): void {
    this.#send({ kind: 'snapshot', handler }, (requestId) => ({ type: 'takeSnapshot', requestId }));
  }

  /** Hands the session its channel to the writer, or to one that replaced a dead one. */
  replaceWriter(port: MessagePort): void {
    this.#port.postMessage({ type: 'replaceWriter', port } satisfies SessionCommand, [port]);
  }

  /** What a client said to a server request; one whose session has ended needs no answer. */
  answerServerRequest(requestKey: number, answer: ClientAnswer, by: string): void {
    if (this.#over) return;
    this.#port.postMessage({ type: 'answerServerRequest', requestKey, answer, by } satisfies SessionCommand);
  }

  /** Tells the session that no writer will come any more: it fails. */
  loseWriter(error: DaemonError): void {
    this.#port.postMessage({ type: 'loseWriter', error: error.toData() } satisfies SessionCommand);
  }

  /** Asks the session to end; `onEnded` tells when it has. */
  requestEnd(): void {
    if (!this.#over) this.#port.postMessage({ type: 'endSession' } satisfies SessionCommand);
  }

  /** True while somebody waits for something of it: its start, an answer, the end of a turn. */
  get isAtWork(): boolean {
    return !this.#over && (!this.#isConfigured || this.#hasTurn || this.#pending.size > 0);
  }

  /** Answered by onPong as soon as the thread is free. */
  ping(): void {
    if (!this.#over) this.#port.postMessage({ type: 'ping' } satisfies SessionCommand);
  }

  /** The thread that it runs in; null before it runs. */
  get workerThreadId(): number | null {
    return Atomics.load(this.#workerThreadId, 0) || null;
  }

  /** Ends the session's thread, with all sessions in it: for one that does not answer. */
  killWorker(reason: DaemonError): void {
    this.#endedError ??= reason;
    if (this.workerThreadId === null) this.#takeReturn(reason);
    else void this.#pool.terminate(this.workerThreadId);
  }

  #send(pending: Pending, toCommand: (requestId: number) => SessionCommand): void {
    if (this.#over) {
      const reason = this.#endedError === null ? '' : `: ${this.#endedError.message}`;
      pending.handler.onError(new DaemonError('session_over', `the session has ended${reason}`));
      return;
    }
    const requestId = this.#nextRequestId++;
    this.#pending.set(requestId, pending);
    try {
      this.#port.postMessage(toCommand(requestId));
    } catch (error) {
      this.#pending.delete(requestId);
      pending.handler.onError(new DaemonError('invalid_params', 'the request is nested too deeply', { cause: error }));
    }
  }

  #receive(event: SessionEvent): void {
    if (event.type === 'pong') return this.#events.onPong(event);
    if (!this.#isConfigured) return this.#receiveFirst(event);
    switch (event.type) {
      case 'batch':
        for (const part of event.parts) this.#takePart(part);
        break;
      case 'warning':
        this.#events.onWarning(event.message);
        break;
      case 'process':
        this.#events.onProcess(event.report);
        break;
      case 'ended':
        this.#takeEnded(event);
        break;
      case 'sessionConfigured':
        break;
    }
  }

  #receiveFirst(event: SessionEvent): void {
    // It began wrongly and was asked to end.
    if (this.#endedError !== null) return;
    if (event.type === 'sessionConfigured' && event.submitId === this.#submitId) {
      this.#isConfigured = true;
      this.#settleConfigured.resolve(event);
      return;
    }
    if (event.type === 'ended') return this.#takeEnded(event);
    this.#endedError = new DaemonError(
      'session_configured_not_first_event',
      'the first event of a session must be sessionConfigured with the id it was started with',
    );
    this.requestEnd();
  }

  #takeEnded(event: SessionEvent & { type: 'ended' }): void {
    this.#saidEnded = true;
    if (event.error !== null) this.#endedError ??= DaemonError.fromData(event.error);
  }

  #takePart(part: SessionPart): void {
    switch (part.type) {
      case 'frames':
        this.#events.onFrames(part);
        break;
      case 'state':
        if (part.patch.activeTurnId !== undefined) this.#hasTurn = part.patch.activeTurnId !== null;
        this.#events.onState(part.patch);
        break;
      case 'serverRequest':
        this.#events.onServerRequest(part);
        break;
      case 'serverRequestResolved':
        this.#events.onServerRequestResolved(part.requestKey, part.answered);
        break;
      case 'reply':
        this.#take(part.requestId, 'reply')?.handler.onResult(part.result);
        break;
      case 'snapshot':
        this.#take(part.requestId, 'snapshot')?.handler.onSnapshot(part.snapshot);
        break;
      case 'error': {
        const pending = this.#pending.get(part.requestId);
        this.#pending.delete(part.requestId);
        pending?.handler.onError(DaemonError.fromData(part.error));
        break;
      }
    }
  }

  #take<Kind extends Pending['kind']>(requestId: number, kind: Kind): Extract<Pending, { kind: Kind }> | null {
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    return pending?.kind === kind ? (pending as Extract<Pending, { kind: Kind }>) : null;
  }

  /** The pool has let go of the session: what it had sent is in the port. */
  #takeReturn(error: DaemonError | null): void {
    this.#hasReturned = true;
    this.#endedError ??= error;
    if (this.#isClosed) this.#finish();
    else if (error !== null) this.#port.close();
  }

  /**
   * A dying thread closes its ports first, and for a while the pool still takes it for one that can be given sessions: who
   * hears of the end would start the next one there.
   */
  #takeClose(): void {
    this.#isClosed = true;
    if (this.#hasReturned || this.#saidEnded) this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    if (!this.#saidEnded) this.#endedError ??= new DaemonError('worker_lost', "the session's worker was lost");
    const error = this.#endedError;
    const over = new DaemonError('session_over', `the session has ended${error === null ? '' : `: ${error.message}`}`);
    this.#settleConfigured.reject(error ?? over);
    // One that ended in order has answered all that it looked at.
    const reason = this.#saidEnded ? over : (error ?? over);
    for (const { handler } of this.#pending.values()) handler.onError(reason);
    this.#pending.clear();
    this.#events.onEnded(error);
  }
}
