// A session's end of the rollout writer, as plain as can be: for tests of the writer's side. Main thread.
import { EventEmitter, once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { WriterReply, WriterRequest } from '../../src/rollout/writer-messages.js';

interface Unconfirmed {
  offset: number;
  end: number;
  text: string;
  sync: boolean;
}

export class WriterSession {
  /** Every reply so far, in order. */
  readonly replies: WriterReply[] = [];
  /** Called before the reply is looked at by anybody else. */
  onReply: ((reply: WriterReply) => void) | null = null;
  end: number;
  #port: MessagePort;
  #unconfirmed: Unconfirmed[] = [];
  #written = 0;
  #synced = 0;
  #ending = false;
  readonly #events = new EventEmitter();

  /** `size` is where the file ends. */
  constructor(port: MessagePort, size = 0) {
    this.end = size;
    this.#port = port;
    this.#listen();
  }

  append(text: string, sync = false): void {
    const offset = this.end;
    this.end += Buffer.byteLength(text);
    this.#unconfirmed.push({ offset, end: this.end, text, sync });
    this.post({ type: 'append', offset, text, sync });
  }

  journal(text: string | null, truncate = false): void {
    this.post({ type: 'journal', text, truncate });
  }

  /** Sends again what was not confirmed to the level it asked for; over `port` when it is given. */
  resend(port?: MessagePort): void {
    if (port !== undefined) {
      this.#port.removeAllListeners('message');
      this.#port.close();
      this.#port = port;
      this.#listen();
    }
    for (const { offset, text, sync } of this.#unconfirmed) this.post({ type: 'append', offset, text, sync });
    if (this.#ending) this.post({ type: 'end' });
  }

  finish(): Promise<WriterReply> {
    this.#ending = true;
    this.post({ type: 'end' });
    return this.reply(({ type }) => type === 'ended');
  }

  /** The first reply, past or to come, that fits. */
  async reply(fits: (reply: WriterReply) => boolean): Promise<WriterReply> {
    for (;;) {
      const found = this.replies.find(fits);
      if (found !== undefined) return found;
      await once(this.#events, 'reply');
    }
  }

  /** Resolves once everything appended so far was acknowledged as written. */
  async written(): Promise<void> {
    const { end } = this;
    await this.reply((reply) => reply.type === 'ack' && reply.written >= end);
  }

  /** Resolves once everything appended so far was acknowledged as synced. */
  async synced(): Promise<void> {
    const { end } = this;
    await this.reply((reply) => reply.type === 'ack' && reply.synced >= end);
  }

  post(request: WriterRequest): void {
    this.#port.postMessage(request);
  }

  closePort(): void {
    this.#port.close();
  }

  #listen(): void {
    this.#port.on('message', (reply: WriterReply) => {
      this.onReply?.(reply);
      this.replies.push(reply);
      if (reply.type === 'ack' || reply.type === 'ended') {
        this.#written = Math.max(this.#written, reply.written);
        this.#synced = Math.max(this.#synced, reply.synced);
        this.#unconfirmed = this.#unconfirmed.filter(({ end, sync }) => end > (sync ? this.#synced : this.#written));
      }
      this.#events.emit('reply');
    });
  }
}
