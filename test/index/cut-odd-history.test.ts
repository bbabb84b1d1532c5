// Where forks and reverts cut histories that hold lines out of the ordinary. Main thread.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { openHistory } from '../../src/index/conversation-history.js';
import { TurnReader } from '../../src/index/conversation-turns.js';
import { cutHistory } from '../../src/index/cut-history.js';
import { FileMetas } from '../../src/index/file-metas.js';
import { ConversationFinder } from '../../src/index/find-conversation.js';
import type { CutPoint, CutResult } from '../../src/index/index-messages.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { writeRollout } from '../support/rollout-home.js';
import { eventLine, responseLine, rolloutText, turnLines } from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';

/** Lines of one turn, and how many they are. */
const TURN = turnLines('t', 'q', 'a').length;

const said = (message: string): RolloutLine => eventLine({ type: 'user_message', message });
const answered = (message: string): RolloutLine => eventLine({ type: 'agent_message', message });
const before = (turnId: string): CutPoint => ({ type: 'before', turnId });
const through = (turnId: string): CutPoint => ({ type: 'through', turnId });

/** A base as the index names it. */
function baseOf(path: string, count?: number): NonNullable<CutResult['base']> {
  const { thread_id, end_ordinal_exclusive, end_byte_offset } = baseAt(path, count);
  return { threadId: thread_id, endOrdinalExclusive: end_ordinal_exclusive, endByteOffset: end_byte_offset };
}

describe('cutHistory of odd files', () => {
  const home = useTempFolder();

  function cut(path: string, at: CutPoint): Promise<CutResult> {
    return cutHistory(home(), { path, at }, new ConversationFinder(home(), new FileMetas()).locator());
  }

  function writeTurns(number: number, turns: string, more: Partial<Parameters<typeof writeSegment>[1]> = {}): string {
    const lines = turns.split('').flatMap((turn) => turnLines(turn, 'q', 'a'));
    return writeSegment(home(), { number, lines, ...more });
  }

  it('cuts before a turn whose start has no ordinal, and what goes on from there has all that is kept', async () => {
    const path = writeTurns(1, 'ab');
    const lines = readFileSync(path, 'utf8').split('\n');
    lines[1 + TURN] = lines[1 + TURN]!.replace(/"ordinal":\d+,/, '');
    writeFileSync(path, lines.join('\n'));
    const { base, kept } = await cut(path, before('b'));
    expect(base).to.deep.equal(baseOf(path, 1 + TURN));
    const { threadId, endOrdinalExclusive, endByteOffset } = base!;
    const fork = writeTurns(2, 'c', {
      base: { thread_id: threadId, end_ordinal_exclusive: endOrdinalExclusive, end_byte_offset: endByteOffset },
    });
    const { sources } = await openHistory(home(), fork, () => Promise.resolve(path));
    expect(sources).to.deep.equal(kept);
  });

  it('brings back no inherited turn that was rolled back since', async () => {
    const source = writeTurns(1, 'abc');
    const rolledBack = eventLine({ type: 'thread_rolled_back', num_turns: 2 });
    const silent = writeSegment(home(), { number: 2, base: baseAt(source), lines: [rolledBack] });
    const fork = writeSegment(home(), {
      number: 3,
      base: baseAt(source),
      lines: [rolledBack, ...turnLines('d', 'q', 'a')],
    });
    const own = ['a', 'b', 'c'].flatMap((id) => turnLines(id, 'q', 'a'));
    const within = writeSegment(home(), { number: 4, lines: [...own, rolledBack] });
    const later = writeTurns(5, 'e', { base: baseAt(within) });
    expect([
      (await cut(silent, through('a'))).base,
      (await cut(fork, through('a'))).base,
      (await cut(fork, before('d'))).base,
      (await cut(later, through('a'))).base,
    ]).to.deep.equal([baseOf(silent), baseOf(fork, 2), baseOf(fork, 2), baseOf(within)]);
  });

  it('names turns as their pages do, behind a line that was cut off and is not looked into by those', async () => {
    const path = writeRollout(home(), {
      number: 1,
      lines: [said('a'), answered('a')],
      meta: { history_mode: 'legacy' },
    });
    const cutOff = JSON.stringify(responseLine({ type: 'reasoning', summary: [], encrypted_content: 'x'.repeat(99) }));
    appendFileSync(path, `${cutOff.slice(0, -9)}\n\n`);
    appendFileSync(path, rolloutText([said('b'), said('c')]));
    const history = await openHistory(home(), path, () => Promise.resolve(null));
    for (const withItems of [true, false]) {
      const { turns } = await new TurnReader(home()).read(history, { withItems });
      expect(turns.map(({ id }) => id)).to.deep.equal(['rollout-1', 'rollout-5', 'rollout-6']);
    }
    const ends = await Promise.all(
      ['rollout-5', 'rollout-6'].map(async (id) => (await cut(path, before(id))).kept[0]!.end),
    );
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(ends).to.deep.equal([5, 6].map((count) => lines.slice(0, count).join('\n').length + 1));
  });
});
