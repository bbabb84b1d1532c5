import { appendFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { expect } from 'chai';
import { IndexClient } from '../../src/index/index-client.js';
import type { Following } from '../../src/index/index-client.js';
import type { FollowedPlace, FollowNews } from '../../src/index/index-messages.js';
import type { RecordedEvent } from '../../src/index/recorded-news.js';
import type { ThreadItem, Turn } from '../../src/protocol/thread.js';
import { findProjectRoot } from '../support/child-program.js';
import { ROLLOUT_FIXTURES } from '../support/rollout-fixtures.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import { completeLine, metaLine, rolloutText, startedLine, turnLines, userItemLine } from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';

const FIXTURES = path.resolve('test/fixtures/rollouts');
/** Of all forms that a turn or an item may have, less those in which turns are taken back. */
const NAMES = [
  ...ROLLOUT_FIXTURES,
  'codex-0.34.0',
  'codex-0.120.0',
  'commands',
  'late-command',
  'legacy-0.169.0',
  'reviewed',
  'server-0.72.0',
  'tool-kinds',
];

interface Followed {
  place: FollowedPlace;
  following: Following;
  news: FollowNews[];
  /** Of all news, in order. */
  events: () => RecordedEvent[];
  next: () => Promise<FollowNews>;
}

/** A story of events, short. */
function namesOf(events: readonly RecordedEvent[]): string[] {
  return events.map(({ method, params }) => {
    const { turn, item } = params as { turn?: Turn; item?: ThreadItem };
    return `${method} ${turn === undefined ? item!.id : `${turn.id} ${turn.status}`}`;
  });
}

/** What a client that takes the events as they come holds of each turn. */
function assemble(events: readonly RecordedEvent[]): Map<string, { status: string; items: Map<string, ThreadItem> }> {
  const turns = new Map<string, { status: string; items: Map<string, ThreadItem> }>();
  const turnOf = (id: string) => {
    const turn = turns.get(id) ?? { status: 'unknown', items: new Map() };
    turns.set(id, turn);
    return turn;
  };
  for (const { method, params } of events) {
    const { turn, turnId, item } = params as { turn: Turn; turnId: string; item: ThreadItem };
    if (method === 'turn/started' || method === 'turn/completed') turnOf(turn.id).status = turn.status;
    if (method === 'item/completed') turnOf(turnId).items.set(item.id, item);
  }
  return turns;
}

describe('a rollout that somebody else writes', () => {
  const home = useTempFolder();
  let client: IndexClient;
  beforeEach(() => {
    client = new IndexClient({ home: home() });
  });
  afterEach(() => client.close());

  async function follow(file: string, index = client): Promise<Followed> {
    const news: FollowNews[] = [];
    let wake = (_news: FollowNews): void => undefined;
    const { place, following } = await index.follow(
      { conversationId: idOf(1), path: file },
      (each) => {
        news.push(each);
        wake(each);
      },
      (error) => news.push({ type: 'gone', error } as never),
    );
    const events = (): RecordedEvent[] => news.flatMap((each) => (each.type === 'appended' ? each.events : []));
    return { place, following, news, events, next: () => new Promise((resolve) => (wake = resolve)) };
  }

  for (const name of NAMES) {
    it(`tells all that a reader finds there, whole and once, wherever the writes are cut: ${name}`, async () => {
      const bytes = readFileSync(path.join(FIXTURES, `${name}.jsonl`));
      const head = bytes.indexOf(0x0a) + 1;
      const cuts = fc.uniqueArray(fc.integer({ min: head, max: bytes.length }), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(cuts, async (places) => {
          const file = writeRollout(home(), { number: 1 });
          writeFileSync(file, bytes.subarray(0, head));
          const { following, events } = await follow(file);
          let from = head;
          for (const to of [...places.toSorted((a, b) => a - b), bytes.length]) {
            appendFileSync(file, bytes.subarray(from, to));
            from = to;
            await following.catchUp();
          }
          following.close();
          const { turnsJson } = await client.read({ path: file, includeTurns: true });
          const turns = JSON.parse(turnsJson!) as Turn[];
          const told = assemble(events());
          for (const { id, status, items } of turns) {
            const turn = told.get(id);
            // What has no end in the file still runs, for all that is known.
            const isOpen = turn?.status === 'inProgress';
            // Old versions did not mark where turns start and end: of such only the items are told.
            const isMarked = turn?.status !== 'unknown';
            if (isMarked) expect([id, isOpen ? 'interrupted' : turn?.status]).to.deep.equal([id, status]);
            if (!isOpen) expect([...turn!.items.values()]).to.have.deep.members(items);
          }
          const ends = events().filter(({ method }) => method === 'turn/completed');
          expect(ends.length).to.equal(
            turns.filter(({ id }) => !['inProgress', 'unknown'].includes(told.get(id)!.status)).length,
          );
          const items = events().filter(({ method }) => method === 'item/completed');
          // In legacy files an item may grow: then it is told again.
          if (bytes.subarray(0, head).includes('"history_mode":"paginated"')) {
            expect(items.length).to.equal([...told.values()].reduce((sum, turn) => sum + turn.items.size, 0));
          }
        }),
        { numRuns: 4 },
      );
    });
  }

  it('is told of by itself, from its end on, without what is there already', async () => {
    const file = writeRollout(home(), { number: 1 });
    const { place, events, next } = await follow(file);
    expect([place.end, place.openTurnId]).to.deep.equal([readFileSync(file).length, null]);
    const told = next();
    appendFileSync(file, rolloutText(turnLines('two', 'q', 'a')));
    const news = await told;
    expect(namesOf(events())).to.deep.equal([
      'turn/started two inProgress',
      'item/completed two-user',
      'item/completed two-agent',
      'turn/completed two completed',
    ]);
    expect((news as { place: FollowedPlace }).place.end).to.equal(readFileSync(file).length);
  });

  it('has news only when a line is whole', async () => {
    const file = writeRollout(home(), { number: 1 });
    const { following, news, events } = await follow(file);
    const line = rolloutText([startedLine('two')]);
    // Without its newline it parses, and is not over all the same.
    appendFileSync(file, line.slice(0, -1));
    await following.catchUp();
    expect(news).to.deep.equal([]);
    appendFileSync(file, '\n');
    await following.catchUp();
    expect(namesOf(events())).to.deep.equal(['turn/started two inProgress']);
  });

  it('does not end a turn twice', async () => {
    const file = writeRollout(home(), { number: 1, lines: [startedLine('one'), userItemLine('one', 'u', 'q')] });
    const { place, following, events } = await follow(file);
    expect(place.openTurnId).to.equal('one');
    appendFileSync(file, rolloutText([completeLine('one'), completeLine('one'), startedLine('one')]));
    await following.catchUp();
    expect(namesOf(events())).to.deep.equal(['turn/completed one completed']);
  });

  it('counts no more for what it was when it has become shorter', async () => {
    const file = writeRollout(home(), { number: 1, lines: [...turnLines('one', 'q', 'a'), startedLine('two')] });
    const { following, news } = await follow(file);
    const text = rolloutText([metaLine(idOf(1)), ...turnLines('one', 'q', 'a')]);
    truncateSync(file, Buffer.byteLength(readFileSync(file, 'utf8').slice(0, text.length - 10)));
    await following.catchUp();
    expect(news.map(({ type }) => type)).to.deep.equal(['replaced']);
  });

  it('is followed into no archive: it is gone then', async () => {
    const file = writeRollout(home(), { number: 1 });
    const { next } = await follow(file);
    const told = next();
    writeRollout(home(), { number: 2, folder: 'archived_sessions' });
    renameSync(file, path.join(home(), 'archived_sessions', path.basename(file)));
    expect(await told).to.deep.equal({ type: 'gone' });
  });

  it('is not looked at any more when nobody follows it', async () => {
    const file = writeRollout(home(), { number: 1 });
    const { following, news } = await follow(file);
    following.close();
    appendFileSync(file, rolloutText(turnLines('two', 'q', 'a')));
    await following.catchUp();
    await client.find(idOf(1));
    expect(news).to.deep.equal([]);
  });

  it('is followed on without a gap when the thread that does so dies, and given up when it keeps dying', async () => {
    const entry = path.join(home(), 'fragile.mjs');
    const service = pathToFileURL(path.join(findProjectRoot(), 'dist', 'src', 'index', 'index-service.js'));
    writeFileSync(
      entry,
      `import { existsSync } from 'node:fs';
       import { parentPort, workerData } from 'node:worker_threads';
       import { IndexService } from '${service.href}';
       const service = new IndexService(workerData.home, (news) => parentPort.postMessage(news));
       parentPort.on('message', (request) => {
         if (request.params.id === 'die') process.exit(1);
         if (request.method === 'follow' && existsSync(workerData.home + '/poison')) process.exit(1);
         void service.answer(request).then((reply) => parentPort.postMessage(reply));
       });`,
    );
    const fragile = new IndexClient({ home: home(), workerUrl: pathToFileURL(entry) });
    try {
      const file = writeRollout(home(), { number: 1 });
      const { following, events, next, news } = await follow(file, fragile);
      for (const id of ['two', 'three']) {
        const dying = fragile.find('die').catch(({ code }: { code: string }) => code);
        appendFileSync(file, rolloutText(turnLines(id, 'q', 'a')));
        expect(await dying).to.equal('index_lost');
        await following.catchUp();
      }
      expect(namesOf(events()).filter((line) => line.startsWith('turn/'))).to.deep.equal([
        'turn/started two inProgress',
        'turn/completed two completed',
        'turn/started three inProgress',
        'turn/completed three completed',
      ]);
      writeFileSync(path.join(home(), 'poison'), '');
      await fragile.find('die').catch(() => undefined);
      while (news.at(-1)?.type !== 'gone') await Promise.race([next(), fragile.find('x').catch(() => undefined)]);
      expect((news.at(-1) as unknown as { error: { code: string } }).error.code).to.equal('index_lost');
    } finally {
      await fragile.close();
    }
  });
});
