import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Turn } from '../../src/protocol/thread.js';
import { readRolloutSet } from '../support/rollout-set.js';
import type { RecordedFile } from '../support/rollout-set.js';
import { describeContinuedRollouts } from './continued-rollouts.js';
import { expectShownByCodex } from './shown-by-codex.js';

const FOLDER = resolve('test/fixtures/rollouts');

/** Where Codex gives the model more than it should: it loses sight of a summary that 0.140 made before a review. */
const BETTER_VIEWS: Readonly<Record<string, string[]>> = {
  'server-0.140.0': [
    'user: one',
    'user: work',
    'user: fail',
    'user: instructions removed\nA summary in a few words.',
    'assistant: Nothing found.',
    'user: injected',
    'user: plan',
    'assistant: Before it.\n<proposed_plan>\n# Plan\n- one\n- two\n</proposed_plan>\n',
    'user: and go on',
  ],
};

function read({ name }: RecordedFile, kind: 'turns' | 'model'): unknown {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.${kind}.json`), 'utf8'));
}

describe('a conversation that Codex wrote', () => {
  for (const home of readRolloutSet(FOLDER)) {
    describeContinuedRollouts(home, {
      expectTurns: (file, turns) => expectShownByCodex(file, turns, read(file, 'turns') as Turn[]),
      modelView: (file) => BETTER_VIEWS[file.name] ?? (read(file, 'model') as string[]),
    });
  }
});
