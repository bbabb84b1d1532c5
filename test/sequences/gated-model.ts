// The language model of a run: it echoes, waits at gates, and remembers what it was given last. Test process.
import type { ModelReply } from '../support/model-reply.js';
import type { ModelServer, ModelServerRequest } from '../support/model-server.js';

export interface Given {
  model: string;
  /** What users and assistants said, in order, without what the host put there in a user's name. */
  messages: { role: string; text: string }[];
}

interface Gate {
  said: string;
  reply: ModelReply | null;
  itemId: string;
}

/** Belongs to one model server, whose script it sets. */
export class GatedModel {
  readonly #gates = new Map<number, Gate>();
  /** By the last words of a user: every text of a run is said once. */
  readonly #given = new Map<string, Given>();

  constructor(server: ModelServer) {
    server.script((request, reply) => this.#answer(request, reply));
  }

  /** The answer to `hold GATE` will stop after `said`. */
  prepareGate(gate: number, said: string): void {
    this.#gates.set(gate, { said, reply: null, itemId: '' });
  }

  /** Adds `more` to what was said, and ends the answer. */
  release(gate: number, more: string): void {
    const { said, reply, itemId } = this.#gates.get(gate)!;
    if (reply === null) throw new Error(`nobody waits at gate ${gate}`);
    reply.delta(more);
    reply.endMessage(itemId, said + more);
    reply.complete();
  }

  /** What the request held whose last words of a user are these; null if there was none. */
  takeGiven(lastWords: string): Given | null {
    const given = this.#given.get(lastWords) ?? null;
    this.#given.delete(lastWords);
    return given;
  }

  async #answer(request: ModelServerRequest, reply: ModelReply): Promise<void | false> {
    const { body, input, lastUserText } = request;
    this.#given.set(lastUserText, { model: String(body?.model), messages: readMessages(input) });
    const gate = this.#gates.get(Number(/^hold (\d+)$/.exec(lastUserText)?.[1]));
    if (gate === undefined) return false;
    gate.reply = reply;
    reply.create();
    gate.itemId = reply.startMessage();
    // In two, so that a text in pieces is what is put together.
    reply.delta(gate.said.slice(0, 3));
    reply.delta(gate.said.slice(3));
    await reply.closed;
    return undefined;
  }
}

function readMessages(input: readonly Record<string, unknown>[]): Given['messages'] {
  return input.flatMap((item) => {
    if (item['type'] !== 'message' || item['role'] === 'developer') return [];
    const parts = item['content'] as { text?: string }[];
    const text = parts.map((part) => part.text ?? '').join('');
    const isOfHost = /^<(environment_context|turn_aborted)>/.test(text);
    return isOfHost ? [] : [{ role: String(item['role']), text }];
  });
}
