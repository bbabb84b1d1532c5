// Steps of conversations that are watched closely: mostly streams whose deltas say when they were sent. Any thread.
import type { Step } from './plan.js';
import { planInterruption, planStep } from './plan.js';
import type { Random } from './random.js';

/** The share of steps that are those of the killing mode. */
const OTHER_STEPS = 0.35;

export function planStreamStep(random: Random): Step {
  if (random.chance(OTHER_STEPS)) return planStep(random);
  const count = random.int(20, 250);
  const gapMs = random.pick([2, 4, 8]);
  const during = random.chance(0.3) ? [planInterruption(random, count * gapMs)] : [];
  return { type: 'special', command: `clock ${count} ${gapMs}`, during };
}
