import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ListParams } from '../../src/index/index-messages.js';
import type { RolloutLine, SessionMetaPayload } from '../../src/rollout/line.js';
import { useLister } from '../support/lister.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import {
  agentItemLine,
  eventLine,
  itemLine,
  turnContextLine,
  turnLines,
  userItemLine,
  userLine,
} from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('a list of conversations', () => {
  const home = useTempFolder();
  const { list, previews } = useLister(home);

  describe('filters', () => {
    beforeEach(() => {
      const lines = (question: string, cwd: string) => [
        ...turnLines('t', question, 'a'),
        turnContextLine({ turn_id: 't2', cwd }),
      ];
      writeRollout(home(), { number: 1, lines: lines('Red', '/ws/a') });
      writeRollout(home(), { number: 2, lines: lines('green', '/ws/b'), meta: { source: 'exec' } });
      writeRollout(home(), {
        number: 3,
        lines: lines('blue', '/ws/a'),
        meta: { model_provider: 'other', source: 'cli' },
      });
      writeRollout(home(), {
        number: 4,
        lines: lines('white', '/ws/c'),
        meta: { model_provider: null, source: { subagent: 'review' } },
      });
      const named = { id: idOf(3), thread_name: 'A RED name', updated_at: '2026-11-20T10:00:00Z' };
      writeFileSync(join(home(), 'session_index.jsonl'), `${JSON.stringify(named)}\n`);
    });

    const all = ['cli', 'vscode', 'exec', 'subAgent'];
    const cases: [string, Partial<ListParams>, string[]][] = [
      ['show what people start themselves by default', {}, ['blue', 'Red']],
      ['take an empty list of kinds for the default', { sourceKinds: [] }, ['blue', 'Red']],
      ['take kinds as they are named', { sourceKinds: ['exec'] }, ['green']],
      ['know kinds of sub-agents', { sourceKinds: ['subAgentReview'] }, ['white']],
      ['take the general kind for all its sub-agents', { sourceKinds: all }, ['white', 'blue', 'green', 'Red']],
      ['take providers, and what names none', { sourceKinds: all, modelProviders: ['other'] }, ['white', 'blue']],
      ['take an empty list of providers for all', { modelProviders: [] }, ['blue', 'Red']],
      [
        'take folders with or without a slash',
        { cwd: ['/ws/a/', '/ws/b'], sourceKinds: all },
        ['blue', 'green', 'Red'],
      ],
      ['find words in text and names, whatever their case', { searchTerm: 'rEd' }, ['blue', 'Red']],
      ['find no row where none fits', { searchTerm: 'zzz' }, []],
    ];
    for (const [what, params, expected] of cases) {
      it(what, async () => {
        expect(await previews(params)).to.deep.equal(expected);
      });
    }

    it('apply before paging', async () => {
      const page = await list({ cwd: ['/ws/a'], limit: 1 });
      expect([page.data.length, page.nextCursor]).to.deep.equal([1, `2026-11-20T10:03:00Z|${idOf(3)}`]);
      const next = await list({ cwd: ['/ws/a'], limit: 1, cursor: page.nextCursor });
      expect([next.data.map(({ preview }) => preview), next.nextCursor]).to.deep.equal([['Red'], null]);
    });
  });

  describe('what filters keep back', () => {
    beforeEach(() => {
      writeRollout(home(), { number: 1 });
      writeRollout(home(), { number: 2, meta: { model_provider: 'other' } });
      writeRollout(home(), { number: 3, meta: { source: 'exec' } });
      writeRollout(home(), { number: 4, meta: { source: 'exec', model_provider: 'other', cwd: '/ws/a' }, lines: [] });
      writeRollout(home(), { number: 5, meta: { source: 'exec' }, folder: 'archived_sessions' });
      const lines = [...turnLines('t', 'a red one', 'a'), turnContextLine({ cwd: '/ws/a' })];
      writeRollout(home(), { number: 6, meta: { source: 'exec', model_provider: 'other' }, lines });
    });

    const cases: [string, Partial<ListParams>, number][] = [
      ['by kind alone', {}, 2],
      ['by provider alone', { sourceKinds: ['vscode', 'exec'], modelProviders: ['mock'] }, 2],
      ['by either', { modelProviders: ['mock'] }, 3],
      ['by neither', { sourceKinds: ['vscode', 'exec'] }, 0],
      ['in the archive', { archived: true }, 1],
      ['and would be on another page', { limit: 1, cursor: `2026-11-20T10:01:00Z|${idOf(1)}` }, 2],
      ['and lies in the folder', { cwd: ['/ws/a'] }, 1],
      ['and is found by its words', { searchTerm: 'RED' }, 1],
      ['and is not left out by its id', { excludedIds: [idOf(3)] }, 1],
    ];
    for (const [what, params, expected] of cases) {
      it(`is counted: ${what}`, async () => {
        expect((await list(params)).hiddenCount).to.equal(expected);
      });
    }
  });

  it('leaves out ids before it fills a page', async () => {
    for (const number of [1, 2, 3]) writeRollout(home(), { number });
    const page = await list({ excludedIds: [idOf(3)], limit: 1 });
    expect([page.data.map(({ id }) => id), page.nextCursor]).to.deep.equal([
      [idOf(2)],
      `2026-11-20T10:02:00Z|${idOf(2)}`,
    ]);
  });

  describe('sub-agents', () => {
    const spawned = (by: number): object => ({ subagent: { thread_spawn: { parent_thread_id: idOf(by), depth: 1 } } });

    beforeEach(() => {
      writeRollout(home(), { number: 1 });
      writeRollout(home(), { number: 2, meta: { source: spawned(1) } });
      writeRollout(home(), { number: 3, meta: { source: spawned(2) }, folder: 'archived_sessions' });
      writeRollout(home(), { number: 4, meta: { source: spawned(3) } });
      writeRollout(home(), { number: 5, meta: { source: { subagent: 'review' }, parent_thread_id: idOf(1) } });
      // Each other's parents: a circle that no file of this daemon makes.
      writeRollout(home(), { number: 6, meta: { source: spawned(7) } });
      writeRollout(home(), { number: 7, meta: { source: spawned(6) } });
    });

    const cases: [string, Partial<ListParams>, string[]][] = [
      ['of a parent, of any kind', { parentId: idOf(1) }, ['question 5', 'question 2']],
      ['of an ancestor at any depth', { ancestorId: idOf(1) }, ['question 5', 'question 4', 'question 2']],
      ['of an ancestor that lies in the archive', { ancestorId: idOf(3) }, ['question 4']],
      ['of an ancestor in a circle', { ancestorId: idOf(6) }, ['question 7']],
      ['of one that has none', { parentId: idOf(4) }, []],
      ['of the kind asked for', { parentId: idOf(1), sourceKinds: ['subAgentReview'] }, ['question 5']],
      ['only if asked for', {}, ['question 1']],
    ];
    for (const [what, params, expected] of cases) {
      it(`are listed: ${what}`, async () => {
        expect(await previews(params)).to.deep.equal(expected);
      });
    }
  });

  describe('words in messages', () => {
    function writeMessages(number: number, lines: RolloutLine[], meta: Partial<SessionMetaPayload> = {}): void {
      writeRollout(home(), { number, lines: [...turnLines('t', `question ${number}`, 'a'), ...lines], meta });
    }

    beforeEach(() => {
      writeMessages(1, [userItemLine('t', 'u', 'Something about GIRAFFES')]);
      writeMessages(2, [agentItemLine('t', 'a', 'giraffes have "long" necks\nand ÜBER tall legs')]);
      writeMessages(3, [
        itemLine('t', { type: 'Reasoning', id: 'r', summary_text: ['giraffes'] }),
        userLine('giraffes'),
        eventLine({ type: 'agent_message', message: 'no' }),
      ]);
      writeMessages(4, [eventLine({ type: 'user_message', message: 'a GIRAFFE' })], { history_mode: 'legacy' });
      writeMessages(5, [eventLine({ type: 'user_message', kind: 'environment_context', message: 'giraffes' })]);
    });

    const cases: [string, string[]][] = [
      ['giraffes', ['question 2', 'question 1']],
      ['Giraffe', ['question 4', 'question 2', 'question 1']],
      ['"long" necks\nand', ['question 2']],
      ['über', ['question 2']],
      ['question 3', ['question 3']],
      ['nowhere', []],
    ];
    for (const [searchTerm, expected] of cases) {
      it(`are found: ${JSON.stringify(searchTerm)}`, async () => {
        const found = (await list({ searchTerm })).data.map(({ id }) => `question ${Number(id.slice(-4))}`);
        expect(found).to.deep.equal(expected);
      });
    }

    it('are found page after page', async () => {
      const first = await list({ searchTerm: 'giraffe', limit: 2 });
      const second = await list({ searchTerm: 'giraffe', limit: 2, cursor: first.nextCursor });
      expect([first.data.map(({ id }) => id), second.data.map(({ id }) => id), second.nextCursor]).to.deep.equal([
        [idOf(4), idOf(2)],
        [idOf(1)],
        null,
      ]);
    });

    it('are found behind a line that reaches over many reads', async () => {
      writeMessages(6, [
        itemLine('t', { type: 'Reasoning', id: 'r', summary_text: ['x'.repeat(3_000_000)] }),
        agentItemLine('t', 'long', `${'y'.repeat(3_000_000)} okapi`),
      ]);
      expect((await list({ searchTerm: 'OKAPI' })).data.map(({ id }) => id)).to.deep.equal([idOf(6)]);
    });
  });
});
