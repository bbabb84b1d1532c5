// The writer's end of a session's channel, moved by the test: a real port, no thread behind it. Any thread.
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { WriterReply, WriterRequest } from '../../src/rollout/writer-messages.js';

export class HandDrivenWriter {
  readonly requests: WriterRequest[] = [];
  /** For the session. */
  readonly port: MessagePort;
  /** Resolves when the session has let go of its end. */
  readonly closed: Promise<void>;
  readonly #port: MessagePort;
  #waiters: { count: number; resolve: () => void }[] = [];

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.#port = port2;
    this.closed = new Promise((resolve) => port2.on('close', resolve));
    port2.on('message', (request: WriterRequest) => {
      this.requests.push(request);
      for (const { count, resolve } of this.#waiters) if (this.requests.length >= count) resolve();
    });
  }

  reply(reply: WriterReply): void {
    this.#port.postMessage(reply);
  }

  /** Resolves with the first `count` requests. */
  async first(count: number): Promise<WriterRequest[]> {
    if (this.requests.length < count) {
      await new Promise<void>((resolve) => this.#waiters.push({ count, resolve }));
    }
    return this.requests.slice(0, count);
  }

  close(): void {
    this.#port.close();
  }
}
