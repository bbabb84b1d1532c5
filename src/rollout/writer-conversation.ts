// One conversation in the writer: what its session sent, how far that is written and synced, its failure. Writer thread.
import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import type { FolderSync } from './folder-sync.js';
import { JournalFile } from './journal-file.js';
import { RolloutFile } from './rollout-file.js';
import type { WriterReply, WriterRequest } from './writer-messages.js';

type AppendRequest = Extract<WriterRequest, { type: 'append' }>;
type JournalRequest = Extract<WriterRequest, { type: 'journal' }>;

/** Appends that follow each other without a gap: one write. */
interface Batch {
  offset: number;
  bytes: Buffer;
  /** End of the last append that wants to be synced, or 0. */
  syncEnd: number;
}

/** Gathered text of this many UTF-16 units is written without waiting for the end of the tick. */
const GATHER_LIMIT_UNITS = 32 << 20;

export interface WriterConversationOptions {
  port: MessagePort;
  path: string;
  journalPath: string | null;
  folders: FolderSync;
  /** Asks for a flush() at the end of this tick. */
  onDirty: (conversation: WriterConversation) => void;
  /** The file is closed and nothing more will come or go. */
  onFinished: (conversation: WriterConversation) => void;
}

/** None of its methods throws or rejects: what fails is told to the session, and is nobody else's failure. */
export class WriterConversation {
  readonly #options: WriterConversationOptions;
  readonly #port: MessagePort;
  readonly #file: RolloutFile;
  readonly #journal: JournalFile | null;
  #appends: AppendRequest[] = [];
  #appendedUnits = 0;
  #journalRequests: JournalRequest[] = [];
  #acknowledged = 0;
  #synced = 0;
  #syncWanted = 0;
  #syncing: Promise<void> | null = null;
  /** Set by a failure: only an append at or before this offset, a new attempt, is taken. */
  #retryFrom: number | null = null;
  #journalBroken = false;
  #ended = false;
  #closing = false;
  #portClosed = false;
  #finished: Promise<void> | null = null;

