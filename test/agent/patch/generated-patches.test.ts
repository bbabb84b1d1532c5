import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { applyPlan } from '../../../src/agent/patch/apply-plan.js';
import { isSameState } from '../../../src/agent/patch/file-state.js';
import { PatchError } from '../../../src/agent/patch/patch-error.js';
import { planPatch } from '../../../src/agent/patch/plan-patch.js';
import { TurnDiff } from '../../../src/agent/patch/turn-diff.js';
import { requireProgram } from '../../support/system-programs.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { caseArb, utf8CaseArb } from './patch-case.js';
import type { PatchCase } from './patch-case.js';
import { readTree } from './read-tree.js';

/** TEST_PATCHES=1000 tries more. */
const PATCHES = Number(process.env['TEST_PATCHES'] ?? 300);
/** One run of git applies so many. */
const BATCH = 20;

const batchOf = (arb: fc.Arbitrary<PatchCase>): fc.Arbitrary<PatchCase[]> =>
  fc.array(arb, { minLength: BATCH, maxLength: BATCH });

/** Files as a case has them, in a folder for itself. */
function layOut(folder: string, { files }: PatchCase): void {
  mkdirSync(folder, { recursive: true });
  for (const { name, content, mode } of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content, 'latin1');
    chmodSync(join(folder, name), mode);
  }
}

/** Applies a diff, given as latin1 bytes, to the files in the folder. */
function gitApply(git: string, folder: string, diff: string): void {
  const args = ['-c', 'core.autocrlf=false', '-c', 'core.quotePath=false', 'apply', '--whitespace=nowarn', '-p1', '-'];
  const env = {
    ...process.env,
    GIT_CEILING_DIRECTORIES: dirname(folder),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
  };
  execFileSync(git, args, { cwd: folder, input: Buffer.from(diff, 'latin1'), stdio: 'pipe', env });
}

describe('generated patches', function () {
  this.timeout(120_000);
  const folder = useTempFolder();

  let count = 0;
  const nextFolder = (): string => join(folder(), `run-${(count += 1)}`);

  it('apply as git applies the same change', async function () {
    const git = requireProgram(this, 'git');
    await fc.assert(
      fc.asyncProperty(batchOf(caseArb), async (cases) => {
        const [ours, theirs] = [nextFolder(), nextFolder()];
        for (const [index, one] of cases.entries()) {
          layOut(join(ours, String(index)), one);
          layOut(join(theirs, String(index)), one);
        }
        gitApply(git, theirs, cases.map((one, index) => one.diffFor(`${index}/`)).join(''));
        for (const [index, { patch }] of cases.entries()) {
          await applyPlan(await planPatch(patch, join(ours, String(index))));
        }
        // Git removes folders that have become empty.
        const withoutFolders = (root: string): unknown =>
          Object.fromEntries(Object.entries(readTree(root)).filter(([, what]) => !what.endsWith(' folder')));
        expect(withoutFolders(ours)).to.deep.equal(withoutFolders(theirs));
      }),
      { numRuns: Math.ceil(PATCHES / BATCH) },
    );
  });

  it('are shown as a diff that git can apply', async function () {
    const git = requireProgram(this, 'git');
    await fc.assert(
      fc.asyncProperty(batchOf(utf8CaseArb), async (cases) => {
        const [ours, theirs] = [nextFolder(), nextFolder()];
        const turnDiff = new TurnDiff(ours);
        for (const [index, one] of cases.entries()) {
          layOut(join(ours, String(index)), one);
          layOut(join(theirs, String(index)), one);
          const plan = await planPatch(one.patch, join(ours, String(index)));
          await applyPlan(plan);
          turnDiff.note(plan.files);
        }
        const diff = turnDiff.text();
        if (diff !== '') gitApply(git, theirs, Buffer.from(diff).toString('latin1'));
        const withoutFolders = (root: string): unknown =>
          Object.fromEntries(Object.entries(readTree(root)).filter(([, what]) => !what.endsWith(' folder')));
        expect(withoutFolders(theirs)).to.deep.equal(withoutFolders(ours));
      }),
      { numRuns: Math.ceil(PATCHES / BATCH / 3) },
    );
  });

  it('change nothing when one part of them does not fit', async () => {
    const misfitArb = fc.constantFrom(
      '*** Update File: misfit.txt\n@@\n-there is no such line\n+x',
      '*** Update File: misfit.txt\n@@ no such anchor\n-one\n+x',
      '*** Update File: not-there.txt\n@@\n-one\n+x',
      '*** Delete File: not-there.txt',
      '*** Delete File: a-folder',
      '*** Add File: misfit.txt/below\n+x',
      '*** Update File: misfit.txt\n*** Move to: a-folder\n@@\n-one\n+x',
      '*** Update File: misfit.txt\n@@\n-one\nno sign',
    );
    await fc.assert(
      fc.asyncProperty(caseArb, misfitArb, fc.boolean(), async (one, misfit, isFirst) => {
        const place = nextFolder();
        layOut(place, one);
        writeFileSync(join(place, 'misfit.txt'), 'one\n');
        mkdirSync(join(place, 'a-folder'));
        const before = readTree(place);
        const patch = isFirst
          ? one.patch.replace('*** Begin Patch', `*** Begin Patch\n${misfit}`)
          : one.patch.replace(/\*\*\* End Patch$/, `${misfit}\n*** End Patch`);
        const error = await planPatch(patch, place)
          .then(applyPlan)
          .catch((thrown: unknown) => thrown);
        expect(error).to.be.instanceOf(PatchError);
        expect(readTree(place)).to.deep.equal(before);
      }),
      { numRuns: PATCHES },
    );
  });

  it('change nothing when a file was changed after the plan', async () => {
    await fc.assert(
      fc.asyncProperty(caseArb, async (one) => {
        const place = nextFolder();
        layOut(place, one);
        const plan = await planPatch(one.patch, place);
        const last = plan.files.findLast(({ before, after }) => before !== after)!;
        // One that comes out as it was is not written, whatever is there.
        fc.pre(!isSameState(last.before, last.after));
        mkdirSync(dirname(last.path), { recursive: true });
        writeFileSync(last.path, 'by somebody else');
        const before = readTree(place);
        const error = await applyPlan(plan).catch((thrown: unknown) => thrown);
        expect(error).to.include({ code: 'changed_meanwhile' });
        expect(readTree(place)).to.deep.equal(before);
      }),
      { numRuns: Math.ceil(PATCHES / 4) },
    );
  });
});
