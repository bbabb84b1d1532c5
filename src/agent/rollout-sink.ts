// A session's end of its rollout: gathers a tick's lines, keeps the suffix that is not yet safe. Session worker.
import type { MessagePort } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import type { WriterReply, WriterRequest } from '../rollout/writer-messages.js';
import type { RolloutProgress } from './outbox.js';

interface Unconfirmed {
  offset: number;
  end: number;
  text: string;
  sync: boolean;
}

export interface RolloutSinkOptions {
  port: MessagePort;
  /** Size of the file as it was read. */
  size: number;
  /** The file's last line has no newline: the first append closes it. */
  tornTail: boolean;
  /** Milliseconds by which appends are held back; only to show what recording first is good for. */
  lagMs: number;
  onAdvance: () => void;
  onFailed: (error: DaemonError) => void;
  onJournalFailed: (message: string) => void;
}

/**
 * Appends are sent once a tick, in order, each with the offset at which it must start. An append stays here until the
 * writer has confirmed it to the level asked for, so that a new writer can be given all that may be missing.
 */
export class RolloutSink implements RolloutProgress {
  end: number;
  written: number;
  synced: number;
  readonly #options: RolloutSinkOptions;
  #port: MessagePort;
  #closeTail: boolean;
  #pending: string[] = [];
  #pendingSync = false;
  #sentEnd: number;
  #scheduled = false;
  #unconfirmed: Unconfirmed[] = [];
  #ended: (() => void) | null = null;
  #failed = false;

  constructor(options: RolloutSinkOptions) {
    this.#options = options;
    this.end = this.written = this.synced = this.#sentEnd = options.size;
    this.#closeTail = options.tornTail;
    this.#port = options.port;
    this.#listen();
  }

  /** Adds whole lines, each with its newline. `sync` asks that they survive a power loss. */
  append(text: string, sync = false): void {
    if (this.#closeTail) {
      this.#closeTail = false;
      this.append('\n');
    }
    this.#pending.push(text);
    this.#pendingSync ||= sync;
    this.end += Buffer.byteLength(text);
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#options.lagMs > 0) setTimeout(() => this.#send(), this.#options.lagMs);
    else setImmediate(() => this.#send());
  }

  /** Side journal: null drops it, `truncate` starts it afresh. Ordered with the appends sent before. */
  writeJournal(text: string | null, truncate: boolean): void {
    this.#send();
    this.#post({ type: 'journal', text, truncate });
  }

  /** A new writer took over: it gets everything that the former one may not have finished. */
  replacePort(port: MessagePort): void {
    this.#port.removeAllListeners('message');
    this.#port.close();
    this.#port = port;
    this.#listen();
    for (const { offset, text, sync } of this.#unconfirmed) this.#post({ type: 'append', offset, text, sync });
    if (this.#ended !== null) this.#post({ type: 'end' });
  }

  /** Sends what is left and resolves once it is written, synced and the file closed; at once after a failure. */
  async close(): Promise<void> {
    this.#send();
    if (!this.#failed) {
      await new Promise<void>((resolve) => {
        this.#ended = resolve;
        this.#post({ type: 'end' });
      });
    }
    this.#port.close();
  }

  /** Closes the channel of a session that appended nothing; the journal stays as it is. */
  abandon(): void {
    this.#port.close();
  }

  /** Nothing can be written any more. Safe to call twice. */
  fail(error: DaemonError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailed(error);
    this.#ended?.();
  }

  #send(): void {
    this.#scheduled = false;
    if (this.#pending.length === 0 || this.#failed) return;
    const text = this.#pending.join('');
    const entry = { offset: this.#sentEnd, end: this.end, text, sync: this.#pendingSync };
    this.#pending = [];
    this.#pendingSync = false;
    this.#sentEnd = this.end;
    this.#unconfirmed.push(entry);
    this.#post({ type: 'append', offset: entry.offset, text, sync: entry.sync });
  }

  #post(request: WriterRequest): void {
    this.#port.postMessage(request);
  }

  #listen(): void {
    this.#port.on('message', (reply: WriterReply) => this.#receive(reply));
  }

  #receive(reply: WriterReply): void {
    switch (reply.type) {
      case 'ack':
        this.#confirm(reply.written, reply.synced);
        break;
      case 'ended':
        this.#confirm(reply.written, reply.synced);
        this.#ended?.();
        break;
      case 'failed':
        this.fail(DaemonError.fromData(reply.error));
        break;
      case 'journalFailed':
        this.#options.onJournalFailed(reply.message);
        break;
    }
  }

  #confirm(written: number, synced: number): void {
    this.written = Math.max(this.written, written);
    this.synced = Math.max(this.synced, synced);
    let confirmed = 0;
    for (const entry of this.#unconfirmed) {
      if ((entry.sync ? this.synced : this.written) < entry.end) break;
      confirmed += 1;
    }
    if (confirmed > 0) this.#unconfirmed.splice(0, confirmed);
    this.#options.onAdvance();
  }
}
