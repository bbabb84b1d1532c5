// Runs programs of a seed until so many steps were made, two at a time, and makes what fails short. Main thread.
import { RULES } from './apply-operation.js';
import type { Rules } from './apply-operation.js';
import { chooseByDice, chooseFrom, drawDice } from './draw-program.js';
import type { Step } from './operation.js';
import { runProgram } from './run-program.js';
import type { ProgramResult } from './run-program.js';
import { shrinkProgram } from './shrink-program.js';
import { CLIENTS } from './world.js';
import type { WorldKind } from './world.js';

export interface SequencesOptions {
  seed: number;
  steps: number;
  /** Runs only the program of this number. */
  only?: number;
  rules?: Rules;
  /** Programs that may fail before it stops (1). */
  maxFailures?: number;
  /** How many run side by side. */
  atOnce?: number;
  /** Dice for each program. */
  dice?: number;
  /** Every n-th program runs with a daemon in a process of its own, which a kill really kills; 0: none. */
  processEvery?: number;
  shrinkPatienceMs?: number;
  onProgram?: (progress: { steps: number; programs: number }) => void;
}

export interface Failure {
  seed: number;
  /** Number of the program. */
  index: number;
  world: WorldKind;
  /** Of page sizes and directions when it ran. */
  checksSeed: number;
  /** The shortest program that fails. */
  program: readonly Step[];
  /** How long it was at first. */
  length: number;
  differences: string[];
}

export interface SequencesResult {
  steps: number;
  programs: number;
  seconds: number;
  /** How often each kind was done. */
  counts: Record<string, number>;
  failures: Failure[];
}

/** Never rejects for what a daemon does: that is a failure. */
export async function runSequences(options: SequencesOptions): Promise<SequencesResult> {
  const { steps: wanted, only, maxFailures = 1, atOnce = 2, onProgram } = options;
  const startedAt = performance.now();
  const result: SequencesResult = { steps: 0, programs: 0, seconds: 0, counts: {}, failures: [] };
  let next = only ?? 0;
  const isOver = (): boolean =>
    result.failures.length >= maxFailures || (only === undefined ? result.steps >= wanted : next > only);
  const work = async (): Promise<void> => {
    while (!isOver()) {
      const index = next;
      next += 1;
      const { run, program } = await runOne(options, index);
      result.programs += 1;
      result.steps += run.steps.length;
      for (const { type } of run.steps) result.counts[type] = (result.counts[type] ?? 0) + 1;
      if (run.differences.length > 0) result.failures.push(await shrink(options, program, run));
      onProgram?.(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  result.seconds = (performance.now() - startedAt) / 1000;
  return result;
}

interface Program {
  index: number;
  world: WorldKind;
  seed: number;
}

async function runOne(options: SequencesOptions, index: number): Promise<{ run: ProgramResult; program: Program }> {
  const { seed, rules = RULES, dice = 60, processEvery = 12 } = options;
  const world: WorldKind = processEvery > 0 && index % processEvery === processEvery - 1 ? 'process' : 'embedded';
  const program: Program = { index, world, seed: seed * 100_003 + index };
  const choose = chooseByDice(drawDice(seed, index, dice), CLIENTS);
  return { run: await runProgram({ world, choose, seed: program.seed, rules }), program };
}

async function shrink(options: SequencesOptions, program: Program, first: ProgramResult): Promise<Failure> {
  const { rules = RULES, shrinkPatienceMs = 60_000, seed } = options;
  let last = first;
  const shortest = await shrinkProgram({
    steps: first.steps,
    patienceMs: shrinkPatienceMs,
    run: async (part) => {
      const run = await runProgram({ ...program, choose: chooseFrom(part), rules, checkAllEvery: 5 });
      if (run.differences.length === 0) return null;
      last = run;
      return run.steps;
    },
  });
  return {
    seed,
    index: program.index,
    world: program.world,
    checksSeed: program.seed,
    program: shortest,
    length: first.steps.length,
    differences: last.differences,
  };
}
