// Files that are not as they should be: every whole record comes back, and what was set aside is counted and named.
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Turn } from '../../src/protocol/thread.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { toModelHistory } from '../../src/rollout/model-history.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import { readRolloutLines } from '../../src/rollout/read-rollout-lines.js';
import { stringifyWellFormed } from '../../src/rollout/serialize-line.js';
import { turnLineKinds } from '../../src/rollout/turn-line-kinds.js';
import { toTurns, TurnProjection } from '../../src/rollout/turns.js';
import { completeLine, eventLine, metaLine, responseLine, startedLine, turnLines } from '../support/rollout-lines.js';
import { BOTH_TURNS, ODD_FILES, ordinalLines, plainLines } from './odd-files.js';
import { useTempFolder } from '../support/temp-folder.js';

const META = metaLine('id');
const ONE = turnLines('one', 'q1', 'a1');
const TWO = turnLines('two', 'q2', 'a2');

function said(message: string): RolloutLine {
  return eventLine({ type: 'user_message', message });
}

function answered(message: string): RolloutLine {
  return eventLine({ type: 'agent_message', message });
}

const LEGACY_META = metaLine('id', { history_mode: 'legacy' });
const CALL = responseLine({ type: 'function_call', call_id: 'c', name: 'shell', arguments: '{"command":["ls"]}' });
const DONE = responseLine({ type: 'function_call_output', call_id: 'c', output: 'a\nb\n' });
const LEGACY = [LEGACY_META, startedLine('one'), said('q1'), CALL, DONE, answered('a1'), completeLine('one')];

/** What was said and done, turn by turn. */
function words(turns: readonly Turn[]): string[] {
  return turns.map(({ id, items }) => {
    const parts = items.map((item) => {
      if (item.type === 'userMessage') return item.content.map((part) => ('text' in part ? part.text : '')).join('');
      return 'text' in item ? item.text : item.type;
    });
    return `${id}: ${parts.join(', ')}`;
  });
}

