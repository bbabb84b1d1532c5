// The rollout writer: takes the appends of all sessions and brings them to their files. Writer thread.
//
// 1. `written: N` is sent only after write(2) returned for every byte before N; `synced: N` only after fdatasync of them,
//    and fsync of the folder that names a new file and of its parents.
// 2. Bytes are appended in the order of requests, never twice, never with a gap.
// 3. Existing bytes never change.
// 4. The failure of one conversation touches no other.
import type { MessagePort } from 'node:worker_threads';
import { FolderSync } from './folder-sync.js';
import { WriterConversation } from './writer-conversation.js';
import type { WriterControl, WriterReport } from './writer-messages.js';

/** Works from construction on, until `close` or until its thread ends; it closes `port` when `close` is done. */
export class RolloutWriter {
  readonly #port: MessagePort;
  readonly #folders = new FolderSync();
  readonly #conversations = new Map<string, WriterConversation>();
  readonly #unfinished = new Set<WriterConversation>();
  readonly #dirty = new Set<WriterConversation>();
  #flushScheduled = false;

  /** `port` leads to the main thread: WriterControl in, WriterReport out. */
  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (control: WriterControl) => this.#receive(control));
  }

  #receive(control: WriterControl): void {
    switch (control.type) {
      case 'open':
        this.#open(control);
        break;
      case 'release':
        void this.#release(control.conversationId);
        break;
      case 'ping':
        this.#report({ type: 'pong' });
        break;
      case 'close':
        void this.#close();
        break;
    }
  }

  #open({ conversationId, path, journalPath, port }: Extract<WriterControl, { type: 'open' }>): void {
    // A conversation that is opened again writes what its former session had sent before anything new.
    void this.#conversations.get(conversationId)?.finish();
    const conversation = new WriterConversation({
      port,
      path,
      journalPath,
      folders: this.#folders,
      onDirty: (dirty) => this.#scheduleFlush(dirty),
      onFinished: (finished) => {
        this.#unfinished.delete(finished);
        this.#dirty.delete(finished);
        if (this.#conversations.get(conversationId) === finished) this.#conversations.delete(conversationId);
      },
    });
    this.#conversations.set(conversationId, conversation);
    this.#unfinished.add(conversation);
  }

  async #release(conversationId: string): Promise<void> {
    await this.#conversations.get(conversationId)?.finish();
    this.#report({ type: 'released', conversationId });
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#unfinished].map((conversation) => conversation.finish()));
    this.#report({ type: 'closed' });
    this.#port.close();
  }

  /** All that comes within one tick, from all sessions, is flushed together: one write per file. */
  #scheduleFlush(conversation: WriterConversation): void {
    this.#dirty.add(conversation);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      for (const each of dirty) each.flush();
    });
  }

  #report(report: WriterReport): void {
    this.#port.postMessage(report);
  }
}
