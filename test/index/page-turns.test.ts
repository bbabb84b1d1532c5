import { appendFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { DaemonError } from '../../src/errors.js';
import { openHistory } from '../../src/index/conversation-history.js';
import { TurnReader } from '../../src/index/conversation-turns.js';
import type { ConversationTurns } from '../../src/index/conversation-turns.js';
import { FileMetas } from '../../src/index/file-metas.js';
import { ConversationFinder } from '../../src/index/find-conversation.js';
import type { ItemsPageParams, PageSource, SortDirection, TurnsPageParams } from '../../src/index/index-messages.js';
import { findTailCursors, pageItems, pageTurns, readItems } from '../../src/index/page-turns.js';
import type { ThreadItem, Turn } from '../../src/protocol/thread.js';
import { journalRecord } from '../../src/rollout/journal.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import {
  agentItemLine,
  completeLine,
  eventLine,
  itemLine,
  rolloutText,
  startedLine,
  turnLines,
  userItemLine,
} from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';

interface Page<Row> {
  data: Row[];
  nextCursor: string | null;
  backwardsCursor: string | null;
}

interface Entry {
  turnId: string;
  item: ThreadItem;
  startedAtMs: number | null;
  completedAtMs: number | null;
}

const OPPOSITE: Record<SortDirection, SortDirection> = { asc: 'desc', desc: 'asc' };

