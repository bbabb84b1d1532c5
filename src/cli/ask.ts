// `rolloutd ask`: one turn of a conversation, streamed to the terminal. Clients.
import { randomUUID } from 'node:crypto';
import { FollowedThread } from '../client/followed-thread.js';
import type { FollowOptions } from '../client/followed-thread.js';
import type { EventsCursor, RpcClient, ServerNotification, ServerRequestListener } from '../client/rpc-client.js';
import { RpcClientError } from '../client/rpc-client-error.js';
import type { ResultOf } from '../protocol/methods.js';
import type { Turn } from '../protocol/thread.js';
import { AnswerPrinter } from './answer-printer.js';
import { connectAgain, connectClient } from './connect-client.js';
import type { DaemonChoice } from './connect-client.js';
import { CliFailure, EXIT } from './exit.js';
import type { ExitCode } from './exit.js';
import type { ApproveMode } from './option-parts.js';
import { RequestAnswerer } from './request-answerer.js';
import { listThreads } from './list.js';
import { onSignals } from './signals.js';
import { askAtTerminal, isInteractive } from './terminal-prompt.js';

/** Ids of the model servers that `oss` may stand for. */
const LOCAL_PROVIDERS: readonly string[] = ['ollama', 'lmstudio'];

/** Whichever of them answers. */
export const ANY_LOCAL = 'any';

export interface AskOptions extends DaemonChoice {
  /** Undefined starts a new conversation. */
  thread: string | undefined;
  /** Continue the conversation that changed last. */
  last: boolean;
  /** Undefined: this process's folder for a new conversation, unchanged for an old one. */
  cwd: string | undefined;
  /** Undefined leaves it to the configuration, or to the conversation. */
  model: string | undefined;
  /** A model server of this machine is to answer: this one, or `any`. */
  local: string | undefined;
  text: string;
  /** What to say when the agent asks; undefined: ask where there is somebody to ask, else decline. */
  approve: ApproveMode | undefined;
  /** How long to try to get a lost connection back; 0 not at all. */
  reconnectSecs: number;
  /** The command that continues this conversation, for the person to copy. */
  continueWith(threadId: string): string;
}

/**
 * Resolves with the exit code when the turn has ended. Throws CliFailure when it cannot be started or was cut off,
 * RpcClientError when the daemon refuses it. Handles SIGINT: the first interrupts the turn, the second exits. A connection
 * that breaks in between is made again.
 */
export async function runAsk(options: AskOptions): Promise<ExitCode> {
  const printer = new AnswerPrinter(process.stdout, process.stderr, process.env);
  const mode = options.approve ?? (isInteractive() ? 'ask' : 'decline');
  const answerer = new RequestAnswerer({ mode, printer, askPerson: askAtTerminal });
  const onServerRequest: ServerRequestListener = (request) => answerer.take(request);
  const client = await connectClient(options, onServerRequest);
  let turn: LiveTurn | null = null;
  try {
    const opened = await openThread(client, options);
    const { threadId, model } = opened;
    turn = new LiveTurn(client, opened, printer, answerer, {
      connect: () => connectAgain(options, onServerRequest),
      patienceMs: options.reconnectSecs * 1000,
    });
    const live = turn;
    const stopListening = onSignals(['SIGINT'], (_signal, count) => {
      if (count > 1) process.exit(EXIT.interrupted);
      printer.note('interrupting … (Ctrl-C again to leave)');
      live.interrupt();
    });
    try {
      return report(await live.run(options.text, model), live, printer);
    } finally {
      stopListening();
      printer.note(`conversation ${threadId}\ncontinue with: ${options.continueWith(threadId)}`);
    }
  } catch (error) {
    printer.endLine();
    if (error instanceof RpcClientError && error.kind === 'closed')
      throw new CliFailure(`${error.message}; the answer was cut off`);
    throw error;
  } finally {
    answerer.reset();
    await (turn ?? client).close();
  }
}

interface OpenedThread {
  threadId: string;
  cursor: EventsCursor | null;
  isNew: boolean;
  /** What the turn has to ask for, because a conversation that was open already did not take it. */
  model: string | undefined;
}

async function openThread(client: RpcClient, options: AskOptions): Promise<OpenedThread> {
  const threadId = options.last ? await findLast(client) : options.thread;
  const { cwd, model, local } = options;
  const wishes = {
    ...(cwd === undefined ? {} : { cwd }),
    ...(model === undefined ? {} : { model }),
    ...(local === undefined ? {} : { modelProvider: 'oss' }),
    ...(local === undefined || local === ANY_LOCAL ? {} : { config: { oss_provider: local } }),
  };
  const opened =
    threadId === undefined
      ? await client.request('thread/start', { cwd: process.cwd(), ...wishes })
      : await client.request('thread/resume', { threadId, excludeTurns: true, ...wishes });
  refuseOther(local, opened.modelProvider);
  const isNew = threadId === undefined;
  const isTaken = isNew || opened.model === model;
  const cursor = opened.eventsCursor ?? null;
  return { threadId: opened.thread.id, cursor, isNew, model: isTaken ? undefined : model };
}

/** Who wants an answer from this machine must not have the words sent elsewhere, as by a conversation that others watch. */
function refuseOther(local: string | undefined, modelProvider: string): void {
  const allowed = local === ANY_LOCAL ? LOCAL_PROVIDERS : local === undefined ? null : [local];
  if (allowed === null || allowed.includes(modelProvider)) return;
  const reason = `the conversation is open with the provider ${modelProvider}, and stays with it until it is unloaded`;
  throw new CliFailure(`${reason}; nothing was sent`);
}

