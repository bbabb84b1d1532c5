import { expect } from 'chai';
import { RULES } from './apply-operation.js';
import { chooseFrom } from './draw-program.js';
import { describeStep } from './operation.js';
import type { Operation } from './operation.js';
import { runProgram } from './run-program.js';
import { runSequences } from './run-sequences.js';
import { WRONG_RULES } from './wrong-rules.js';

/** Many daemons start here, and each does a lot: under load they take longer than other tests may. */
const PATIENCE_MS = 120_000;

describe('random operations on many conversations', () => {
  it('leave every conversation as a simple model has it: listed, read, paged, resumed, and on disk', async function () {
    this.timeout(PATIENCE_MS);
    const { failures } = await runSequences({ seed: 1, steps: 250, dice: 30, processEvery: 4 });
    expect(
      failures.map(({ program, ...failure }) => ({ ...failure, program: program.map(describeStep) })),
    ).to.deep.equal([]);
  });
});

type Draft = Operation extends infer Each ? (Each extends Operation ? Omit<Each, 'label'> : never) : never;

const by = { client: 0 };
const start: Draft = { type: 'start', ...by, mode: 'paginated', ephemeral: false };
const turn = (thread: number, model: string | null = null): Draft => ({
  type: 'turn',
  ...by,
  thread,
  text: `said ${thread}`,
  model,
});
const fork = (thread: number, before: number | null = null): Draft => {
  const cut = before === null ? ({ type: 'whole' } as const) : ({ type: 'before', turn: before } as const);
  return { type: 'fork', ...by, thread, cut, byPath: false, ephemeral: false };
};
const about = <T extends 'archive' | 'unarchive' | 'interrupt'>(type: T, thread: number) => ({ type, ...by, thread });
const restart: Draft = { type: 'restart', how: 'clean' };
const resume = (thread: number): Draft => ({ type: 'resume', ...by, thread, byPath: false });
const remove = (thread: number, cascade = false): Draft => ({ type: 'delete', ...by, thread, cascade });

/** Steps by the number of which conversations and turns are called; the last one, or the end, must differ. */
const PROGRAMS: Readonly<Record<keyof typeof WRONG_RULES, readonly Draft[]>> = {
  'a fork keeps one turn too many': [start, turn(0), turn(0), fork(0, 2)],
  'a fork keeps one turn too few': [start, turn(0), fork(0)],
  'a fork forgets what was injected': [
    start,
    turn(0),
    { type: 'inject', ...by, thread: 0, messages: [{ role: 'user', text: 'injected' }] },
    fork(0),
    turn(3),
  ],
  'a fork has no name of its own': [start, turn(0), { type: 'name', ...by, thread: 0, name: 'named' }, fork(0)],
  'a fork follows what becomes of its source': [
    start,
    turn(0),
    turn(0),
    fork(0),
    { type: 'revert', ...by, thread: 0, before: 2 },
  ],
  'a revert keeps the turn that it is to take back': [
    start,
    turn(0),
    turn(0),
    { type: 'revert', ...by, thread: 0, before: 2 },
  ],
  'a revert goes on in the same file': [start, turn(0), turn(0), { type: 'revert', ...by, thread: 0, before: 2 }],
  'what is archived stays loaded': [start, turn(0), about('archive', 0)],
  'what is archived can be resumed': [start, turn(0), about('archive', 0), resume(0)],
  'forks do not keep their source from being deleted': [start, turn(0), fork(0), remove(0)],
  'a cascade leaves the forks': [start, turn(0), fork(0), remove(0, true)],
  'an interrupted turn loses what was said': [
    start,
    { type: 'hold', ...by, thread: 0, said: 'said' },
    about('interrupt', 0),
  ],
  'settings hold for one turn only': [start, turn(0, 'model-a'), turn(0)],
  'a name keeps the blanks around it': [start, turn(0), { type: 'name', ...by, thread: 0, name: ' named ' }],
  'a restart loses the last turn': [start, turn(0), restart],
  'what has no file outlives the daemon': [start, restart],
  'a legacy fork depends on its source': [
    { type: 'start', ...by, mode: 'legacy', ephemeral: false },
    turn(0),
    fork(0),
    remove(0),
  ],
};

describe('the comparison of a daemon with a model', () => {
  const run = (operations: readonly Operation[], rules = RULES) =>
    runProgram({ world: 'embedded', seed: 1, choose: chooseFrom(operations), rules });

  it('finds nothing in any of these programs when the model is right', async function () {
    this.timeout(PATIENCE_MS);
    const all: Operation[] = [];
    for (const program of Object.values(PROGRAMS)) all.push(...program.map(labelFrom(all.length)));
    expect((await run(all)).differences).to.deep.equal([]);
  });

  for (const [what, rules] of Object.entries(WRONG_RULES)) {
    it(`finds it when the model says that ${what}`, async function () {
      this.timeout(PATIENCE_MS);
      const { differences } = await run(PROGRAMS[what]!.map(labelFrom(0)), { ...RULES, ...rules });
      expect(differences).to.not.deep.equal([]);
      expect(
        differences.filter((text) => text.startsWith('failed')),
        'that is none of its own',
      ).to.deep.equal([]);
    });
  }
});

/** Gives each its number, and calls by that what it speaks of. */
function labelFrom(first: number): (draft: Draft, index: number) => Operation {
  return (draft, index) => {
    const thread = 'thread' in draft ? { thread: draft.thread + first } : {};
    const before = 'before' in draft ? { before: draft.before + first } : {};
    const cut =
      'cut' in draft && draft.cut.type !== 'whole' ? { cut: { ...draft.cut, turn: draft.cut.turn + first } } : {};
    return { ...draft, ...thread, ...before, ...cut, label: first + index };
  };
}
