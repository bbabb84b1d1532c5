// The way of every request: parse, gate, validate, keep the order of its conversation, hand over. Main thread.
import { DaemonError } from '../errors.js';
import type { Log } from '../log.js';
import { classifyFrame } from '../protocol/envelope.js';
import type { ClassifiedFrame } from '../protocol/envelope.js';
import { findExperimentalUse } from '../protocol/experimental-use.js';
import { isMethodName, METHODS } from '../protocol/methods.js';
import type { MethodName, ParamsOf, ResultOf } from '../protocol/methods.js';
import { validateParams } from '../protocol/validate-params.js';
import { findBrokenRule } from '../protocol/value-rules.js';
import type { BrokenRule } from '../protocol/value-rules.js';
import type { ConversationRegistry } from '../registry/conversation-registry.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import type { Connection, RequestId } from './connection.js';
import { invalidParams, invalidRequest, methodNotFound, overloaded, parseError, toRpcError } from './rpc-error.js';

/** Milliseconds between two lines of the log about refused requests. */
const REFUSAL_LOG_MS = 1_000;

/** How a handler answers: once. Safe to call from any callback, in order with notifications. */
export interface Responder<Result = unknown> {
  readonly connection: Connection;
  result: (value: Result) => void;
  /** The result as JSON text. */
  resultJson: (text: string) => void;
  error: (error: unknown) => void;
}

/** Answers through the responder. A returned promise keeps later requests of the same conversation waiting. */
export type Handler<Method extends MethodName> = (
  params: ParamsOf<Method>,
  respond: Responder<ResultOf<Method>>,
) => void | Promise<void>;

export type HandlerTable = { [Method in MethodName]: Handler<Method> };

/** Takes a client's answer to a server request. */
export type AnswerTaker = ConversationRegistry['requests']['answer'];

type Response = Extract<ClassifiedFrame, { kind: 'response' }>;

export class Dispatcher {
  readonly #handlers: HandlerTable;
  readonly #log: Log;
  readonly #takeAnswer: AnswerTaker;
  /** Tail of the work that keeps its order, by conversation. */
  readonly #order = new Map<string, Promise<void>>();
  #refused = 0;
  #refusalLoggedAt = -Infinity;

  constructor(handlers: HandlerTable, takeAnswer: AnswerTaker, log: Log) {
    this.#handlers = handlers;
    this.#takeAnswer = takeAnswer;
    this.#log = log;
  }

  /** Requests that were refused because too many of their connection waited, since the start. */
  get refused(): number {
    return this.#refused;
  }

  receive(connection: Connection, data: string, isBinary: boolean): void {
    if (isBinary) return connection.sendError(null, invalidRequest('binary frames are not supported'));
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch {
      return connection.sendError(null, parseError());
    }
    const frame = classifyFrame(value);
    switch (frame.kind) {
      case 'request':
        return this.#request(connection, frame.id, frame.method, frame.params);
      case 'invalid':
        return connection.sendError(frame.id, invalidRequest(`Invalid request: ${frame.reason}`));
      case 'response':
        return this.#takeResponse(connection, frame);
      case 'notification':
        // `initialized` needs no action, unknown ones are none of ours.
        return;
    }
  }

  /** There is no reply to an answer: a client whose answer did not count is told by a warning. */
  #takeResponse(connection: Connection, { id, result, error }: Response): void {
    const { client } = connection;
    if (client === null) return;
    this.#takeAnswer(connection, client.name, id, { result, error }, ({ code, message, data }) => {
      const { threadId = null } = (data ?? {}) as { threadId?: string };
      connection.notify('warning', { threadId, message, code });
    });
  }

  #request(connection: Connection, id: RequestId, method: string, rawParams: unknown): void {
    if (!isMethodName(method)) return connection.sendError(id, methodNotFound(method));
    const validated = validateParams(method, rawParams);
    if (!validated.ok) return connection.sendError(id, invalidParams(validated.message, validated.path));
    const refusal = gate(connection, method, validated.params);
    if (refusal !== null) return connection.sendError(id, invalidRequest(refusal));
    const broken = findBrokenRule(method, validated.params);
    if (broken !== null) return connection.sendError(id, toRpcError(toDaemonError(broken)));
    if (connection.isOverloaded) return this.#refuse(connection, id);
    connection.inFlight += 1;
    const respond = this.#responder(connection, id, method);
    const run = (): void | Promise<void> => {
      try {
        const handler = this.#handlers[method] as Handler<MethodName>;
        return handler(validated.params, respond)?.catch(respond.error);
      } catch (error) {
        respond.error(error);
      }
    };
    const threadId = METHODS[method].scope === 'thread' ? threadIdOf(rawParams) : null;
    if (threadId === null) void run();
    else this.#inOrder(threadId, run);
  }

  #refuse(connection: Connection, id: RequestId): void {
    connection.sendError(id, overloaded());
    this.#refused += 1;
    const now = performance.now();
    if (now - this.#refusalLoggedAt < REFUSAL_LOG_MS) return;
    this.#refusalLoggedAt = now;
    const { client, inFlight } = connection;
    this.#log.warn('too many requests wait, refusing more', { client: client?.name, inFlight, refused: this.#refused });
  }

  #inOrder(threadId: string, run: () => void | Promise<void>): void {
    const before = this.#order.get(threadId);
    const work = before === undefined ? run() : before.then(run);
    if (work === undefined) return;
    const tail = work
      .catch((error: unknown) => this.#log.error('a request could not be answered', { error }))
      .finally(() => {
        if (this.#order.get(threadId) === tail) this.#order.delete(threadId);
      });
    this.#order.set(threadId, tail);
  }

  #responder(connection: Connection, id: RequestId, method: string): Responder {
    let answered = false;
    const once = (send: () => void): void => {
      if (answered) return this.#log.error('a request was answered twice', { method });
      answered = true;
      connection.inFlight -= 1;
      send();
    };
    return {
      connection,
      result: (value) => once(() => connection.sendResult(id, stringifyWellFormed(value))),
      resultJson: (text) => once(() => connection.sendResult(id, text)),
      error: (error) => {
        if (!(error instanceof DaemonError)) {
          this.#log.error('request failed', { method, error: error instanceof Error ? error.stack : String(error) });
        }
        once(() => connection.sendError(id, toRpcError(error)));
      },
    };
  }
}

/** Why this client may not call this method now, in the words that clients know; null when it may. */
function gate<Method extends MethodName>(
  connection: Connection,
  method: Method,
  params: ParamsOf<Method>,
): string | null {
  const { client } = connection;
  if (method === 'initialize') return client === null ? null : 'Already initialized';
  if (client === null) return 'Not initialized';
  if (client.experimentalApi) return null;
  const use = findExperimentalUse(method, params);
  return use === null ? null : `${use} requires experimentalApi capability`;
}

function toDaemonError({ message, path }: BrokenRule): DaemonError {
  return new DaemonError('invalid_params', message, { data: { path } });
}

function threadIdOf(params: unknown): string | null {
  const id = (params as { threadId?: unknown } | null)?.threadId;
  return typeof id === 'string' ? id : null;
}
