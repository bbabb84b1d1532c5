import { setImmediate } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { expect } from 'chai';
import { DaemonError } from '../../src/errors.js';
import type { SessionCommand, SessionEvent, SessionInit } from '../../src/session/messages.js';
import { SessionHandle } from '../../src/session/session-handle.js';
import type { SessionPool } from '../../src/session/session-pool.js';

/** Stands where a worker would: the test speaks for the session, over a real port. */
class HandDrivenSession {
  readonly commands: SessionCommand[] = [];
  readonly ended: Promise<DaemonError | null>;
  readonly told: string[] = [];
  readonly handle: SessionHandle;
  #port!: MessagePort;
  #finishRun!: { resolve: () => void; reject: (error: unknown) => void };
  #waiters: { type: string; resolve: () => void }[] = [];

  constructor(submitId = 'submit-1') {
    let onEnded!: (error: DaemonError | null) => void;
    this.ended = new Promise((resolve) => (onEnded = resolve));
    const pool = {
      run: (init: SessionInit): Promise<void> => {
        this.#port = init.port;
        this.#port.on('message', (command: SessionCommand) => this.#take(command));
        return new Promise((resolve, reject) => (this.#finishRun = { resolve, reject }));
      },
    } as unknown as SessionPool;
    this.handle = new SessionHandle(
      pool,
      { submitId, conversationId: 'c' } as Omit<SessionInit, 'port' | 'workerThreadId'>,
      {
        onFrames: ({ text }) => this.told.push(`frames ${text}`),
        onState: ({ preview }) => this.told.push(`state ${preview}`),
        onPong: ({ heapBytes }) => this.told.push(`pong ${heapBytes}`),
        onServerRequest: ({ requestKey, method }) => this.told.push(`request ${requestKey} ${method}`),
        onServerRequestResolved: (requestKey, answered) => this.told.push(`resolved ${requestKey} ${answered}`),
        onProcess: ({ type }) => this.told.push(type),
        onWarning: (message) => this.told.push(`warning ${message}`),
        onEnded: (error) => {
          this.told.push('ended');
          onEnded(error);
        },
      },
    );
  }

  say(event: SessionEvent): void {
    this.#port.postMessage(event);
  }

  configure(submitId = 'submit-1'): void {
    const history = { mode: 'paginated' as const, preview: '', rolloutSize: 0, warnings: [] };
    this.say({
      type: 'sessionConfigured',
      submitId,
      conversationId: 'c',
      threadId: 7,
      history,
      instructionSources: [],
    });
  }

  /** As a session ends: its last word, then the port, then the task. */
  leave(error: DaemonError | null = null): void {
    this.say({ type: 'ended', error: error?.toData() ?? null });
    this.#port.close();
    this.#finishRun.resolve();
  }

  /** As a worker dies: the pool knows it, the session says nothing. */
  die(): void {
    this.#finishRun.reject(new DaemonError('worker_lost', "the session's worker was lost: out of memory"));
  }

  /** As a worker dies: the port closes without a word, and the pool knows nothing of it yet. */
  vanish(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#port.once('close', resolve));
    this.#port.close();
    return closed;
  }

  async next(type: SessionCommand['type']): Promise<void> {
    if (this.commands.some((command) => command.type === type)) return;
    await new Promise<void>((resolve) => this.#waiters.push({ type, resolve }));
  }

  /** Sends an interrupt; resolves with the result's text or the error's code. */
  interrupt(): Promise<string> {
    return new Promise((resolve) => {
      this.handle.request(
        { type: 'interruptTurn', turnId: '' },
        { onResult: resolve, onError: ({ code }) => resolve(code) },
      );
    });
  }

  #take(command: SessionCommand): void {
    this.commands.push(command);
    for (const { type, resolve } of this.#waiters) if (type === command.type) resolve();
  }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: DaemonError) => error.code,
  );

describe('SessionHandle', () => {
  it('is configured by a first message that carries the id of its start', async () => {
    const session = new HandDrivenSession();
    session.configure();
    const configured = await session.handle.configured;
    expect([configured.submitId, configured.threadId]).to.deep.equal(['submit-1', 7]);
    session.leave();
    expect(await session.ended).to.equal(null);
  });

  const wrongStarts: [string, (session: HandDrivenSession) => void][] = [
    ['another id', (session) => session.configure('submit-2')],
    ['a warning', (session) => session.say({ type: 'warning', message: 'w' })],
    ['a batch', (session) => session.say({ type: 'batch', parts: [] })],
  ];
  for (const [what, begin] of wrongStarts) {
    it(`refuses a session that begins with ${what}, and asks it to end`, async () => {
      const session = new HandDrivenSession();
      begin(session);
      session.configure();
      await session.next('endSession');
      session.leave();
      expect(await codeOf(session.handle.configured)).to.equal('session_configured_not_first_event');
      expect((await session.ended)?.code).to.equal('session_configured_not_first_event');
      expect(session.told, 'nothing of it is passed on').to.deep.equal(['ended']);
    });
  }

  it('passes questions on in their place, and answers back while there is a session', async () => {
    const session = new HandDrivenSession();
    session.configure();
    await session.handle.configured;
    session.say({
      type: 'batch',
      parts: [
        { type: 'serverRequest', requestKey: 1, method: 'item/tool/requestUserInput', params: '{}' },
        { type: 'frames', text: 'between', ends: [7], methods: [0] },
        { type: 'serverRequestResolved', requestKey: 1, answered: true },
      ],
    });
    const answer = { type: 'refused' as const, message: 'no' };
    session.handle.answerServerRequest(1, answer, 'client');
    await session.next('answerServerRequest');
    session.leave();
    await session.ended;
    session.handle.answerServerRequest(1, answer, 'client');
    expect(session.told).to.deep.equal([
      'request 1 item/tool/requestUserInput',
      'frames between',
      'resolved 1 true',
      'ended',
    ]);
    expect(session.commands).to.deep.equal([{ type: 'answerServerRequest', requestKey: 1, answer, by: 'client' }]);
  });

  it('tells why a session ended before it was configured', async () => {
    const session = new HandDrivenSession();
    session.leave(new DaemonError('rollout_unreadable', 'no metadata', { data: { line: 1 } }));
    const error = await session.handle.configured.then(
      () => null,
      (failure: DaemonError) => failure,
    );
    expect([error instanceof DaemonError, error?.code, error?.message, error?.data]).to.deep.equal([
      true,
      'rollout_unreadable',
      'no metadata',
      { line: 1 },
    ]);
    expect(await session.ended).to.equal(error);
  });

  it('passes everything on in order and answers each request once', async () => {
    const session = new HandDrivenSession();
    session.configure();
    const answers = [session.interrupt(), session.interrupt()];
    await session.next('interruptTurn');
    const snapshot = { rolloutSize: 1 } as never;
    session.handle.takeSnapshot({ onSnapshot: () => session.told.push('snapshot'), onError: () => undefined });
    session.say({ type: 'warning', message: 'w' });
    session.say({
      type: 'batch',
      parts: [
        { type: 'frames', text: 'a', ends: [1], methods: [0] },
        { type: 'reply', requestId: 2, result: 'second' },
        { type: 'state', patch: { preview: 'p' } },
        { type: 'error', requestId: 1, error: { code: 'no_active_turn', message: 'm' } },
        { type: 'snapshot', requestId: 3, snapshot },
        { type: 'reply', requestId: 2, result: 'again' },
      ],
    });
    session.leave();
    expect(await Promise.all(answers)).to.deep.equal(['no_active_turn', 'second']);
    await session.ended;
    expect(session.told).to.deep.equal(['warning w', 'frames a', 'state p', 'snapshot', 'ended']);
  });

  it('answers what is still open when its worker dies with worker_lost, and looks at nothing after that', async () => {
    const session = new HandDrivenSession();
    session.configure();
    const open = session.interrupt();
    session.die();
    expect(await open).to.equal('worker_lost');
    const error = await session.ended;
    expect([error?.code, error?.message]).to.deep.equal([
      'worker_lost',
      "the session's worker was lost: out of memory",
    ]);
    expect(await session.interrupt()).to.equal('session_over');
    session.handle.requestEnd();
  });

  it('is over when its port has closed without a word and the pool has let go of the worker, not before', async () => {
    const session = new HandDrivenSession();
    session.configure();
    await session.handle.configured;
    const open = session.interrupt();
    await session.vanish();
    // The other end of the port hears of it in another turn of the event loop.
    await setImmediate();
    await setImmediate();
    expect(session.told).to.deep.equal([]);
    session.die();
    expect((await session.ended)?.message).to.equal("the session's worker was lost: out of memory");
    expect(await open).to.equal('worker_lost');
  });

  it('ends when asked to, and knows that it has', async () => {
    const session = new HandDrivenSession();
    session.configure();
    session.handle.requestEnd();
    await session.next('endSession');
    session.leave();
    await session.ended;
    expect(session.told).to.deep.equal(['ended']);
    expect(await session.interrupt()).to.equal('session_over');
  });
});
