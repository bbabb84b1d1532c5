import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import type { DaemonError } from '../../src/errors.js';
import { cutHistory } from '../../src/index/cut-history.js';
import { FileMetas } from '../../src/index/file-metas.js';
import { ConversationFinder } from '../../src/index/find-conversation.js';
import type { CutParams, CutPoint, CutResult } from '../../src/index/index-messages.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import type { RolloutRange } from '../../src/rollout/lineage.js';
import { toModelHistory } from '../../src/rollout/model-history.js';
import { toTurns } from '../../src/rollout/turns.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import {
  agentItemLine,
  assistantLine,
  completeLine,
  eventLine,
  itemLine,
  metaLine,
  responseLine,
  startedLine,
  turnContextLine,
  turnLines,
  userItemLine,
  userLine,
} from '../support/rollout-lines.js';
import { baseAt, ordinalText, writeSegment } from '../support/rollout-segments.js';
import { fixturePath } from '../support/rollout-fixtures.js';
import { useTempFolder } from '../support/temp-folder.js';

/** Lines of one turn, and how many they are. */
const TURN = turnLines('t', 'q', 'a').length;

const settingsLine = eventLine({ type: 'thread_settings_applied', thread_id: 'thread', thread_settings: {} });
const contextLine = userLine('<environment_context>…</environment_context>');
const abortedLine = userLine('<turn_aborted>…</turn_aborted>');
const developerLine = responseLine({
  type: 'message',
  role: 'developer',
  content: [{ type: 'input_text', text: 'rules' }],
});
const said = (message: string): RolloutLine => eventLine({ type: 'user_message', message });
const answered = (message: string): RolloutLine => eventLine({ type: 'agent_message', message });

