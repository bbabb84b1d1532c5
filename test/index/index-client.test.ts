import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import { IndexClient } from '../../src/index/index-client.js';
import type { ThreadItem, Turn } from '../../src/protocol/thread.js';
import { ROLLOUT_FIXTURES, fixturePath, fixtureTurns } from '../support/rollout-fixtures.js';
import type { RolloutFixture } from '../support/rollout-fixtures.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import {
  agentItemLine,
  metaLine,
  rolloutText,
  startedLine,
  turnLines,
  userItemLine,
} from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { WHOLE_LIST } from '../support/lister.js';
import { useTempFolder } from '../support/temp-folder.js';

async function failure(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await call.then(
    () => expect.fail('no failure'),
    (caught: unknown) => caught as DaemonError,
  );
  return { code: error.code, message: error.message };
}

describe('IndexClient', () => {
  const home = useTempFolder();
  let client: IndexClient;

  beforeEach(() => {
    client = new IndexClient({ home: home() });
  });

  afterEach(() => client.close());

  function addFixture(name: RolloutFixture): string {
    const path = writeRollout(home(), { number: 1 });
    writeFileSync(path, readFileSync(fixturePath(name)));
    return path;
  }

  async function readTurns(
    path: string,
    options: { liveTurnId?: string; runningItems?: ThreadItem[] } = {},
  ): Promise<Turn[]> {
    const { turnsJson } = await client.read({ path, includeTurns: true, ...options });
    return JSON.parse(turnsJson!) as Turn[];
  }

  describe('list', () => {
    it('gives a page', async () => {
      writeRollout(home(), { number: 1 });
      const { data, nextCursor } = await client.list(WHOLE_LIST);
      expect([data.map(({ id }) => id), nextCursor]).to.deep.equal([[idOf(1)], null]);
    });

    it('rejects with the error of the service', async () => {
      expect(await failure(client.list({ ...WHOLE_LIST, cursor: 'x' }))).to.deep.equal({
        code: 'invalid_params',
        message: 'invalid cursor: x',
      });
    });
  });

  describe('read', () => {
    for (const name of ROLLOUT_FIXTURES) {
      it(`gives the turns as text for a reply: ${name}`, async () => {
        expect(await readTurns(addFixture(name))).to.deep.equal(fixtureTurns(name));
      });
    }

    it('gives no turns that nobody asked for', async () => {
      const path = addFixture('tools');
      const { turnsJson, summary, tokenUsage } = await client.read({ path, includeTurns: false });
      expect([turnsJson, summary.path, summary.preview, summary.sandboxPolicy, tokenUsage?.turnId]).to.deep.equal([
        null,
        path,
        'shell echo hi; exit 2',
        { type: 'dangerFullAccess' },
        fixtureTurns('tools').at(-1)!.id,
      ]);
    });

    it('takes the settings of the last turn, however far back', async () => {
      const lines = [...turnLines('one', 'q', 'a'), agentItemLine('one', 'long', 'x'.repeat(9_000_000))];
      const path = writeRollout(home(), { number: 1, lines });
      expect((await client.read({ path, includeTurns: false })).summary.model).to.equal('gpt-test');
    });

    it('reads up to a byte', async () => {
      const head = rolloutText([metaLine(idOf(1)), ...turnLines('one', 'q', 'a')]);
      const path = writeRollout(home(), { number: 1 });
      writeFileSync(path, head + rolloutText(turnLines('two', 'q2', 'a2')));
      const { turnsJson } = await client.read({ path, includeTurns: true, end: Buffer.byteLength(head) });
      expect((JSON.parse(turnsJson!) as Turn[]).map(({ id }) => id)).to.deep.equal(['one']);
    });

    it('shows the live turn in progress, with what runs in it', async () => {
      const lines = [
        startedLine('one'),
        userItemLine('one', 'u', 'q'),
        startedLine('two'),
        userItemLine('two', 'v', 'r'),
      ];
      const path = writeRollout(home(), { number: 1, lines });
      const running = { type: 'plan', text: 'half', startedAtMs: 1, completedAtMs: null } as const;
      const turns = await readTurns(path, {
        liveTurnId: 'two',
        runningItems: [
          { ...running, id: 'v' },
          { ...running, id: 'w' },
        ],
      });
      expect(turns.map(({ status, items }) => [status, items.map(({ type, id }) => `${type} ${id}`)])).to.deep.equal([
        ['interrupted', ['userMessage u']],
        ['inProgress', ['userMessage v', 'plan w']],
      ]);
    });

    it('gives text that every parser accepts', async () => {
      const path = writeRollout(home(), { number: 1 });
      const item = '{"type":"AgentMessage","id":"a","content":[{"type":"Text","text":"half \\ud83d"}]}';
      const line = `{"timestamp":"t","type":"event_msg","payload":{"type":"item_completed","turn_id":"turn","item":${item}}}`;
      writeFileSync(path, `${rolloutText([metaLine(idOf(1))])}${line}\n`);
      const { turnsJson } = await client.read({ path, includeTurns: true });
      expect(turnsJson).to.include('half \ufffd').and.not.to.include('\\ud');
    });

    it('prefers the id in the file to the one in its name', async () => {
      const path = writeRollout(home(), { number: 1, meta: { id: idOf(7) } });
      expect((await client.read({ path, includeTurns: false })).summary.id).to.equal(idOf(7));
    });

    it('reads archived conversations', async () => {
      const path = writeRollout(home(), { number: 1, folder: 'archived_sessions' });
      expect((await client.read({ path, includeTurns: false })).summary.archived).to.equal(true);
    });

    it('reads no file outside the sessions of its home', async () => {
      const path = writeRollout(home(), { number: 1 });
      const outside = join(home(), 'outside.jsonl');
      renameSync(path, outside);
      symlinkSync(outside, path);
      for (const refused of [
        outside,
        path,
        '/etc/passwd',
        join(dirname(path), '..', '..', '..', '..', 'config.toml', '..'),
      ]) {
        expect((await failure(client.read({ path: refused, includeTurns: false }))).code).to.equal(
          'rollout_path_not_allowed',
        );
      }
    });

    it('tells a missing file from one that is no conversation', async () => {
      const path = writeRollout(home(), { number: 1 });
      writeFileSync(path, '');
      const missing = join(dirname(path), 'none.jsonl');
      expect([
        await failure(client.read({ path, includeTurns: true })),
        await failure(client.read({ path: missing, includeTurns: true })),
      ]).to.deep.equal([
        { code: 'rollout_unreadable', message: `rollout at ${path} holds no session metadata` },
        { code: 'rollout_not_found', message: `failed to resolve rollout path \`${missing}\`: file does not exist` },
      ]);
    });
  });

  describe('find', () => {
    it('finds a file by its name', async () => {
      const path = writeRollout(home(), { number: 1 });
      expect([await client.find(idOf(1)), await client.find(idOf(2))]).to.deep.equal([path, null]);
    });

    it('finds the newest of several, and archived ones last', async () => {
      const archived = writeRollout(home(), { number: 1, folder: 'archived_sessions' });
      expect(await client.find(idOf(1))).to.equal(archived);
      const old = writeRollout(home(), { number: 1 });
      expect(await client.find(idOf(1))).to.equal(old);
      const copy = join(home(), 'sessions', '2026', '11', `rollout-2026-11-25T10-00-00-${idOf(1)}.jsonl`);
      mkdirSync(dirname(copy), { recursive: true });
      writeFileSync(copy, readFileSync(old));
      expect(await client.find(idOf(1))).to.equal(copy);
    });

    it('finds a file by the id that it holds when no name fits', async () => {
      const path = writeRollout(home(), { number: 1, meta: { id: idOf(7) } });
      writeRollout(home(), { number: 2 });
      const empty = writeRollout(home(), { number: 3 });
      writeFileSync(empty, '');
      expect([await client.find(idOf(7)), await client.find(idOf(7)), await client.find(idOf(8))]).to.deep.equal([
        path,
        path,
        null,
      ]);
      writeFileSync(empty, rolloutText([metaLine(idOf(8))]));
      expect(await client.find(idOf(8))).to.equal(empty);
    });
  });

  it('answers every other call', async () => {
    const path = writeSegment(home(), { number: 1, lines: turnLines('one', 'q', 'a') });
    const fork = writeSegment(home(), { number: 2, base: baseAt(path), lines: turnLines('two', 'q', 'a') });
    const { base } = await client.cut({ path: fork, at: { type: 'before', turnId: 'two' } });
    const source = { path: fork, threadId: idOf(2), cursor: null, limit: 1 };
    const turns = await client.turnsPage({ ...source, sortDirection: 'desc', itemsView: 'notLoaded' });
    const items = await client.itemsPage({ ...source, sortDirection: 'asc', turnId: 'two' });
    const read = await client.itemsRead({ path: fork, turnId: 'one', itemIds: ['one-agent'] });
    const tail = await client.tailCursors({ path: fork, threadId: idOf(2) });
    const { summary, sources } = await client.describe(fork);
    const files = await client.files(idOf(2));
    const dependents = await client.dependents(idOf(1));
    await client.restore(fork);
    const count = ({ json }: { json: string }): number => (JSON.parse(json) as { data: unknown[] }).data.length;
    expect({
      base: base?.threadId,
      pages: [turns, items, read].map(count),
      tail: [tail.turns, tail.items].map((cursor) => typeof cursor),
      described: [summary.id, sources.map((range) => range.path)],
      files: files.map((file) => file.path),
      dependents: dependents.map(({ id }) => id),
    }).to.deep.equal({
      base: idOf(2),
      pages: [1, 1, 1],
      tail: ['string', 'string'],
      described: [idOf(2), [path]],
      files: [fork],
      dependents: [idOf(2)],
    });
  });

  it('restores no file outside the sessions of its home', async () => {
    expect((await failure(client.restore('/etc/passwd'))).code).to.equal('rollout_path_not_allowed');
  });

  describe('its thread', () => {
    /** An entry that dies of a request to find `die`, and answers any other with the number of the thread. */
    function fragileWorker(): URL {
      const entry = join(home(), 'fragile.mjs');
      const source = `import { parentPort, threadId } from 'node:worker_threads';
        import { existsSync, writeFileSync } from 'node:fs';
        parentPort.on('message', ({ requestId, params }) => {
          if (params === undefined) return parentPort.postMessage({ pong: true });
          if (params.id === 'die') process.exit(3);
          if (params.id === 'once' && !existsSync(${JSON.stringify(join(home(), 'died'))})) {
            writeFileSync(${JSON.stringify(join(home(), 'died'))}, '');
            process.exit(3);
          }
          while (params.id === 'loop');
          if (params.id === 'throw') throw new Error('boom');
          if (params.id !== 'wait') parentPort.postMessage({ requestId, result: String(threadId) });
        });`;
      writeFileSync(entry, source);
      return pathToFileURL(entry);
    }

    for (const death of ['die', 'throw']) {
      it(`is replaced after its death, twice, and then what waited for it rejects: ${death}`, async () => {
        const fragile = new IndexClient({ home: home(), workerUrl: fragileWorker() });
        try {
          const first = await fragile.find('x');
          const waiting = fragile.find('wait');
          const lost = { code: 'index_lost', message: 'the index thread keeps dying over this' };
          expect(await Promise.all([failure(waiting), failure(fragile.find(death))])).to.deep.equal([lost, lost]);
          const second = await fragile.find('x');
          expect(Number(second)).to.be.greaterThan(Number(first));
        } finally {
          await fragile.close();
        }
      });
    }

    it('is replaced when it answers nobody any more, which costs only who asked for that', async () => {
      const fragile = new IndexClient({ home: home(), stuckMs: 100, workerUrl: fragileWorker() });
      try {
        const first = await fragile.find('x');
        const lost = await failure(fragile.find('loop'));
        expect(lost).to.deep.equal({ code: 'index_lost', message: 'the index thread keeps dying over this' });
        expect(Number(await fragile.find('x'))).to.be.greaterThan(Number(first));
        // One that is slow and answers is left alone.
        const slow = fragile.find('wait');
        let isOver = false;
        void slow.catch(() => (isOver = true));
        const since = performance.now();
        while (performance.now() - since < 400) await fragile.find('x');
        expect(isOver).to.equal(false);
        void slow.catch(() => undefined);
      } finally {
        await fragile.close();
      }
    });

    it('answers what waited for one that died', async () => {
      const fragile = new IndexClient({ home: home(), workerUrl: fragileWorker() });
      try {
        const first = await fragile.find('x');
        const [killing, beside] = await Promise.all([fragile.find('once'), fragile.find('x')]);
        expect(killing).to.equal(beside);
        expect(Number(killing)).to.be.greaterThan(Number(first));
      } finally {
        await fragile.close();
      }
    });

    it('answers nothing any more once closed', async () => {
      const fragile = new IndexClient({ home: home(), workerUrl: fragileWorker() });
      const waiting = failure(fragile.find('wait'));
      await fragile.close();
      expect([(await waiting).code, (await failure(fragile.find('x'))).code]).to.deep.equal([
        'shutting_down',
        'shutting_down',
      ]);
    });
  });
});