async function findLast(client: RpcClient): Promise<string> {
  const [last] = await listThreads(client, 1);
  if (last === undefined) throw new CliFailure('there is no conversation to continue yet');
  return last.id;
}

function report(turn: Turn, { interrupted, sawRestart }: LiveTurn, printer: AnswerPrinter): ExitCode {
  printer.endLine();
  if (turn.status === 'failed') throw new CliFailure(turn.error?.message ?? 'the turn failed');
  if (turn.status !== 'interrupted') return EXIT.ok;
  if (interrupted) return EXIT.interrupted;
  throw new CliFailure(
    sawRestart ? 'the daemon was restarted, which interrupted the turn' : 'another client interrupted the turn',
  );
}

/** One turn from its start to its end. */
class LiveTurn {
  readonly #thread: FollowedThread;
  readonly #printer: AnswerPrinter;
  #turnId: string | null = null;
  /** Notifications may be heard before the reply that names the turn: they wait for it. */
  #early: ServerNotification[] | null = [];
  /** What the daemon showed when it did not know any more what was missed. */
  #shown: ResultOf<'thread/resume'> | null = null;
  #onEnd!: (turn: Turn | Promise<never>) => void;
  readonly #ended = new Promise<Turn>((resolve) => (this.#onEnd = resolve));
  /** True once the person asked for it. */
  interrupted = false;
  /** True once another daemon answered in place of the one that began. */
  sawRestart = false;

  constructor(
    client: RpcClient,
    { threadId, cursor, isNew }: OpenedThread,
    printer: AnswerPrinter,
    answerer: RequestAnswerer,
    how: Pick<FollowOptions, 'connect' | 'patienceMs'>,
  ) {
    this.#printer = printer;
    this.#thread = new FollowedThread(client, {
      ...how,
      threadId,
      cursor,
      isNew,
      onNotification: (notification) => {
        answerer.hear(notification);
        if (this.#early === null) this.#hear(notification);
        else this.#early.push(notification);
      },
      onLost: ({ code }) => {
        answerer.reset();
        printer.aside(`the connection closed (${code}), reconnecting …`);
      },
      onResync: (reply) => this.#resync(reply),
    });
  }

  /** Resolves with the ended turn. Rejects with RpcClientError. The model holds from this turn on. */
  async run(text: string, model: string | undefined): Promise<Turn> {
    const { threadId } = this.#thread;
    const input = [{ type: 'text' as const, text, text_elements: [] }];
    // By its id the daemon knows an input that it has taken already.
    const params = { threadId, clientUserMessageId: randomUUID(), input, ...(model === undefined ? {} : { model }) };
    const { turn } = await this.#insist((client) => client.request('turn/start', params));
    this.#turnId = turn.id;
    if (this.interrupted) this.#sendInterrupt();
    const early = this.#early ?? [];
    this.#early = null;
    for (const notification of early) this.#hear(notification);
    if (this.#shown !== null) this.#show(this.#shown, turn.id);
    return Promise.race([this.#ended, this.#thread.failed]);
  }

  /** Before the turn is known, it is interrupted as soon as it is. */
  interrupt(): void {
    this.interrupted = true;
    if (this.#turnId !== null) this.#sendInterrupt();
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #hear(notification: ServerNotification): void {
    if (notification.method !== 'turn/completed') this.#printer.print(notification);
    else if (notification.params.turn.id === this.#turnId) this.#onEnd(notification.params.turn);
  }

  #resync(reply: ResultOf<'thread/resume'>): void {
    const isRestarted = reply.reattach?.reason === 'epoch_changed';
    this.sawRestart ||= isRestarted;
    const why = isRestarted ? 'the daemon was restarted' : 'too much was missed';
    // Else the connection broke before anything was heard.
    if (reply.reattach != null) this.#printer.aside(`${why}: this is what is recorded`);
    this.#shown = reply;
    if (this.#turnId !== null) this.#show(reply, this.#turnId);
  }

  /** What of the turn was not printed yet, and its end if it has ended. */
  #show({ initialTurnsPage }: ResultOf<'thread/resume'>, turnId: string): void {
    const turn = initialTurnsPage?.data.find(({ id }) => id === turnId);
    if (turn === undefined) {
      const error = new CliFailure('the turn is not among the last of the conversation any more: read it there');
      return this.#onEnd(Promise.reject(error));
    }
    for (const item of turn.items) this.#printer.printItem(item);
    if (turn.status !== 'inProgress') this.#onEnd(turn);
  }

  #sendInterrupt(): void {
    const params = { threadId: this.#thread.threadId, turnId: this.#turnId! };
    this.#insist((client) => client.request('turn/interrupt', params)).catch((error: unknown) => {
      // It may have ended by itself just now, which is as good; otherwise the person has the second Ctrl-C.
      this.#printer.note(`not interrupted: ${(error as Error).message}`);
    });
  }

  /** Asks again, on the next connection, when one ends before the answer. */
  async #insist<Result>(ask: (client: RpcClient) => Promise<Result>): Promise<Result> {
    for (;;) {
      const client = await this.#thread.client();
      try {
        return await ask(client);
      } catch (error) {
        if (!(error instanceof RpcClientError) || error.kind !== 'closed') throw error;
      }
    }
  }
}