describe('cutHistory', () => {
  const home = useTempFolder();

  function cut(path: string, at: CutPoint, more: Partial<CutParams> = {}): Promise<CutResult> {
    return cutHistory(home(), { path, at, ...more }, new ConversationFinder(home(), new FileMetas()).locator());
  }

  const before = (turnId: string): CutPoint => ({ type: 'before', turnId });
  const through = (turnId: string): CutPoint => ({ type: 'through', turnId });

  function writeTurns(number: number, turns: string, more: Partial<Parameters<typeof writeSegment>[1]> = {}): string {
    const lines = turns.split('').flatMap((turn) => turnLines(turn, `question ${turn}`, `answer ${turn}`));
    return writeSegment(home(), { number, lines, ...more });
  }

  /** A base as the index names it. */
  function baseOf(path: string, count?: number): NonNullable<CutResult['base']> {
    const { thread_id, end_ordinal_exclusive, end_byte_offset } = baseAt(path, count);
    return { threadId: thread_id, endOrdinalExclusive: end_ordinal_exclusive, endByteOffset: end_byte_offset };
  }

  function linesOf(kept: readonly RolloutRange[]): RolloutLine[] {
    return kept.flatMap(({ path, end }) =>
      readFileSync(path)
        .subarray(0, end)
        .toString()
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text) as RolloutLine),
    );
  }

  describe('of a paginated file', () => {
    it('keeps what precedes a turn, or the turn as well, or all', async () => {
      const path = writeTurns(1, 'abc');
      const kept = (count?: number): CutResult => {
        const base = baseOf(path, count);
        return { historyMode: 'paginated', base, kept: [{ path, end: base.endByteOffset }], partialItems: [] };
      };
      expect([
        await cut(path, before('b')),
        await cut(path, through('b')),
        await cut(path, through('c')),
        await cut(path, { type: 'end' }),
      ]).to.deep.equal([kept(1 + TURN), kept(1 + 2 * TURN), kept(), kept()]);
    });

    it('keeps nothing before the very first turn', async () => {
      const source = writeTurns(1, 'a');
      const fork = writeTurns(2, 'b', { base: baseAt(source) });
      expect(await cut(fork, before('a'))).to.deep.equal({
        historyMode: 'paginated',
        base: null,
        kept: [],
        partialItems: [],
      });
    });

    it('finds no turn that is none, or that was reverted', async () => {
      const first = writeTurns(1, 'ab');
      const second = writeTurns(2, 'c', { of: 1, base: baseAt(first, 1 + TURN) });
      for (const turnId of ['b', 'bogus']) {
        const error = await cut(second, through(turnId)).catch((caught: unknown) => caught as DaemonError);
        expect(error).to.include({ code: 'turn_not_found', message: `turn not found: ${turnId}` });
      }
    });

    it('refers to the file that holds the end of what is kept', async () => {
      const source = writeTurns(1, 'abc');
      const sourceEnd = baseAt(source, 1 + 2 * TURN).end_byte_offset;
      const segment = writeTurns(3, 'd', { of: 1, base: baseAt(source, 1 + 2 * TURN) });
      const fork = writeTurns(4, 'ef', { base: baseAt(segment) });
      const [inSource, inSegment] = [
        { path: source, end: sourceEnd },
        { path: segment, end: statSync(segment).size },
      ];
      const kept = (base: CutResult['base'], ...ranges: RolloutRange[]): CutResult => ({
        historyMode: 'paginated',
        base,
        kept: ranges,
        partialItems: [],
      });
      const aOnly = baseOf(source, 1 + TURN);
      const inFork = (count: number): RolloutRange => ({ path: fork, end: baseAt(fork, count).end_byte_offset });
      expect([
        await cut(fork, through('a')),
        await cut(fork, before('d')),
        await cut(fork, through('d')),
        await cut(fork, before('e')),
        await cut(fork, before('f')),
        await cut(fork, { type: 'end' }),
      ]).to.deep.equal([
        kept(aOnly, { path: source, end: aOnly.endByteOffset }),
        kept(baseOf(segment, 1), inSource, { path: segment, end: baseAt(segment, 1).end_byte_offset }),
        kept(baseOf(segment), inSource, inSegment),
        kept(baseOf(fork, 1), inSource, inSegment, inFork(1)),
        kept(baseOf(fork, 1 + TURN), inSource, inSegment, inFork(1 + TURN)),
        kept(baseOf(fork), inSource, inSegment, { path: fork, end: statSync(fork).size }),
      ]);
    });

    it('goes on from the source when a fork said nothing of its own', async () => {
      const source = writeTurns(1, 'ab');
      const fork = writeSegment(home(), { number: 2, base: baseAt(source, 1 + TURN), lines: [settingsLine] });
      expect((await cut(fork, through('a'))).base).to.deep.equal(baseOf(source, 1 + TURN));
      expect((await cut(fork, { type: 'end' })).base).to.deep.equal(baseOf(fork));
    });

    it('counts no more of a file than asked for', async () => {
      const path = writeTurns(1, 'ab');
      const end = baseAt(path, 1 + TURN).end_byte_offset;
      expect((await cut(path, { type: 'end' }, { end })).base).to.deep.equal(baseOf(path, 1 + TURN));
      expect((await cut(path, through('a'), { end })).base).to.deep.equal(baseOf(path, 1 + TURN));
      const error = await cut(path, before('b'), { end }).catch((caught: unknown) => caught as DaemonError);
      expect(error).to.include({ code: 'turn_not_found' });
    });

    it('keeps no torn line, be it whole or not', async () => {
      for (const newline of [1, 3]) {
        const path = writeTurns(1, 'ab');
        truncateSync(path, statSync(path).size - newline);
        expect((await cut(path, { type: 'end' })).base).to.deep.equal(baseOf(path, 2 * TURN));
      }
      const path = writeTurns(1, 'a');
      appendFileSync(path, ordinalText([startedLine('b')], 1 + TURN).slice(0, -1));
      const error = await cut(path, through('b')).catch((caught: unknown) => caught as DaemonError);
      expect(error).to.include({ code: 'turn_not_found' });
    });

    it('takes a turn that was steered for one', async () => {
      const lines = [startedLine('a'), userItemLine('a', 'u', 'q'), userLine('more'), userItemLine('a', 'v', 'more')];
      const path = writeSegment(home(), {
        number: 1,
        lines: [...lines, completeLine('a'), ...turnLines('b', 'q', 'a')],
      });
      expect((await cut(path, through('a'))).base).to.deep.equal(baseOf(path, 1 + 5));
    });

    it('finds where a turn begins that no line marks', async () => {
      const unmarked = (id: string): RolloutLine[] => [
        turnContextLine({ turn_id: id }),
        userLine(id),
        userItemLine(id, `${id}-user`, id),
        assistantLine(id),
        agentItemLine(id, `${id}-agent`, id),
      ];
      const path = writeSegment(home(), { number: 1, lines: [...unmarked('a'), ...unmarked('b')] });
      expect((await cut(path, before('b'))).base).to.deep.equal(baseOf(path, 1 + 5));
    });

    it('counts on after lines without an ordinal, and passes over damaged ones', async () => {
      const path = writeTurns(1, 'a');
      appendFileSync(path, `garbage\n{"type":"from_the_future","timestamp":"","ordinal":${1 + TURN},"payload":{}}\n`);
      const { base } = await cut(path, { type: 'end' });
      expect(base).to.deep.include({ endOrdinalExclusive: 2 + TURN, endByteOffset: statSync(path).size });
    });
  });

  describe('of a legacy file', () => {
    const legacy = (lines: RolloutLine[]): string =>
      writeRollout(home(), { number: 1, lines, meta: { history_mode: 'legacy' } });
    const keptTexts = async (path: string, at: CutPoint): Promise<string[]> => {
      const { base, kept, historyMode } = await cut(path, at);
      expect([base, historyMode, kept.length]).to.deep.equal([null, 'legacy', 1]);
      return readFileSync(path).subarray(0, kept[0]!.end).toString().split('\n').slice(0, -1);
    };

    it('drops of a marked turn all from its start', async () => {
      const turn = (id: string): RolloutLine[] => [
        startedLine(id),
        contextLine,
        turnContextLine(),
        userLine(id),
        said(id),
        answered(id),
        assistantLine(id),
        completeLine(id),
      ];
      const path = legacy([...turn('a'), settingsLine, ...turn('b')]);
      expect(await keptTexts(path, before('b'))).to.have.length(1 + 8 + 1);
      expect(await keptTexts(path, through('a'))).to.have.length(1 + 8 + 1);
      expect(await keptTexts(path, through('b'))).to.have.length(1 + 17);
      expect(await cut(path, before('a'))).to.deep.equal({
        historyMode: 'legacy',
        base: null,
        kept: [],
        partialItems: [],
      });
    });

    const shapes: [string, RolloutLine[], number][] = [
      ['the message as the model got it', [userLine('b'), said('b')], 0],
      ['context and settings before it', [developerLine, contextLine, turnContextLine(), userLine('b'), said('b')], 0],
      ['an event that comes first', [said('b'), userLine('b')], 0],
      ['nothing of an interrupt before it', [abortedLine, userLine('b'), said('b')], 1],
      ['nothing of an input that got no turn', [userLine('lost'), contextLine, userLine('b'), said('b')], 1],
    ];
    for (const [what, second, kept] of shapes) {
      it(`drops of an unmarked turn also what leads up to it: ${what}`, async () => {
        const first = [contextLine, userLine('a'), said('a'), turnContextLine(), answered('a'), assistantLine('a')];
        const path = legacy([...first, ...second]);
        const [, turnB] = toTurns(linesOf([{ path, end: statSync(path).size }]));
        expect(await keptTexts(path, before(turnB!.id))).to.have.length(1 + first.length + kept);
      });
    }

    it('leaves the settings of a turn that broke off at once with that turn', async () => {
      const path = legacy([userLine('a'), said('a'), turnContextLine(), userLine('b'), said('b')]);
      expect(await keptTexts(path, before('rollout-5'))).to.have.length(4);
    });

    it('knows no turn that was rolled back, and keeps what took it away', async () => {
      const turn = (id: string): RolloutLine[] => [userLine(id), said(id), answered(id), assistantLine(id)];
      const rolledBack = eventLine({ type: 'thread_rolled_back', num_turns: 1 });
      const path = legacy([...turn('a'), ...turn('b'), rolledBack, ...turn('c')]);
      const error = await cut(path, before('rollout-6')).catch((caught: unknown) => caught as DaemonError);
      expect(error).to.include({ code: 'turn_not_found' });
      expect(await keptTexts(path, through('rollout-2'))).to.have.length(10);
      expect(await keptTexts(path, before('rollout-11'))).to.have.length(10);
    });

    it('cuts a file of Codex 0.45', async () => {
      const path = writeRollout(home(), { number: 1 });
      writeFileSync(path, readFileSync(fixturePath('legacy-0.45')));
      const whole = linesOf([{ path, end: statSync(path).size }]);
      const turns = toTurns(whole);
      for (const [index, { id }] of turns.entries()) {
        const { kept } = await cut(path, before(id));
        expect(toTurns(linesOf(kept))).to.deep.equal(turns.slice(0, index));
      }
    });
  });

  describe('of any file', () => {
    type Mode = 'paginated' | 'marked' | 'unmarked';

    /** What happens in a turn between its input and its end. */
    const step = fc.constantFrom('answer', 'tool', 'reasoning', 'compaction', 'steer');
    const ending = fc.constantFrom('completed', 'interrupted', 'crashed');
    const turnSpec = fc.record({
      steps: fc.array(step, { maxLength: 4 }),
      ending,
      context: fc.boolean(),
      settings: fc.boolean(),
    });
    type TurnSpec = { steps: string[]; ending: string; context: boolean; settings: boolean };

    function stepLines(what: string, id: string, mode: Mode): RolloutLine[] {
      const isPaginated = mode === 'paginated';
      switch (what) {
        case 'answer':
          return [isPaginated ? agentItemLine(id, `${id}-m`, id) : answered(id), assistantLine(id)];
        case 'tool':
          return [
            responseLine({ type: 'function_call', name: 'x', arguments: '{}', call_id: id }),
            responseLine({ type: 'function_call_output', call_id: id, output: 'done' }),
            ...(isPaginated ? [itemLine(id, { type: 'ContextCompaction', id })] : []),
          ];
        case 'reasoning':
          return isPaginated ? [] : [eventLine({ type: 'agent_reasoning', text: id })];
        case 'compaction': {
          const replacement_history = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: id }] }];
          return [
            {
              timestamp: '',
              type: 'compacted',
              payload: { message: id, replacement_history },
            } as unknown as RolloutLine,
          ];
        }
        default:
          // Without marks a second message is a second turn.
          if (mode === 'unmarked') return [];
          return [userLine(`more ${id}`), isPaginated ? userItemLine(id, `${id}-v`, 'more') : said('more')];
      }
    }

    /** All that is one turn's. */
    function linesOfTurn(spec: TurnSpec, id: string, mode: Mode): RolloutLine[] {
      const { steps, context, settings } = spec;
      const input = [
        ...(context ? [developerLine, contextLine] : []),
        ...(settings ? [settingsLine] : []),
        ...(mode === 'unmarked' ? [] : [turnContextLine({ turn_id: id })]),
        userLine(id),
        mode === 'paginated' ? userItemLine(id, `${id}-u`, id) : said(id),
        ...(mode === 'unmarked' ? [turnContextLine()] : []),
      ];
      const what = steps.flatMap((each, index) => stepLines(each, index === 0 ? id : `${id}-${index}`, mode));
      const owned = what.map((line) =>
        line.type === 'event_msg' && line.payload.type === 'item_completed'
          ? { ...line, payload: { ...line.payload, turn_id: id } }
          : line,
      );
      const aborted = [abortedLine, eventLine({ type: 'turn_aborted', turn_id: id, reason: 'interrupted' })];
      if (mode === 'unmarked') {
        return [...input, ...owned, ...(spec.ending === 'interrupted' ? [abortedLine] : [])];
      }
      const end = { completed: [completeLine(id)], interrupted: aborted, crashed: [] }[spec.ending]!;
      return [startedLine(id), ...input, ...owned, ...end];
    }

    it('keeps all of the turns it keeps and nothing of those it drops', async () => {
      const run = fc.record({
        mode: fc.constantFrom<Mode>('paginated', 'marked', 'unmarked'),
        turns: fc.array(turnSpec, { minLength: 1, maxLength: 6 }),
        /** After which turns another file begins. */
        splits: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      });
      await fc.assert(
        fc.asyncProperty(run, async ({ mode, turns, splits }) => {
          const ids = turns.map((_, index) => `turn-${index}`);
          const lines = turns.map((spec, index) => linesOfTurn(spec, ids[index]!, mode));
          let path: string;
          if (mode === 'paginated') {
            let base: ReturnType<typeof baseAt> | null = null;
            let pending: RolloutLine[] = [];
            let number = 1;
            path = '';
            for (const [index, own] of lines.entries()) {
              pending.push(...own);
              if (splits[index] !== true && index < lines.length - 1) continue;
              path = writeSegment(home(), { number, base, lines: pending });
              base = baseAt(path);
              pending = [];
              number += 1;
            }
          } else {
            path = writeRollout(home(), { number: 1, lines: lines.flat(), meta: { history_mode: 'legacy' } });
          }
          const all = linesOf((await cut(path, { type: 'end' })).kept);
          const first = metaLine(idOf(1), { history_mode: mode === 'paginated' ? 'paginated' : 'legacy' });
          const shown = toTurns(all);
          expect(shown).to.have.length(turns.length);
          for (const [index, { id }] of shown.entries()) {
            for (const [at, count] of [
              [before(id), index],
              [through(id), index + 1],
            ] as const) {
              const { kept } = await cut(path, at);
              const prefix = [first, ...lines.slice(0, count).flat()];
              const keptLines = linesOf(kept);
              expect(toTurns(keptLines), 'turns').to.deep.equal(shown.slice(0, count));
              expect(toModelHistory(keptLines), 'what the model sees').to.deep.equal(toModelHistory(prefix));
            }
          }
        }),
        { numRuns: 60 },
      );
    });
  });
});
