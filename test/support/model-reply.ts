// Writes one reply of the scripted model server in the wire format of the Responses API. Test process or its own.
import type { ServerResponse } from 'node:http';

export interface ReplyUsage {
  input: number;
  cached?: number;
  output: number;
  reasoning?: number;
}

type Item = Record<string, unknown>;

/**
 * Everything is buffered until the end of the tick and then written at once; `end`, `cut` and `fail` finish the reply.
 * Whatever is written after the client has gone is dropped in silence.
 */
export class ModelReply {
  /** `resp_N`, N being the number of the request. */
  readonly id: string;
  /** Resolves when the exchange is over: finished, cut, or left by the client. */
  readonly closed: Promise<void>;
  readonly #response: ServerResponse;
  readonly #output: Item[] = [];
  #messages = 0;
  #pending = '';
  #scheduled = false;

  constructor(response: ServerResponse, number: number) {
    this.id = `resp_${number}`;
    this.#response = response;
    this.closed = new Promise((resolve) => response.once('close', resolve));
    // A client that goes away in the middle is an everyday thing here.
    response.on('error', () => {});
  }

  get isClosed(): boolean {
    return this.#response.closed || this.#response.destroyed;
  }

  /** The whole reply is this status; `body` is sent as it is, or as JSON. */
  fail(status: number, body: unknown, headers: Record<string, string> = {}): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    this.#response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers });
    this.#response.end(text);
  }

  /** The same with a body in the API's own form. */
  failWith(status: number, code: string, message: string, headers: Record<string, string> = {}): void {
    this.fail(status, { error: { message, type: code, param: null, code } }, headers);
  }

  /** One event; its `type` is also its SSE name. */
  send(event: { type: string; [field: string]: unknown }): void {
    this.raw(formatEvent(event));
  }

  /** Bytes of the stream as they are. */
  raw(text: string): void {
    this.#begin();
    this.#pending += text;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** One HTTP chunk of its own: the client sees exactly these pieces. */
  chunk(bytes: string | Uint8Array): void {
    this.#begin();
    this.#flush();
    if (bytes.length > 0 && !this.isClosed) this.#response.write(bytes);
  }

  /** Writes `text` and waits while the client does not keep up; for big streams. */
  async write(text: string): Promise<void> {
    this.#begin();
    this.#flush();
    if (this.isClosed || this.#response.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.on('drain', done);
      this.#response.on('close', done);
    });
  }

  create(): void {
    const response = { id: this.id, object: 'response', status: 'in_progress', output: [] };
    this.send({ type: 'response.created', response });
    this.send({ type: 'response.in_progress', response });
  }

  /** Announces a message and returns its id: `msg_resp_N` for the first one, then `msg_resp_N_2` and so on. */
  startMessage(phase: string | null = null): string {
    this.#messages += 1;
    const id = this.#messages === 1 ? `msg_${this.id}` : `msg_${this.id}_${this.#messages}`;
    const place = { item_id: id, output_index: this.#output.length, content_index: 0 };
    this.#announce({ type: 'message', id, status: 'in_progress', role: 'assistant', content: [], ...phased(phase) });
    this.send({ type: 'response.content_part.added', ...place, part: outputText('') });
    return id;
  }

  delta(text: string): void {
    this.raw(this.formatDelta(text));
  }

  /** The text of a delta event of the running message; the last message announced is the running one. */
  formatDelta(text: string): string {
    const id = this.#messages === 1 ? `msg_${this.id}` : `msg_${this.id}_${this.#messages}`;
    return (
      `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"${id}",` +
      `"output_index":${this.#output.length},"content_index":0,"delta":${JSON.stringify(text)}}\n\n`
    );
  }

  endMessage(id: string, text: string, phase: string | null = null): void {
    const place = { item_id: id, output_index: this.#output.length, content_index: 0 };
    this.send({ type: 'response.output_text.done', ...place, text });
    this.send({ type: 'response.content_part.done', ...place, part: outputText(text) });
    const content = [outputText(text)];
    this.#finish({ type: 'message', id, status: 'completed', role: 'assistant', content, ...phased(phase) });
  }

  /** A whole message in these deltas. */
  message(deltas: readonly string[], phase: string | null = null): void {
    const id = this.startMessage(phase);
    for (const text of deltas) this.delta(text);
    this.endMessage(id, deltas.join(''), phase);
  }

  /** Reasoning: the summary's parts and the raw text, each in deltas, and something that looks encrypted. */
  reasoning(summary: readonly (readonly string[])[], raw: readonly string[]): void {
    const id = `rs_${this.id}`;
    const place = { item_id: id, output_index: this.#output.length };
    this.#announce({ type: 'reasoning', id, summary: [], content: [], encrypted_content: null });
    for (const [index, deltas] of summary.entries()) {
      const part = { ...place, summary_index: index };
      this.send({ type: 'response.reasoning_summary_part.added', ...part, part: summaryText('') });
      for (const delta of deltas) this.send({ type: 'response.reasoning_summary_text.delta', ...part, delta });
      this.send({ type: 'response.reasoning_summary_text.done', ...part, text: deltas.join('') });
      this.send({ type: 'response.reasoning_summary_part.done', ...part, part: summaryText(deltas.join('')) });
    }
    for (const delta of raw) this.send({ type: 'response.reasoning_text.delta', ...place, content_index: 0, delta });
    this.#finish({
      type: 'reasoning',
      id,
      summary: summary.map((deltas) => summaryText(deltas.join(''))),
      ...(raw.length === 0 ? {} : { content: [{ type: 'reasoning_text', text: raw.join('') }] }),
      encrypted_content: `encrypted_${this.id}`,
    });
  }

  /** A call by the model; `arguments_` is sent as it is, valid JSON or not. */
  functionCall(name: string, arguments_: string, callId = `call_${this.id.slice('resp_'.length)}`): void {
    const id = `fc_${this.id}`;
    const place = { item_id: id, output_index: this.#output.length };
    const call = { type: 'function_call', id, call_id: callId, name };
    this.#announce({ ...call, status: 'in_progress', arguments: '' });
    this.send({ type: 'response.function_call_arguments.delta', ...place, delta: arguments_ });
    this.send({ type: 'response.function_call_arguments.done', ...place, arguments: arguments_ });
    this.#finish({ ...call, status: 'completed', arguments: arguments_ });
  }

  /** Any other kind of item, whole. */
  item(item: Item): void {
    this.#announce(item);
    this.#finish(item);
  }

  /** Says that the response is complete and ends the stream. */
  complete(usage: ReplyUsage = { input: 100, output: 10 }): void {
    this.send({
      type: 'response.completed',
      response: {
        id: this.id,
        object: 'response',
        status: 'completed',
        output: this.#output,
        usage: {
          input_tokens: usage.input,
          input_tokens_details: { cached_tokens: usage.cached ?? 0 },
          output_tokens: usage.output,
          output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
          total_tokens: usage.input + usage.output,
        },
      },
    });
    this.end();
  }

  failResponse(code: string, message: string): void {
    this.send({ type: 'response.failed', response: { id: this.id, status: 'failed', error: { code, message } } });
    this.end();
  }

  leaveIncomplete(reason: string): void {
    const response = { id: this.id, status: 'incomplete', incomplete_details: { reason } };
    this.send({ type: 'response.incomplete', response });
    this.end();
  }

  /** Ends the stream in good order, whatever was said. */
  end(): void {
    this.#begin();
    this.#response.end(this.#take());
  }

  /** Breaks the connection once everything written so far has left. */
  cut(): void {
    this.#begin();
    this.#response.write(this.#take() || ': cut\n\n', () => this.#response.destroy());
  }

  /** Breaks the connection without an answer. */
  drop(): void {
    this.#response.destroy();
  }

  #announce(item: Item): void {
    this.send({ type: 'response.output_item.added', output_index: this.#output.length, item });
  }

  #finish(item: Item): void {
    this.send({ type: 'response.output_item.done', output_index: this.#output.length, item });
    this.#output.push(item);
  }

  #begin(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
  }

  #flush(): void {
    const text = this.#take();
    if (text !== '' && !this.isClosed && !this.#response.writableEnded) this.#response.write(text);
  }

  #take(): string {
    const text = this.#pending;
    this.#pending = '';
    return text;
  }
}

export function formatEvent(event: { type: string; [field: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function outputText(text: string): Item {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

function summaryText(text: string): Item {
  return { type: 'summary_text', text };
}

function phased(phase: string | null): Item {
  return phase === null ? {} : { phase };
}