describe('odd rollouts', () => {
  const folder = useTempFolder();

  function write(content: string | Buffer): string {
    const path = join(folder(), 'rollout.jsonl');
    writeFileSync(path, content);
    return path;
  }

  for (const { what, text: content, setAside = [], turns = BOTH_TURNS, nextOrdinal = 15 } of ODD_FILES) {
    it(`give all that is whole with ${what}`, async () => {
      const path = write(content);
      const read = await readRollout(path);
      expect({
        id: read.id,
        turns: words(toTurns(read.lines)),
        setAside: [read.setAside.count, read.setAside.lines.map(({ reason }) => reason)],
        nextOrdinal: read.nextOrdinal,
      }).to.deep.equal({ id: 'id', turns, setAside: [setAside.length, setAside], nextOrdinal });
    });

    it(`are read alike when only turns are looked for, with ${what}`, async () => {
      const projection = new TurnProjection({ mode: 'paginated' });
      const kinds = turnLineKinds('paginated');
      const read = await readRolloutLines(write(content), (line, index) => projection.apply(line, index), { kinds });
      expect([words(projection.turns()), read.nextOrdinal]).to.deep.equal([turns, nextOrdinal]);
    });
  }

  it('keep characters that others take for the ends of lines', async () => {
    const odd = 'a\u2028b\u2029c\u0085d\re';
    const { lines, setAside } = await readRollout(write(ordinalLines([META, ...turnLines('one', odd, odd)])));
    expect([words(toTurns(lines)), setAside.count]).to.deep.equal([[`one: ${odd}, ${odd}`], 0]);
  });

  it('keep half a character as far as it can be told, and pass none on', async () => {
    const content = ordinalLines([META, ...turnLines('one', 'half HALF', 'b')]).replaceAll('HALF', '\\ud800');
    const { lines, setAside } = await readRollout(write(content));
    expect([words(toTurns(lines)), setAside.count]).to.deep.equal([['one: half \ud800, b'], 0]);
    const shown = stringifyWellFormed(toTurns(lines));
    expect([shown.includes('half \ufffd'), shown.isWellFormed(), shown.includes('\\ud800')]).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it('give everything around and within a line of 43 MB, in either mode', async () => {
    const long = 'x'.repeat(43_000_000);
    const output = responseLine({ type: 'function_call_output', call_id: 'c', output: long });
    const path = write(plainLines([LEGACY_META, startedLine('one'), said('q1'), CALL, output, answered('a1')]));
    const { lines, setAside } = await readRollout(path);
    const [turn] = toTurns(lines);
    expect([words([turn!]), setAside.count]).to.deep.equal([['one: q1, commandExecution, a1'], 0]);
    const item = turn!.items[1]!;
    expect(item.type === 'commandExecution' && item.aggregatedOutput === long).to.equal(true);
    const paginated = await readRollout(write(ordinalLines([META, ...turnLines('one', long, 'a1')])));
    expect(toTurns(paginated.lines)[0]!.items.map(({ type }) => type)).to.deep.equal(['userMessage', 'agentMessage']);
  });

  it('give the items that are whole, wherever a legacy file is cut', async () => {
    const content = Buffer.from(plainLines(LEGACY));
    const path = write(content);
    const whole = words(toTurns(LEGACY));
    expect(whole).to.deep.equal(['one: q1, commandExecution, a1']);
    const metaLength = Buffer.byteLength(plainLines([LEGACY_META]));
    for (let size = content.length; size >= metaLength; size -= 1) {
      truncateSync(path, size);
      const { lines, setAside } = await readRollout(path);
      const records = content
        .subarray(0, size)
        .toString()
        .split('\n')
        .filter((line) => line.endsWith('}}'));
      expect([lines.length, setAside.count], `cut at ${size}`).to.deep.equal([
        records.length,
        content[size - 1] === 0x0a || content.subarray(0, size).toString().endsWith('}}') ? 0 : 1,
      ]);
      const [turn] = words(toTurns(lines));
      expect(turn === undefined || whole[0]!.startsWith(turn), `cut at ${size}: ${turn}`).to.equal(true);
    }
  });

  it('that are copies of others show and tell what both hold', async () => {
    const copy = metaLine('copy', { history_mode: 'legacy', forked_from_id: 'id' });
    const more = [startedLine('two'), said('q2'), answered('a2'), completeLine('two')];
    const { id, lines } = await readRollout(write(plainLines([copy, ...LEGACY, ...more])));
    expect([id, words(toTurns(lines))]).to.deep.equal(['copy', ['one: q1, commandExecution, a1', 'two: q2, a2']]);
    expect(toModelHistory(lines).map(({ type }) => type)).to.deep.equal(['function_call', 'function_call_output']);
  });

  it('show no turn that was rolled back, and what came after', async () => {
    const rolledBack = eventLine({ type: 'thread_rolled_back', num_turns: 1 });
    const more = [startedLine('two'), said('q2'), completeLine('two')];
    const { lines } = await readRollout(write(plainLines([...LEGACY, ...more, rolledBack, said('q3'), CALL])));
    expect(words(toTurns(lines))).to.deep.equal(['one: q1, commandExecution, a1', 'rollout-11: q3, commandExecution']);
  });

  it('over several files make one row of turns, whether their lines are counted through or not', () => {
    const files = [
      [META, ...ONE],
      [metaLine('fork', { history_base: { thread_id: 'id', end_ordinal_exclusive: 8, end_byte_offset: 1 } }), ...TWO],
    ];
    const [through, anew] = [new TurnProjection(), new TurnProjection()];
    for (const lines of files) for (const [index, line] of lines.entries()) anew.apply(line, index);
    for (const [index, line] of files.flat().entries()) through.apply(line, index);
    expect(words(through.turns())).to.deep.equal(BOTH_TURNS);
    expect(anew.turns()).to.deep.equal(through.turns());
    expect(words(toTurns(files.flat()))).to.deep.equal(BOTH_TURNS);
  });
});