  constructor(options: WriterConversationOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#file = new RolloutFile(options.path, options.folders);
    this.#journal = options.journalPath === null ? null : new JournalFile(options.journalPath);
    this.#port.on('message', (request: WriterRequest) => {
      // After a release nothing more is written, whatever a session that still runs may send.
      if (!this.#closing) this.#receive(request);
    });
    this.#port.on('close', () => {
      this.#portClosed = true;
      void this.finish();
    });
  }

  /** Writes what was gathered, acknowledges it, then sees to the sync and the journal. */
  flush(): void {
    this.#write();
    if (this.#ended) void this.finish();
  }

  /**
   * Takes what still lies in the port, writes and syncs it, answers a session that had said `end`, closes all. The
   * journal goes only after an `end` with everything written: otherwise the next load may need it.
   */
  finish(): Promise<void> {
    return (this.#finished ??= this.#finish());
  }

  async #finish(): Promise<void> {
    this.#closing = true;
    this.#drainPort();
    this.#write();
    if (this.#retryFrom === null && this.#acknowledged > this.#synced) this.#wantSync(this.#acknowledged);
    while (this.#syncing !== null) await this.#syncing;
    if (this.#ended && this.#retryFrom === null) this.#tryJournal((journal) => journal.drop());
    else this.#journal?.close();
    await this.#file.close();
    if (this.#ended) this.#reply({ type: 'ended', written: this.#acknowledged, synced: this.#synced });
    this.#port.close();
    this.#options.onFinished(this);
  }

  #drainPort(): void {
    // A port closes behind its last message; Node crashes on one that is asked for messages after its `close`.
    if (this.#portClosed) return;
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#receive(next.message as WriterRequest);
    }
  }

  #receive(request: WriterRequest): void {
    switch (request.type) {
      case 'append':
        this.#takeAppend(request);
        break;
      case 'journal':
        this.#journalRequests.push(request);
        break;
      case 'end':
        this.#ended = true;
        break;
    }
    if (this.#appendedUnits > GATHER_LIMIT_UNITS) this.#write();
    this.#options.onDirty(this);
  }

  #write(): void {
    if (this.#appends.length > 0) this.#writeAppends();
    if (this.#journalRequests.length > 0) this.#writeJournal();
  }

  #takeAppend(request: AppendRequest): void {
    if (this.#retryFrom !== null) {
      if (request.offset > this.#retryFrom) return;
      this.#retryFrom = null;
    }
    this.#appends.push(request);
    this.#appendedUnits += request.text.length;
  }

  #writeAppends(): void {
    const appends = this.#appends;
    this.#appends = [];
    this.#appendedUnits = 0;
    let syncEnd = 0;
    let failure: { error: unknown; offset: number } | null = null;
    for (const batch of gatherBatches(appends)) {
      try {
        this.#file.append(batch.offset, batch.bytes);
      } catch (error) {
        failure = { error, offset: batch.offset };
      }
      if (failure !== null) break;
      syncEnd = Math.max(syncEnd, batch.syncEnd);
    }
    if (failure === null) {
      this.#acknowledge(syncEnd);
      this.#wantSync(syncEnd);
      return;
    }
    this.#acknowledge(0);
    this.#fail(failure.error, Math.max(failure.offset, this.#file.written));
  }

  #writeJournal(): void {
    const requests = this.#journalRequests;
    this.#journalRequests = [];
    // After a failed append the journal has text that the rollout lacks: it stays as it is.
    if (this.#retryFrom !== null) return;
    for (const { text, truncate } of requests) {
      this.#tryJournal((journal) => {
        if (text === null) journal.drop();
        else if (truncate) journal.replace(text);
        // Behind a torn line nothing would be read.
        else if (!this.#journalBroken) journal.append(text);
        if (text === null || truncate) this.#journalBroken = false;
      });
    }
  }

  #tryJournal(action: (journal: JournalFile) => void): void {
    if (this.#journal === null) return;
    try {
      action(this.#journal);
    } catch (error) {
      this.#journalBroken = true;
      const message = `cannot keep the journal ${this.#journal.path}: ${(error as Error).message}`;
      this.#reply({ type: 'journalFailed', message });
    }
  }

  /** One sync at a time; the next covers everything that was written meanwhile. */
  #wantSync(end: number): void {
    this.#syncWanted = Math.max(this.#syncWanted, end);
    if (this.#syncing !== null || this.#syncWanted <= this.#synced) return;
    this.#syncing = this.#sync().then(() => {
      this.#syncing = null;
      if (this.#retryFrom === null) this.#wantSync(0);
    });
  }

  async #sync(): Promise<void> {
    try {
      this.#synced = Math.max(this.#synced, await this.#file.sync());
      this.#reply({ type: 'ack', written: this.#acknowledged, synced: this.#synced });
    } catch (error) {
      // The kernel may have dropped what it could not write, and would call the next sync a success: no new attempt.
      this.#fail(error, -1);
    }
  }

  /**
   * Says what is written. When a sync of all of it begins at this moment, its own acknowledgement will say both: each one
   * wakes two threads, which costs more than most syncs.
   */
  #acknowledge(syncEnd: number): void {
    if (this.#file.written <= this.#acknowledged) return;
    this.#acknowledged = this.#file.written;
    if (syncEnd === this.#acknowledged && this.#syncing === null) return;
    this.#reply({ type: 'ack', written: this.#acknowledged, synced: this.#synced });
  }

  #fail(error: unknown, retryFrom: number): void {
    this.#retryFrom = retryFrom;
    this.#syncWanted = this.#synced;
    this.#appends = [];
    this.#appendedUnits = 0;
    this.#reply({ type: 'failed', error: DaemonError.from(error, 'rollout_write_failed').toData() });
  }

  #reply(reply: WriterReply): void {
    this.#port.postMessage(reply);
  }
}

function gatherBatches(appends: readonly AppendRequest[]): Batch[] {
  const batches: { offset: number; end: number; parts: Buffer[]; syncEnd: number }[] = [];
  for (const { offset, text, sync } of appends) {
    const bytes = Buffer.from(text);
    const last = batches.at(-1);
    const end = offset + bytes.length;
    if (last === undefined || last.end !== offset) {
      batches.push({ offset, end, parts: [bytes], syncEnd: sync ? end : 0 });
      continue;
    }
    last.parts.push(bytes);
    last.end = end;
    if (sync) last.syncEnd = end;
  }
  return batches.map(({ offset, parts, syncEnd }) => ({
    offset,
    bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts),
    syncEnd,
  }));
}