describe('pages of a conversation', () => {
  const home = useTempFolder();
  let path: string;
  let finder: ConversationFinder;
  let reader: TurnReader;

  beforeEach(() => {
    finder = new ConversationFinder(home(), new FileMetas());
    reader = new TurnReader(home());
  });

  async function read(live: Pick<PageSource, 'liveTurnId' | 'runningItems'> = {}): Promise<ConversationTurns> {
    const history = await openHistory(home(), path, finder.locator());
    return reader.read(history, { ...live, withItems: true });
  }

  function write(lines: RolloutLine[], meta: { history_mode?: 'legacy' } = {}): void {
    path = writeRollout(home(), { number: 1, lines, meta });
  }

  async function turnsPage(params: Partial<TurnsPageParams> = {}): Promise<Page<Turn>> {
    const all = { threadId: idOf(1), cursor: null, limit: 25, sortDirection: 'desc', itemsView: 'summary' } as const;
    const { json } = pageTurns(await read(params), { path, ...all, ...params });
    return JSON.parse(json) as Page<Turn>;
  }

  async function itemsPage(params: Partial<ItemsPageParams> = {}): Promise<Page<Entry>> {
    const all = { threadId: idOf(1), turnId: null, cursor: null, limit: 25, sortDirection: 'asc' } as const;
    const { json } = pageItems(await read(params), { path, ...all, ...params });
    return JSON.parse(json) as Page<Entry>;
  }

  const idsOf = (page: Page<Turn>): string[] => page.data.map(({ id }) => id);
  const itemIdsOf = (page: Page<Entry>): string[] => page.data.map(({ item }) => item.id);

  async function refusal(call: Promise<unknown>): Promise<string> {
    const error = await call.then(
      () => expect.fail('not refused'),
      (caught: unknown) => caught as DaemonError,
    );
    expect(error.code).to.equal('invalid_params');
    return error.message;
  }

  describe('of turns', () => {
    beforeEach(() => write(['a', 'b', 'c', 'd', 'e'].flatMap((id) => turnLines(id, `q ${id}`, `r ${id}`))));

    it('walk to the end, where there is no further cursor', async () => {
      const first = await turnsPage({ limit: 2 });
      const second = await turnsPage({ limit: 2, cursor: first.nextCursor });
      const third = await turnsPage({ limit: 2, cursor: second.nextCursor });
      expect([first, second, third].map(idsOf)).to.deep.equal([['e', 'd'], ['c', 'b'], ['a']]);
      expect(third.nextCursor).to.equal(null);
      expect((await turnsPage({ limit: 5 })).nextCursor).to.equal(null);
    });

    it('go back from where they began, and show that turn again', async () => {
      const second = await turnsPage({ limit: 2, cursor: (await turnsPage({ limit: 2 })).nextCursor });
      expect(idsOf(await turnsPage({ cursor: second.backwardsCursor, sortDirection: 'asc' }))).to.deep.equal([
        'c',
        'd',
        'e',
      ]);
      const ascending = await turnsPage({ limit: 2, sortDirection: 'asc' });
      expect(idsOf(await turnsPage({ cursor: ascending.backwardsCursor }))).to.deep.equal(['a']);
    });

    it('hold between 1 and 100 turns', async () => {
      write(Array.from({ length: 103 }, (_, index) => turnLines(`t${index}`, 'q', 'r')).flat());
      expect([
        (await turnsPage({ limit: 0 })).data.length,
        (await turnsPage({ limit: 1000, itemsView: 'notLoaded' })).data.length,
      ]).to.deep.equal([1, 100]);
    });

    it('are empty without cursors when nothing was said', async () => {
      write([]);
      const empty = { data: [], nextCursor: null, backwardsCursor: null };
      expect([await turnsPage(), await itemsPage()]).to.deep.equal([empty, empty]);
      expect(findTailCursors(await read(), { path, threadId: idOf(1) })).to.deep.equal({
        turns: null,
        items: null,
      });
    });

    it('show whole turns, their first question and last answer, or none of their items', async () => {
      const message = (id: string, phase: string | null): RolloutLine =>
        itemLine('t', { type: 'AgentMessage', id, content: [{ type: 'Text', text: id }], phase });
      const views: [string, RolloutLine[], string[]][] = [
        ['plain', [userItemLine('t', 'u', 'q'), message('x', null), message('y', null)], ['u', 'y']],
        ['steered', [userItemLine('t', 'u', 'q'), userItemLine('t', 'v', 'more'), message('x', null)], ['u', 'x']],
        ['only a tool', [userItemLine('t', 'u', 'q'), itemLine('t', { type: 'ContextCompaction', id: 'c' })], ['u']],
        ['final before others', [message('x', 'final_answer'), message('y', null), message('z', 'commentary')], ['x']],
        ['only commentary', [userItemLine('t', 'u', 'q'), message('x', 'commentary')], ['u']],
        ['nothing', [], []],
      ];
      for (const [what, lines, expected] of views) {
        write([startedLine('t'), ...lines, completeLine('t')]);
        const summary = (await turnsPage()).data[0]!;
        const full = (await turnsPage({ itemsView: 'full' })).data[0]!;
        const none = (await turnsPage({ itemsView: 'notLoaded' })).data[0]!;
        expect(
          [summary, full, none].map(({ itemsView, items }) => [itemsView, items.map(({ id }) => id)]),
          what,
        ).to.deep.equal([
          ['summary', expected],
          ['full', lines.map((line) => (line.payload as { item: { id: string } }).item.id)],
          ['notLoaded', []],
        ]);
      }
    });

    it('show the live turn with what runs in it', async () => {
      write([startedLine('t'), userItemLine('t', 'u', 'q')]);
      const running: ThreadItem = { type: 'plan', id: 'p', text: 'half', startedAtMs: 1, completedAtMs: null };
      const live = { liveTurnId: 't', runningItems: [running] };
      const [turn] = (await turnsPage({ ...live, itemsView: 'full' })).data;
      expect([turn!.status, turn!.items.map(({ id }) => id)]).to.deep.equal(['inProgress', ['u', 'p']]);
      expect((await turnsPage()).data[0]!.status).to.equal('interrupted');
      expect((await itemsPage(live)).data.at(-1)).to.deep.equal({
        turnId: 't',
        item: running,
        startedAtMs: 1,
        completedAtMs: null,
      });
    });

    it('show what streamed before a crash', async () => {
      write([startedLine('t'), userItemLine('t', 'u', 'q')]);
      const journal = join(home(), 'rolloutd', 'journal', `${idOf(1)}.jsonl`);
      mkdirSync(dirname(journal), { recursive: true });
      const item = { type: 'agentMessage', id: 'm', startedAtMs: 5, phase: null } as const;
      const place = { rolloutSize: statSync(path).size, turnId: 't', field: 'text', index: 0, at: 0 } as const;
      writeFileSync(journal, journalRecord({ ...place, item, text: 'half' }));
      expect([
        (await turnsPage()).data[0]!.items.map(({ id }) => id),
        itemIdsOf(await itemsPage({ sortDirection: 'desc', limit: 1 })),
      ]).to.deep.equal([['u', 'm'], ['m']]);
    });
  });

  describe('of items', () => {
    beforeEach(() =>
      write([
        startedLine('a'),
        userItemLine('a', 'a1', 'q'),
        agentItemLine('a', 'a2', 'r'),
        completeLine('a'),
        startedLine('b'),
        userItemLine('b', 'b1', 'q'),
        itemLine('a', { type: 'ContextCompaction', id: 'a3' }),
        agentItemLine('b', 'b2', 'r'),
      ]),
    );

    it('go through all turns, an item that outlives its turn standing where it ended', async () => {
      const first = await itemsPage({ limit: 3 });
      const second = await itemsPage({ limit: 3, cursor: first.nextCursor });
      expect([itemIdsOf(first), itemIdsOf(second)]).to.deep.equal([
        ['a1', 'a2', 'b1'],
        ['a3', 'b2'],
      ]);
      expect(second.data[0]).to.deep.equal({
        turnId: 'a',
        item: { type: 'contextCompaction', id: 'a3', startedAtMs: 1, completedAtMs: 2 },
        startedAtMs: 1,
        completedAtMs: 2,
      });
    });

    it('go through one turn, from a place of any page', async () => {
      const { nextCursor } = await itemsPage({ limit: 2 });
      expect(itemIdsOf(await itemsPage({ turnId: 'a' }))).to.deep.equal(['a1', 'a2', 'a3']);
      expect(itemIdsOf(await itemsPage({ turnId: 'a', cursor: nextCursor }))).to.deep.equal(['a3']);
      expect(itemIdsOf(await itemsPage({ turnId: 'b', cursor: nextCursor, limit: 1 }))).to.deep.equal(['b1']);
      expect(await itemsPage({ turnId: 'unknown' })).to.deep.equal({
        data: [],
        nextCursor: null,
        backwardsCursor: null,
      });
    });

    it('begin beside an item of the turn', async () => {
      const beside = (sortDirection: SortDirection): Promise<Page<Entry>> =>
        itemsPage({ turnId: 'a', cursor: { itemId: 'a2' }, sortDirection });
      expect([itemIdsOf(await beside('asc')), itemIdsOf(await beside('desc'))]).to.deep.equal([['a3'], ['a1']]);
      expect([
        await refusal(itemsPage({ cursor: { itemId: 'a2' } })),
        await refusal(itemsPage({ turnId: '', cursor: { itemId: 'a2' } })),
        await refusal(itemsPage({ turnId: 'b', cursor: { itemId: 'a2' } })),
      ]).to.deep.equal([
        'turnId is required when cursor is an item anchor',
        'turnId is required when cursor is an item anchor',
        'cursor.itemId does not identify an item in the requested history scope',
      ]);
    });

    it('hold at most 100 items', async () => {
      write([startedLine('t'), ...Array.from({ length: 130 }, (_, index) => agentItemLine('t', `i${index}`, 'x'))]);
      expect([
        (await itemsPage({ limit: 1000 })).data.length,
        (await itemsPage({ limit: 0 })).data.length,
      ]).to.deep.equal([100, 1]);
    });

    it('serve legacy conversations', async () => {
      const said = (text: string): RolloutLine[] => [
        eventLine({ type: 'user_message', message: text }),
        eventLine({ type: 'agent_message', message: `echo ${text}` }),
      ];
      write([...said('one'), ...said('two')], { history_mode: 'legacy' });
      const first = await itemsPage({ limit: 3 });
      expect(first.data.map(({ turnId, item }) => [turnId, item.id])).to.deep.equal([
        ['rollout-1', 'item-1'],
        ['rollout-1', 'item-2'],
        ['rollout-3', 'item-3'],
      ]);
      expect(itemIdsOf(await itemsPage({ cursor: first.nextCursor }))).to.deep.equal(['item-4']);
      expect(idsOf(await turnsPage())).to.deep.equal(['rollout-3', 'rollout-1']);
    });

    it('can be read one by one, in the order of the turn', async () => {
      const readOf = async (turnId: string, itemIds: string[]): Promise<unknown> =>
        JSON.parse(readItems(await read(), { path, turnId, itemIds }).json);
      const { data } = await itemsPage({ turnId: 'a' });
      expect(await readOf('a', ['a3', 'nope', 'a1', 'a3'])).to.deep.equal({ data: [data[0], data[2]] });
      expect([await readOf('b', ['a1']), await readOf('unknown', ['a1'])]).to.deep.equal([{ data: [] }, { data: [] }]);
    });
  });

  describe('cursors', () => {
    beforeEach(() => write(['a', 'b', 'c'].flatMap((id) => turnLines(id, 'q', 'r'))));

    it('of the tail begin with the last turn and the last item', async () => {
      const tail = findTailCursors(await read(), { path, threadId: idOf(1) });
      expect([
        idsOf(await turnsPage({ cursor: tail.turns, limit: 2 })),
        itemIdsOf(await itemsPage({ cursor: tail.items, limit: 2, sortDirection: 'desc' })),
      ]).to.deep.equal([
        ['c', 'b'],
        ['c-agent', 'c-user'],
      ]);
      appendFileSync(path, rolloutText(turnLines('d', 'q', 'r')));
      expect(idsOf(await turnsPage({ cursor: tail.turns, sortDirection: 'asc' }))).to.deep.equal(['c', 'd']);
    });

    it('are refused when no page gave them, or another one did', async () => {
      const { nextCursor: turns } = await turnsPage({ limit: 1 });
      const { nextCursor: items } = await itemsPage({ limit: 1 });
      const tampered = [
        ['turns', idOf(1), 'a', '', 2],
        ['turns', idOf(1), 'a', '', 0, 0],
        ['turns', idOf(1), 1, '', 0],
        ['turns', idOf(1), 'unknown', '', 0],
        { turnId: 'a' },
      ].map((fields) => Buffer.from(JSON.stringify(fields)).toString('base64url'));
      for (const cursor of ['garbage', '', 'null', items!, `${turns!}=`, ...tampered]) {
        expect(await refusal(turnsPage({ cursor }))).to.equal(`invalid cursor: ${cursor}`);
      }
      expect([
        await refusal(itemsPage({ cursor: turns })),
        await refusal(turnsPage({ cursor: turns, threadId: idOf(2) })),
      ]).to.deep.equal([`invalid cursor: ${turns}`, `invalid cursor: ${turns}`]);
    });

    it('are refused when a revert took their turn away, and hold when it was kept', async () => {
      const { nextCursor: kept } = await turnsPage({ limit: 3 - 1, sortDirection: 'asc' });
      const { backwardsCursor: gone } = await turnsPage({ limit: 1 });
      const base = baseAt(path, 1 + 2 * turnLines('t', 'q', 'r').length);
      path = writeSegment(home(), { number: 2, of: 1, base, lines: turnLines('d', 'q', 'r') });
      expect(idsOf(await turnsPage({ cursor: kept, sortDirection: 'asc' }))).to.deep.equal(['d']);
      expect(await refusal(turnsPage({ cursor: gone }))).to.equal(`invalid cursor: ${gone}`);
    });

    it('give each row once however the pages are cut, also while the conversation grows', async () => {
      const turn = (id: string): RolloutLine[] => turnLines(id, 'q', 'r');
      const named = (prefix: string, count: number): string[] =>
        Array.from({ length: count }, (_, index) => `${prefix}${index}`);
      const run = fc.record({
        inherited: fc.integer({ min: 0, max: 4 }),
        own: fc.integer({ min: 0, max: 6 }),
        limits: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
        grows: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        direction: fc.constantFrom<SortDirection>('asc', 'desc'),
      });
      type Next = (page: {
        cursor: string | null;
        limit: number;
        sortDirection: SortDirection;
      }) => Promise<Page<string>>;

      await fc.assert(
        fc.asyncProperty(run, async ({ inherited, own, limits, grows, direction }) => {
          const source = writeSegment(home(), { number: 2, lines: named('s', inherited).flatMap(turn) });
          path = writeSegment(home(), { number: 1, base: baseAt(source), lines: named('o', own).flatMap(turn) });
          const turns = [...named('s', inherited), ...named('o', own)];

          /** Walks to the end while the file grows, then back; compares both with the rows that there are. */
          const walk = async (next: Next, rowsOf: (turnId: string) => string[]): Promise<void> => {
            const before = turns.length;
            const there: string[] = [];
            let page: Page<string>;
            let cursor: string | null = null;
            let step = 0;
            do {
              page = await next({ cursor, limit: limits[step % limits.length]!, sortDirection: direction });
              there.push(...page.data);
              cursor = page.nextCursor;
              if (grows[step] === true) {
                turns.push(`g${turns.length}`);
                appendFileSync(path, rolloutText(turn(turns.at(-1)!)));
              }
              step += 1;
            } while (cursor !== null);
            const rows = turns.flatMap(rowsOf);
            const atLeast = turns.slice(0, before).flatMap(rowsOf).length;
            // What comes while pages descend lies behind them; ascending pages reach it, but for what came after the last.
            const seen = rows.slice(0, direction === 'desc' ? atLeast : there.length);
            expect(there.length).to.be.at.least(atLeast);
            expect(there).to.deep.equal(direction === 'asc' ? seen : seen.toReversed());
            const back: string[] = [];
            const turned = rows.indexOf(page.data[0]!);
            for (cursor = page.backwardsCursor; cursor !== null; cursor = page.nextCursor) {
              page = await next({ cursor, limit: limits[step % limits.length]!, sortDirection: OPPOSITE[direction] });
              back.push(...page.data);
              step += 1;
            }
            expect(back).to.deep.equal(
              direction === 'asc' ? rows.slice(0, turned + 1).toReversed() : turned === -1 ? [] : rows.slice(turned),
            );
          };
          await walk(
            async (params) => {
              const page = await turnsPage({ ...params, itemsView: 'notLoaded' });
              return { ...page, data: idsOf(page) };
            },
            (id) => [id],
          );
          await walk(
            async (params) => {
              const page = await itemsPage(params);
              return { ...page, data: itemIdsOf(page) };
            },
            (id) => [`${id}-user`, `${id}-agent`],
          );
        }),
        { numRuns: 25 },
      );
    });
  });
});
