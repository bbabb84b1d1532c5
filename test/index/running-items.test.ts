// Pages of items while some of them run. Main thread.
import { appendFileSync } from 'node:fs';
import { expect } from 'chai';
import { openHistory } from '../../src/index/conversation-history.js';
import { TurnReader } from '../../src/index/conversation-turns.js';
import type { ItemsPageParams } from '../../src/index/index-messages.js';
import { pageItems } from '../../src/index/page-turns.js';
import type { ThreadItem } from '../../src/protocol/thread.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import { itemLine, rolloutText, startedLine, userItemLine } from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';

interface Page {
  data: { item: ThreadItem }[];
  nextCursor: string | null;
}

describe('a page of items', () => {
  const home = useTempFolder();

  /** Of two items, ascending. */
  async function itemsPage(
    path: string,
    params: Pick<ItemsPageParams, 'cursor' | 'liveTurnId' | 'runningItems'>,
  ): Promise<Page> {
    const history = await openHistory(home(), path, () => Promise.resolve(null));
    const read = await new TurnReader(home()).read(history, { ...params, withItems: true });
    const page = {
      path,
      threadId: idOf(1),
      turnId: null,
      limit: 2,
      sortDirection: 'asc',
      deferOutput: [],
      ...params,
    } as const;
    return JSON.parse(pageItems(read, page).json) as Page;
  }

  const itemIdsOf = ({ data }: Page): string[] => data.map(({ item }) => item.id);

  it('ends before what is running, when more follow: it may end in another order', async () => {
    const path = writeRollout(home(), { number: 1, lines: [startedLine('t'), userItemLine('t', 'u', 'q')] });
    const plan = (id: string): ThreadItem => ({ type: 'plan', id, text: id, startedAtMs: 1, completedAtMs: null });
    const runningItems = [plan('p'), plan('r')];
    const first = await itemsPage(path, { cursor: null, liveTurnId: 't', runningItems });
    appendFileSync(path, rolloutText([itemLine('t', { type: 'Plan', id: 'r', text: 'r' })]));
    appendFileSync(path, rolloutText([itemLine('t', { type: 'Plan', id: 'p', text: 'p' })]));
    const second = await itemsPage(path, { cursor: first.nextCursor });
    expect([itemIdsOf(first), itemIdsOf(second)]).to.deep.equal([['u'], ['r', 'p']]);
  });
});
