// `rolloutd ask`: one turn of a conversation, streamed to the terminal. Clients.
import type { RpcClient, ServerNotification } from '../client/rpc-client.js';
import { closedError, RpcClientError } from '../client/rpc-client-error.js';
import type { Turn } from '../protocol/thread.js';
import { AnswerPrinter } from './answer-printer.js';
import { connectClient } from './connect-client.js';
import type { DaemonChoice } from './connect-client.js';
import { CliFailure, EXIT } from './exit.js';
import type { ExitCode } from './exit.js';
import { listThreads } from './list.js';
import { onSignals } from './signals.js';

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
  /** The command that continues this conversation, for the person to copy. */
  continueWith(threadId: string): string;
}

/**
 * Resolves with the exit code when the turn has ended. Throws CliFailure when it cannot be started or was cut off,
 * RpcClientError when the daemon refuses it. Handles SIGINT: the first interrupts the turn, the second exits.
 */
export async function runAsk(options: AskOptions): Promise<ExitCode> {
  const printer = new AnswerPrinter(process.stdout, process.stderr, process.env);
  const client = await connectClient(options);
  try {
    const { threadId, model } = await openThread(client, options);
    client.onServerRequest(() => printer.note('The agent asks for an approval: answer it in another client.'));
    const turn = new LiveTurn(client, threadId, printer);
    const stopListening = onSignals(['SIGINT'], (_signal, count) => {
      if (count > 1) process.exit(EXIT.interrupted);
      printer.note('interrupting … (Ctrl-C again to leave)');
      turn.interrupt();
    });
    try {
      return report(await turn.run(options.text, model), turn.interrupted, printer);
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
    await client.close();
  }
}

/** `model` is what the turn has to ask for, because a conversation that was open already did not take it. */
async function openThread(
  client: RpcClient,
  options: AskOptions,
): Promise<{ threadId: string; model: string | undefined }> {
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
  const isTaken = threadId === undefined || opened.model === model;
  return { threadId: opened.thread.id, model: isTaken ? undefined : model };
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

function report(turn: Turn, interruptedByUs: boolean, printer: AnswerPrinter): ExitCode {
  printer.endLine();
  if (turn.status === 'failed') throw new CliFailure(turn.error?.message ?? 'the turn failed');
  if (turn.status !== 'interrupted') return EXIT.ok;
  if (!interruptedByUs) throw new CliFailure('another client interrupted the turn');
  return EXIT.interrupted;
}

/** One turn from its start to its end. */
class LiveTurn {
  readonly #client: RpcClient;
  readonly #threadId: string;
  readonly #printer: AnswerPrinter;
  #turnId: string | null = null;
  /** True once the person asked for it. */
  interrupted = false;

  constructor(client: RpcClient, threadId: string, printer: AnswerPrinter) {
    this.#client = client;
    this.#threadId = threadId;
    this.#printer = printer;
  }

  /** Resolves with the ended turn. Rejects with RpcClientError. The model holds from this turn on. */
  async run(text: string, model: string | undefined): Promise<Turn> {
    // Notifications may be heard before the reply that names the turn: they wait for it.
    let early: ServerNotification[] | null = [];
    let onEnd!: (turn: Turn) => void;
    const ended = new Promise<Turn>((resolve) => (onEnd = resolve));
    const hear = (notification: ServerNotification): void => {
      if (notification.method === 'turn/completed') {
        if (notification.params.turn.id === this.#turnId) onEnd(notification.params.turn);
      } else {
        this.#printer.print(notification);
      }
    };
    const stopListening = this.#client.onNotification((notification) => {
      if ((notification.params as { threadId?: unknown }).threadId !== this.#threadId) return;
      if (early === null) hear(notification);
      else early.push(notification);
    });
    try {
      const input = [{ type: 'text' as const, text, text_elements: [] }];
      const { turn } = await this.#client.request('turn/start', {
        threadId: this.#threadId,
        input,
        ...(model === undefined ? {} : { model }),
      });
      this.#turnId = turn.id;
      if (this.interrupted) this.#sendInterrupt();
      for (const notification of early) hear(notification);
      early = null;
      return await Promise.race([ended, this.#rejectWhenClosed()]);
    } finally {
      stopListening();
    }
  }

  /** Before the turn is known, it is interrupted as soon as it is. */
  interrupt(): void {
    this.interrupted = true;
    if (this.#turnId !== null) this.#sendInterrupt();
  }

  #sendInterrupt(): void {
    const params = { threadId: this.#threadId, turnId: this.#turnId! };
    this.#client.request('turn/interrupt', params).catch((error: unknown) => {
      // It may have ended by itself just now, which is as good; otherwise the person has the second Ctrl-C.
      this.#printer.note(`not interrupted: ${(error as Error).message}`);
    });
  }

  async #rejectWhenClosed(): Promise<never> {
    throw closedError(await this.#client.closed);
  }
}
