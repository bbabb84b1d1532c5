// Histories and lists taken page by page, in pages of any size and either direction, against the model. Main thread.
import type { Random } from '../faults/random.js';
import { compare } from './difference.js';
import type { Difference } from './difference.js';
import { expectedFacts, expectedTurns, viewFacts, viewItem, viewTurns } from './check-thread.js';
import type { TurnView } from './check-thread.js';
import { currentFile, isListed, isSameFile, shownPreview, shownTurns } from './model.js';
import type { Model, Thread } from './model.js';
import type { World } from './world.js';

type Direction = 'asc' | 'desc';

interface Page {
  rows: any[];
  backwardsCursor: string | null;
}

type ItemsView = 'full' | 'summary' | 'notLoaded';

/** A summary has the words that began the turn, and the last words of the agent. */
const VIEWS: Record<ItemsView, (items: string[]) => string[]> = {
  full: (items) => items,
  summary: (items) => {
    const answer = items.findLast((item) => item.startsWith('assistant: '));
    return [...items.slice(0, 1), ...(answer === undefined ? [] : [answer])];
  },
  notLoaded: () => [],
};

const MAX_PAGES = 2000;

/** thread/turns/list and thread/items/list of one conversation that has a file. */
export async function checkPages(world: World, thread: Thread, random: Random): Promise<Difference[]> {
  const threadId = world.idOf(thread.label);
  const turns = expectedTurns(world, shownTurns(thread));
  const of = `of t${thread.label}`;
  const itemsView = random.pick<ItemsView>(['full', 'full', 'summary', 'notLoaded']);
  const differences = [
    ...(await checkWalk(world, 'thread/turns/list', { threadId, itemsView }, `turns ${of}, ${itemsView}`, random, {
      expected: turns.map((turn) => ({ ...turn, items: VIEWS[itemsView](turn.items) })),
      view: (row) => viewTurns([row])[0]!,
    })),
  ];
  const items = turns.flatMap(itemRows);
  const one = turns.length > 0 && random.chance(0.5) ? random.pick(turns) : null;
  const params = { threadId, ...(one === null ? {} : { turnId: one.id }) };
  return [
    ...differences,
    ...(await checkWalk(world, 'thread/items/list', params, `items ${of}`, random, {
      expected: one === null ? items : itemRows(one),
      view: viewItemRow,
    })),
    ...(one === null ? [] : await checkItemsRead(world, threadId, one, random)),
  ];
}

/** Some of a turn's items by their ids, and the others from one of them on. */
async function checkItemsRead(world: World, threadId: string, turn: TurnView, random: Random): Promise<Difference[]> {
  const params = { threadId, turnId: turn.id };
  const { data } = await world.witness.call('thread/items/list', params);
  const rows = itemRows(turn);
  const index = random.int(0, rows.length - 1);
  const itemIds = [data[index]?.item.id, 'no such item'];
  const read = await world.witness.call('thread/items/read', { ...params, itemIds });
  const cursor = { type: 'item', itemId: itemIds[0] };
  const rest = await world.witness.call('thread/items/list', { ...params, cursor });
  const what = `item ${index} of turn ${turn.id}`;
  return [
    ...compare(`${what}, read`, rows.slice(index, index + 1), read.data.map(viewItemRow)),
    ...compare(`what follows ${what}`, rows.slice(index + 1), rest.data.map(viewItemRow)),
  ];
}

/** The cursors of a reply that loads a history: from each of them everything is found, newest first. */
export async function checkTailCursors(
  world: World,
  thread: Thread,
  { turnsBackwardsCursor, itemsBackwardsCursor }: { turnsBackwardsCursor: unknown; itemsBackwardsCursor: unknown },
): Promise<Difference[]> {
  const turns = expectedTurns(world, shownTurns(thread)).toReversed();
  const params = { threadId: world.idOf(thread.label), sortDirection: 'desc', limit: 100 };
  const take = async (method: string, cursor: unknown, more: object = {}): Promise<any[]> =>
    cursor === null ? [] : (await world.witness.call(method, { ...params, ...more, cursor })).data;
  const foundTurns = await take('thread/turns/list', turnsBackwardsCursor, { itemsView: 'full' });
  const foundItems = await take('thread/items/list', itemsBackwardsCursor);
  const items = turns.flatMap((turn) => itemRows(turn).toReversed());
  return [
    ...compare('turns from the cursor of the reply', turns.slice(0, 100), viewTurns(foundTurns)),
    ...compare('items from the cursor of the reply', items.slice(0, 100), foundItems.map(viewItemRow)),
  ];
}

function viewItemRow({ turnId, item }: any): string {
  return `${turnId} ${viewItem(item)}`;
}

function itemRows({ id, items }: TurnView): string[] {
  return items.map((item) => `${id} ${item}`);
}

