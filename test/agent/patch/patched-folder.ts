// A folder in which patches are planned and applied, for the tests of one suite. Main thread.
import { chmodSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { applyPlan } from '../../../src/agent/patch/apply-plan.js';
import { PatchError } from '../../../src/agent/patch/patch-error.js';
import type { PatchErrorCode } from '../../../src/agent/patch/patch-error.js';
import { planPatch } from '../../../src/agent/patch/plan-patch.js';
import type { PatchPlan, PlanOptions } from '../../../src/agent/patch/plan-patch.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { readTree } from './read-tree.js';

export interface PatchedFolder {
  /** Absolute path of a name in the folder. */
  at: (name: string) => string;
  /** Writes a file, whose content is latin1. */
  put: (name: string, content: string, mode?: number) => void;
  get: (name: string) => string;
  tree: () => Record<string, string>;
  /** The lines are those between the markers. */
  plan: (lines: readonly string[], options?: PlanOptions) => Promise<PatchPlan>;
  /** Returns the summary. */
  apply: (...lines: string[]) => Promise<string>;
  /** Code and message of the error with which it is refused, once nothing was seen to have changed. Paths begin in the folder. */
  refuse: (lines: readonly string[], options?: PlanOptions) => Promise<[PatchErrorCode, string]>;
}

/** To be called in `describe`. */
export function usePatchedFolder(): PatchedFolder {
  const temp = useTempFolder();
  const at = (name: string): string => join(realpathSync(temp()), name);
  const tree = (): Record<string, string> => readTree(at('.'));
  const plan = (lines: readonly string[], options: PlanOptions = {}): Promise<PatchPlan> =>
    planPatch(['*** Begin Patch', ...lines, '*** End Patch'].join('\n'), at('.'), options);
  return {
    at,
    put: (name, content, mode = 0o644) => {
      mkdirSync(dirname(at(name)), { recursive: true });
      writeFileSync(at(name), content, 'latin1');
      chmodSync(at(name), mode);
    },
    get: (name) => readFileSync(at(name), 'latin1'),
    tree,
    plan,
    apply: async (...lines) => {
      const made = await plan(lines);
      await applyPlan(made);
      return made.summary;
    },
    refuse: async (lines, options) => {
      const before = tree();
      const error = await plan(lines, options)
        .then(applyPlan)
        .catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(PatchError);
      expect(tree()).to.deep.equal(before);
      const { code, message } = error as PatchError;
      return [code, message.replaceAll(at('.'), '')];
    },
  };
}
