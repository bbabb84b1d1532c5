import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threadId as mainThreadId } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import { WriterThread } from '../../src/rollout/writer-thread.js';
import type { WriterThreadOptions } from '../../src/rollout/writer-thread.js';
import { faultyWriterUrl } from './faulty-writer-url.js';
import { WriterSession } from './writer-session.js';

describe('WriterThread', () => {
  let folder: string;
  let thread: WriterThread;
  let sessions: Map<string, WriterSession>;
  let told: { what: string; code?: string; id?: string }[];
  let parked: Promise<DaemonError>;
  let onDied: (() => void) | null;

  function start(options: Partial<WriterThreadOptions> = {}): void {
    parked = new Promise((resolve) => {
      thread = new WriterThread({
        onReplaced: (id, port) => {
          told.push({ what: 'replaced', id });
          sessions.get(id)!.resend(port);
        },
        onDied: ({ code }) => {
          told.push({ what: 'died', code });
          onDied?.();
        },
        onParked: (error) => {
          told.push({ what: 'parked', code: error.code });
          resolve(error);
        },
        ...options,
      });
    });
  }

  const pathOf = (id: string): string => join(folder, `${id}.jsonl`);
  const openPort = (id: string): MessagePort =>
    thread.open({ conversationId: id, path: pathOf(id), journalPath: null });

  function open(id: string, size = 0): WriterSession {
    const session = new WriterSession(openPort(id), size);
    sessions.set(id, session);
    return session;
  }

  const throwing = new URL('data:text/javascript,throw new Error("broken entry")');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rolloutd-thread-'));
    sessions = new Map();
    told = [];
    onDied = null;
  });

  afterEach(async () => {
    await thread.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('starts its thread with the first conversation, and ends it when closed', async () => {
    start();
    const before = thread.threadId;
    const session = open('a');
    const { threadId } = thread;
    session.append('one\n');
    await session.written();
    await thread.close();
    expect([before, thread.threadId]).to.deep.equal([null, null]);
    expect(threadId).to.be.a('number').and.not.equal(mainThreadId);
  });

  it('closes at once when it never started, and opens nothing afterwards', async () => {
    start();
    await thread.close();
    expect(() => openPort('a'))
      .to.throw()
      .with.property('code', 'shutting_down');
  });

  it('replaces a dead thread and gives each open conversation, and no other, a new channel', async () => {
    start({ workerUrl: faultyWriterUrl(join(folder, 'plan.json'), [{ dieAtWrite: { write: 4, bytes: 2 } }]) });
    const [released, a, b] = [open('released'), open('a'), open('b')];
    for (const session of [released, a, b]) {
      session.append('one\n');
      await session.written();
    }
    await thread.release('released');
    const former = thread.threadId;
    a.append('two\n');
    await a.written();
    b.append('two\n');
    await b.written();
    expect(told).to.deep.equal([
      { what: 'died', code: 'writer_lost' },
      { what: 'replaced', id: 'a' },
      { what: 'replaced', id: 'b' },
    ]);
    expect(thread.threadId).to.not.equal(former);
    expect(['released', 'a', 'b'].map((id) => readFileSync(pathOf(id), 'utf8'))).to.deep.equal([
      'one\n',
      'one\ntwo\n',
      'one\ntwo\n',
    ]);
  });

  it('hands a channel that was opened while no thread ran to the next thread, unchanged', async () => {
    start({ workerUrl: faultyWriterUrl(join(folder, 'plan.json'), [{ dieAtWrite: { write: 1, bytes: 0 } }]) });
    const b = await new Promise<WriterSession>((resolve) => {
      onDied = () => resolve(open('b'));
      open('a').append('a\n');
    });
    b.append('b\n');
    await b.written();
    expect(told.filter(({ what }) => what === 'replaced')).to.deep.equal([{ what: 'replaced', id: 'a' }]);
  });

  it('ends a thread that answers nobody any more, and the next one writes what it had not', async () => {
    const workerUrl = faultyWriterUrl(join(folder, 'plan.json'), [{ loops: true }]);
    start({ workerUrl, stuckMs: 100 });
    const session = open('a');
    session.append('first\n');
    await session.written();
    expect(readFileSync(pathOf('a'), 'utf8')).to.equal('first\n');
    expect(told.map(({ what }) => what)).to.deep.equal(['died', 'replaced']);
  });

  it('leaves a thread alone that answers, and asks none when nobody waits', async () => {
    let looks = 0;
    const looked = new Promise<void>((resolve) => {
      const isNeeded = (): boolean => {
        looks += 1;
        if (looks === 4) resolve();
        return looks < 3;
      };
      start({ stuckMs: 1000, isNeeded });
    });
    const session = open('a');
    await looked;
    session.append('first\n');
    await session.written();
    expect(told).to.deep.equal([]);
  });

  it('stops starting threads that die again and again, tells so, and refuses conversations', async () => {
    start({ workerUrl: throwing, maxDeathsPerMinute: 3 });
    open('a');
    const error = await parked;
    expect(error.message).to.include('broken entry');
    expect(told.map(({ what }) => what)).to.deep.equal(['died', 'replaced', 'died', 'replaced', 'died', 'parked']);
    expect(() => openPort('b'))
      .to.throw()
      .with.property('code', 'writer_lost');
  });

  it('resolves a release, and its own closing, when the thread dies instead of answering', async () => {
    start({ workerUrl: throwing, maxDeathsPerMinute: 1 });
    open('a');
    await thread.release('a');
    await thread.close();
    expect(told.map(({ what }) => what)).to.deep.equal(['died', 'parked']);
  });

  it('resolves a release only when everything that was sent before is in the file', async () => {
    start();
    const session = open('a');
    for (let n = 0; n < 1000; n += 1) session.append(`${n}\n`);
    session.closePort();
    await thread.release('a');
    const lines = readFileSync(pathOf('a'), 'utf8').trimEnd().split('\n');
    expect(lines).to.deep.equal(Array.from({ length: 1000 }, (_, n) => String(n)));
  });

  it('resolves the release of a conversation that is not open', async () => {
    start();
    await thread.release('none');
    open('a');
    await thread.release('none');
    await Promise.all([thread.release('a'), thread.release('a')]);
    expect(existsSync(pathOf('a'))).to.equal(false);
  });
});
