import { expect } from 'chai';
import { align } from './align.js';
import { Bindings } from './bindings.js';
import { ValueComparer } from './compare-values.js';
import { added, left, other, ruleMatches, something } from './difference.js';
import type { Difference } from './difference.js';
import { compareSequences } from './notices.js';
import type { PlacedNotice } from './notices.js';
import type { Json, JsonObject } from './recording.js';

const THREAD = '01a20000-0000-7000-8000-000000000001';
const LIVE = '01a29999-0000-7000-8000-000000000001';
const ANOTHER = '01a29999-0000-7000-8000-000000000002';

type Found = [path: string, recorded: unknown, live: unknown];

function differences(recorded: Json, live: Json, bindings = new Bindings('/tmp/root')): Found[] {
  const found: Found[] = [];
  const report = (...difference: Found): void => void found.push(difference);
  new ValueComparer({ bindings, skippedTurns: new Set(['skipped']), report }).compare('', recorded, live);
  return found;
}

describe('the comparison of a recorded and a live value', () => {
  it('reports keys, types and values that differ, with their paths', () => {
    const recorded = { a: 1, b: { c: 'x', gone: true }, list: [{ d: null }, { d: 1 }], createdAt: 5 };
    const live = { a: 2, b: { c: 'x', extra: [] }, list: [{ d: 'text' }, { d: '1' }], createdAt: null };
    expect(differences(recorded, live)).to.deep.equal([
      ['a', 1, 2],
      ['b.gone', true, undefined],
      ['b.extra', undefined, []],
      ['list[].d', null, 'text'],
      ['list[].d', 1, '1'],
      ['createdAt', 5, null],
    ]);
  });

  it('takes ids, times and the folder of the home for the same until they contradict each other', () => {
    const recorded = { id: THREAD, path: `/home/user/2026/11/23/${THREAD}`, startedAt: 1, source: { id: THREAD } };
    const live = { id: LIVE, path: `/tmp/root/2027/01/02/${LIVE}`, startedAt: 2, source: { id: ANOTHER } };
    expect(differences(recorded, live)).to.deep.equal([['source.id', THREAD, ANOTHER]]);
  });

  it('finds the element of a list that only one side has', () => {
    const items = ['userMessage', 'agentMessage'].map((type, index) => ({ type, id: `item-${index}` }));
    expect(differences([items[0]!, items[1]!], [items[1]!])).to.deep.equal([['[]', items[0], undefined]]);
    expect(differences([items[1]!], [items[0]!, items[1]!])).to.deep.equal([['[]', undefined, items[0]]]);
  });

  it('expects no row of another recording, and no turn that is not replayed', () => {
    const foreign = { id: THREAD, cliVersion: '1' };
    expect(differences({ data: [foreign], nextCursor: 'more' }, { data: [], nextCursor: null })).to.deep.equal([]);
    expect(differences([{ id: 'skipped', status: 'completed' }], [])).to.deep.equal([]);
  });

  it('says once that two things are of different types', () => {
    const [recorded, live] = [
      { type: 'commandExecution', id: 'call_1', cwd: '/' },
      { type: 'dynamicToolCall', id: 'call_9', tool: 'x' },
    ];
    const bindings = new Bindings('/tmp/root');
    expect(differences([recorded], [live], bindings)).to.deep.equal([['[]', recorded, live]]);
    expect(bindings.current('call_1')).to.equal('call_9');
  });
});

describe('the names of a recording', () => {
  it('become the live ones in a request; what never came is missing', () => {
    const bindings = new Bindings('/tmp/root');
    bindings.bind(THREAD, LIVE);
    bindings.bindText('cursor of the peer', 'cursor of ours');
    bindings.note({ id: ANOTHER });
    const missing = new Set<string>();
    const params = {
      threadId: THREAD,
      cwd: '/home/user/ws',
      cursor: 'cursor of the peer',
      turnId: ANOTHER,
      free: 'bogus',
    };
    expect(bindings.translate(params, missing)).to.deep.equal({
      threadId: LIVE,
      cwd: '/tmp/root/ws',
      cursor: 'cursor of ours',
      turnId: ANOTHER,
      free: 'bogus',
    });
    expect([...missing]).to.deep.equal([ANOTHER]);
  });
});

describe('the sequence of notifications', () => {
  const notice = (method: string, params: JsonObject, place: number): PlacedNotice<number> => ({
    method,
    params: { threadId: 't', ...params },
    stamps: {},
    place,
  });
  const delta = (text: string, place: number) =>
    notice('item/agentMessage/delta', { itemId: 'msg_1', delta: text }, place);

  it('is compared without regard to how many deltas a text came in, up to where the recording ends', () => {
    const recorded = [notice('a', {}, 1), delta('one ', 2), delta('two', 3), notice('b', {}, 4), notice('c', {}, 5)];
    const live = [
      delta('one two', 1),
      notice('b', {}, 2),
      notice('a', {}, 3),
      notice('c', { x: 1 }, 4),
      notice('d', {}, 5),
    ];
    const found: unknown[] = [];
    compareSequences<number>(recorded, live, new Bindings('/'), {
      alone: (side, { method, place }) => found.push([side, method, place]),
      comparer: (method) =>
        new ValueComparer({
          bindings: new Bindings('/'),
          skippedTurns: new Set(),
          report: (path, theirs, ours) => found.push([method, path, theirs, ours]),
        }),
    });
    expect(found).to.deep.equal([
      ['recorded', 'a', 1],
      ['live', 'a', 3],
      ['c', 'params.x', undefined, 1],
    ]);
  });

  it('is laid beside the other so that most have a counterpart', () => {
    const pairs = align(['a', 'b', 'c'], ['b', 'x', 'c'], (a, b) => a === b);
    expect(pairs).to.deep.equal([
      { recorded: 'a' },
      { recorded: 'b', live: 'b' },
      { live: 'x' },
      { recorded: 'c', live: 'c' },
    ]);
  });
});

describe('a rule of the tables', () => {
  const difference: Difference = {
    recording: 'r',
    section: 'a note',
    line: 1,
    method: 'm',
    path: 'result.data[]',
    recorded: undefined,
    live: { type: 'x', more: 1 },
  };

  it('fits by recording, note, method, path and both values', () => {
    const fitting = added({ recording: ['q', 'r'], section: /note/, method: 'm' }, 'result.data[]', { type: /^x$/ });
    expect(ruleMatches(fitting, difference)).to.equal(true);
    const others = [
      { ...fitting, recording: 'q' },
      { ...fitting, section: 'note' },
      { ...fitting, method: ['n'] },
      { ...fitting, path: 'result.data' },
      { ...fitting, live: { type: 'y' } },
      other({}, 'result.data[]', something, something),
      left({}, 'result.data[]'),
    ];
    expect(others.filter((rule) => ruleMatches(rule, difference))).to.deep.equal([]);
  });
});
