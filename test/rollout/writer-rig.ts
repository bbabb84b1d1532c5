// A rollout writer with sessions for the tests of one suite, in a fresh folder for each test. Main thread.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { WriterReply } from '../../src/rollout/writer-messages.js';
import { WriterThread } from '../../src/rollout/writer-thread.js';
import { faultyWriterUrl } from './faulty-writer-url.js';
import type { FaultyLife } from './faulty-writer-url.js';
import type { TmpfsMount } from './tmpfs-mount.js';
import { WriterSession } from './writer-session.js';

export interface Rollout {
  id: string;
  path: string;
  journalPath: string;
}

export class WriterRig {
  folder = '';
  /** A sound one that all tests share, unless a test puts its own here. */
  thread: WriterThread;
  /** Unmounted after the test, when all files are closed. */
  tmpfs: TmpfsMount | null = null;
  readonly #shared: WriterThread;
  readonly #sessions = new Map<string, WriterSession>();

  constructor() {
    this.thread = this.#shared = this.startThread();
  }

  startThread(workerUrl?: URL): WriterThread {
    return new WriterThread({
      ...(workerUrl === undefined ? {} : { workerUrl }),
      onReplaced: (id, port) => this.#sessions.get(id)!.resend(port),
      onParked: (error) => {
        throw error;
      },
    });
  }

  /** `planPath` names the channel of held syncs. */
  startFaultyThread(lives: FaultyLife[]): WriterThread {
    return this.startThread(faultyWriterUrl(this.planPath, lives));
  }

  get planPath(): string {
    return join(this.folder, 'plan.json');
  }

  rollout(id: string, within = this.folder): Rollout {
    const path = join(within, 'sessions', '2026', `${id}.jsonl`);
    return { id, path, journalPath: join(within, 'journal', `${id}.jsonl`) };
  }

  /** `size` is where the session takes the file to end. */
  open({ id, path, journalPath }: Rollout, size = 0): WriterSession {
    const session = new WriterSession(this.thread.open({ conversationId: id, path, journalPath }), size);
    this.#sessions.set(id, session);
    return session;
  }

  prepare(): void {
    this.folder = mkdtempSync(join(tmpdir(), 'rolloutd-writer-'));
    this.tmpfs = null;
    this.thread = this.#shared;
  }

  async cleanUp(): Promise<void> {
    if (this.thread === this.#shared) {
      await Promise.all([...this.#sessions.keys()].map((id) => this.thread.release(id)));
    } else await this.thread.close();
    this.#sessions.clear();
    this.tmpfs?.unmount();
    rmSync(this.folder, { recursive: true, force: true });
  }

  close(): Promise<void> {
    return this.#shared.close();
  }
}

/** To be called within describe(). */
export function useWriterRig(): WriterRig {
  const rig = new WriterRig();
  beforeEach(() => rig.prepare());
  afterEach(() => rig.cleanUp());
  after(() => rig.close());
  return rig;
}

/** Puts a file there before the writer comes. */
export function placeRollout({ path }: Rollout, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

export function readRollout({ path }: Rollout): string {
  return readFileSync(path, 'utf8');
}

/** The failure that the session is told of, now or later. */
export async function failureOf(session: WriterSession): Promise<{ code: string; errno: unknown; message: string }> {
  const isFailure = (reply: WriterReply): boolean => reply.type === 'failed';
  const { error } = (await session.reply(isFailure)) as Extract<WriterReply, { type: 'failed' }>;
  return { code: error.code, errno: (error.data as { errno?: unknown }).errno, message: error.message };
}