/** thread/list: what is in the archive or out of it, each conversation once; and by a text that one of them has. */
export async function checkList(world: World, model: Model, archived: boolean, random: Random): Promise<Difference[]> {
  const place = archived ? 'archive' : 'sessions';
  const listed = [...model.threads.values()].filter((thread) => thread.place === place && isListed(thread));
  const sortDirection = random.pick<Direction>(['asc', 'desc']);
  const pages = await walk(world, 'thread/list', { archived, sortDirection }, random);
  const rows = pages.flatMap((page) => page.rows);
  const times = rows.map(({ createdAt }) => createdAt as number);
  const expected = listed.map((thread) => ({ id: world.idOf(thread.label), ...expectedFacts(world, thread) }));
  const found = rows.map((row) => ({ id: row.id, ...viewFacts(row) }));
  const where = archived ? 'the archived conversations' : 'the conversations';
  return [
    ...compare(where, byId(expected), byId(found)),
    ...compare(`times of ${where}, ${sortDirection}`, inOrder(times, sortDirection), times),
    ...(listed.length === 0 ? [] : await checkSearch(world, listed, random.pick(listed), archived)),
  ];
}

/** What users and agents said in the current file counts too; text that streams does not, until it is there. */
async function checkSearch(
  world: World,
  listed: readonly Thread[],
  one: Thread,
  archived: boolean,
): Promise<Difference[]> {
  const searchTerm = one.name ?? shownPreview(one).slice(0, 30);
  const term = searchTerm.toLowerCase();
  const expected = listed.filter((thread) =>
    [thread.name ?? '', shownPreview(thread), ...textsInCurrentFile(thread)].some((text) =>
      text.toLowerCase().includes(term),
    ),
  );
  const { data } = await world.witness.call('thread/list', { archived, searchTerm, limit: 100 });
  const ids = expected.map(({ label }) => world.idOf(label)).toSorted();
  return compare(
    `conversations found by ${JSON.stringify(searchTerm)}`,
    ids,
    data.map((row: any) => row.id).toSorted(),
  );
}

function textsInCurrentFile(thread: Thread): string[] {
  const current = currentFile(thread);
  return thread.entries.flatMap(({ file, ...entry }) =>
    entry.type === 'turn' && isSameFile(file, current)
      ? entry.turn.messages.filter(({ shown }) => shown).map(({ text }) => text)
      : [],
  );
}

function inOrder(times: readonly number[], direction: Direction): number[] {
  return times.toSorted((a, b) => (direction === 'asc' ? a - b : b - a));
}

function byId<T extends { id: string }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

async function checkWalk<T>(
  world: World,
  method: string,
  params: object,
  what: string,
  random: Random,
  { expected, view }: { expected: T[]; view: (row: any) => T },
): Promise<Difference[]> {
  const sortDirection = random.pick<Direction>(['asc', 'desc']);
  const pages = await walk(world, method, { ...params, sortDirection }, random);
  const found = pages.flatMap(({ rows }) => rows).map(view);
  const ordered = sortDirection === 'asc' ? expected : expected.toReversed();
  const differences = compare(`${what}, ${sortDirection}`, ordered, found);
  if (differences.length > 0 || found.length === 0) return differences;
  const index = random.int(0, pages.length - 1);
  const { backwardsCursor } = pages[index]!;
  const before = pages.slice(0, index).reduce((sum, { rows }) => sum + rows.length, 0);
  const opposite = sortDirection === 'asc' ? 'desc' : 'asc';
  const back = { ...params, sortDirection: opposite, cursor: backwardsCursor, limit: 100 };
  const { data } = await world.witness.call(method, back);
  const expectedBack = ordered
    .slice(0, before + 1)
    .toReversed()
    .slice(0, 100);
  return compare(`${what}, ${opposite} from the backwards cursor of page ${index}`, expectedBack, data.map(view));
}

async function walk(world: World, method: string, params: object, random: Random): Promise<Page[]> {
  const pages: Page[] = [];
  const limit = random.pick([1, 2, 3, 7, 25, 100]);
  let cursor: string | null = null;
  do {
    const reply: any = await world.witness.call(method, { ...params, limit, cursor });
    if (reply.data.length > limit)
      throw new Error(`${method}: ${reply.data.length} rows, where ${limit} were asked for`);
    if ((reply.hiddenCount ?? 0) !== 0) throw new Error(`${method}: ${reply.hiddenCount} rows are hidden`);
    if (pages.length > MAX_PAGES) throw new Error(`${method}: more than ${MAX_PAGES} pages`);
    pages.push({ rows: reply.data, backwardsCursor: reply.backwardsCursor });
    cursor = reply.nextCursor;
  } while (cursor !== null);
  return pages;
}
