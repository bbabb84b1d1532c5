import { mkdirSync, realpathSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { applyPlan } from '../../../src/agent/patch/apply-plan.js';
import { planPatch } from '../../../src/agent/patch/plan-patch.js';
import { TurnDiff } from '../../../src/agent/patch/turn-diff.js';
import { useTempFolder } from '../../support/temp-folder.js';

const NO_ID = '0'.repeat(40);

describe('TurnDiff', () => {
  const temp = useTempFolder();
  const at = (name: string): string => join(realpathSync(temp()), 'ws', name);
  let turn: TurnDiff;

  beforeEach(() => {
    mkdirSync(at('.'));
    turn = new TurnDiff(at('.'));
  });

  async function apply(...lines: string[]): Promise<string> {
    const plan = await planPatch(['*** Begin Patch', ...lines, '*** End Patch'].join('\n'), at('.'));
    await applyPlan(plan);
    turn.note(plan.files);
    return turn.text();
  }

  it('is empty at first', () => {
    expect(turn.text()).to.equal('');
  });

  it('shows a new file', async () => {
    expect(await apply('*** Add File: n1.txt', '+one', '+two')).to.equal(
      `diff --git a/n1.txt b/n1.txt\nnew file mode 100644\nindex ${NO_ID}..814f4a422927b82f5f8a43f8fab6d3839e3983f2\n--- /dev/null\n+++ b/n1.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n`,
    );
  });

  it('shows a changed file', async () => {
    writeFileSync(at('n1.txt'), 'one\ntwo\n');
    expect(await apply('*** Update File: n1.txt', ' one', '-two', '+TWO')).to.equal(
      'diff --git a/n1.txt b/n1.txt\nindex 814f4a422927b82f5f8a43f8fab6d3839e3983f2..879de50b9a967adae6ab5fe536d4ef6e0af21bb1\n--- a/n1.txt\n+++ b/n1.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n',
    );
  });

  it('shows a deleted file', async () => {
    writeFileSync(at('n2.txt'), 'x\n');
    expect(await apply('*** Delete File: n2.txt')).to.equal(
      `diff --git a/n2.txt b/n2.txt\ndeleted file mode 100644\nindex 587be6b4c3f93f93c489c0111bba5596147a26cb..${NO_ID}\n--- a/n2.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n`,
    );
  });

  it('shows a moved file once, with what changed in it, and others in their order', async () => {
    writeFileSync(at('n1.txt'), 'one\nTWO\n');
    expect(
      await apply('*** Add File: a', '*** Update File: n1.txt', '*** Move to: moved/n1.txt', '-one', '+ONE', ' TWO'),
    ).to.equal(
      `diff --git a/a b/a\nnew file mode 100644\nindex ${NO_ID}..e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\ndiff --git a/n1.txt b/moved/n1.txt\nsimilarity index 50%\nrename from n1.txt\nrename to moved/n1.txt\nindex 879de50b9a967adae6ab5fe536d4ef6e0af21bb1..8e90a0b85395e5656783b5bf832466a4eba35894\n--- a/n1.txt\n+++ b/moved/n1.txt\n@@ -1,2 +1,2 @@\n-one\n+ONE\n TWO\n`,
    );
  });

  it('shows a move alone', async () => {
    writeFileSync(at('a'), 'x\n');
    expect(await apply('*** Update File: a', '*** Move to: b')).to.equal(
      'diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n',
    );
  });

  it('shows the whole turn from what it found', async () => {
    writeFileSync(at('f'), '1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n');
    await apply('*** Update File: f', '-2', '+two');
    await apply('*** Update File: f', '*** Move to: g');
    await apply('*** Update File: g', '*** Move to: h');
    const text = await apply('*** Update File: h', '-12', '+twelve');
    expect(text.slice(text.indexOf('--- '))).to.equal(
      '--- a/f\n+++ b/h\n@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n@@ -9,4 +9,4 @@\n 9\n 10\n 11\n-12\n+twelve\n',
    );
    expect(text).to.include('rename from f\nrename to h\n');
  });

  it('is empty again when all is as it was', async () => {
    writeFileSync(at('f'), 'a\n');
    expect(await apply('*** Update File: f', '-a', '+b')).to.not.equal('');
    expect(await apply('*** Update File: f', '*** Move to: g', '*** Add File: h', '+x')).to.not.equal('');
    expect(await apply('*** Update File: g', '*** Move to: f', '-b', '+a', '*** Delete File: h')).to.equal('');
  });

  it('shows a file that was moved and whose name was taken again as two files', async () => {
    writeFileSync(at('a'), 'x\n');
    const text = await apply('*** Update File: a', '*** Move to: b', '*** Add File: a', '+new');
    expect(text.match(/^diff .*|^new file.*|^[-+]\w*$/gm)).to.deep.equal([
      'diff --git a/a b/a',
      '-x',
      '+new',
      'diff --git a/b b/b',
      'new file mode 100644',
      '+x',
    ]);
    const later = await apply('*** Delete File: a');
    expect(later).to.equal('diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n');
  });

  it('shows a file as moved but once, and never onto one that was there', async () => {
    writeFileSync(at('a'), 'x\n');
    writeFileSync(at('there'), 'y\n');
    await apply('*** Update File: a', '*** Move to: b');
    await apply('*** Add File: a', '+new');
    const heads = (text: string): string[] => text.match(/^(diff|new|deleted|rename) .*/gm) ?? [];
    expect(heads(await apply('*** Update File: a', '*** Move to: c'))).to.deep.equal([
      'diff --git a/a b/b',
      'rename from a',
      'rename to b',
      'diff --git a/c b/c',
      'new file mode 100644',
    ]);
    expect(heads(await apply('*** Update File: b', '*** Move to: there', '*** Delete File: c'))).to.deep.equal([
      'diff --git a/a b/a',
      'deleted file mode 100644',
      'diff --git a/there b/there',
    ]);
  });

  it('shows modes, links, and what lacks a newline at the end', async () => {
    writeFileSync(at('run'), 'a\nb');
    chmodSync(at('run'), 0o755);
    symlinkSync('run', at('link'));
    const text = await apply('*** Delete File: run', '*** Delete File: link');
    expect(text.replaceAll(/^index .*\n/gm, '')).to.equal(
      'diff --git a/link b/link\ndeleted file mode 120000\n--- a/link\n+++ /dev/null\n@@ -1 +0,0 @@\n-run\n\\ No newline at end of file\ndiff --git a/run b/run\ndeleted file mode 100755\n--- a/run\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n\\ No newline at end of file\n',
    );
  });

  it('names what is binary, and what lies outside, and quotes what git quotes', async () => {
    writeFileSync(at('b'), Buffer.from('a\0\nx\n'));
    const text = await apply(
      '*** Update File: b',
      '-x',
      '+y',
      '*** Add File: ../o ö',
      '+x',
      '*** Add File: q"\t',
      '+x',
    );
    const outside = at('../o ö');
    expect(text.replaceAll(/^(index|new) .*\n/gm, '')).to.equal(
      [
        `diff --git a/${outside} b/${outside}`,
        '--- /dev/null',
        `+++ b/${outside}`,
        '@@ -0,0 +1 @@',
        '+x',
        'diff --git a/b b/b',
        'Binary files a/b and b/b differ',
        'diff --git "a/q\\"" "b/q\\""',
        '--- /dev/null',
        '+++ "b/q\\""',
        '@@ -0,0 +1 @@',
        '+x',
        '',
      ].join('\n'),
    );
  });

  it('takes little time for contents that have nothing in common, and shows them', async () => {
    const lines = (seed: number): string =>
      Array.from({ length: 60_000 }, (_, i) => `${(i * seed) % 60_013}`).join('\n');
    const file = (path: string, before: string, after: string): Parameters<TurnDiff['note']>[0][number] => ({
      path: at(path),
      realPath: at(path),
      before: { type: 'file', bytes: Buffer.from(before), mode: 0o644 },
      after: { type: 'file', bytes: Buffer.from(after), mode: 0o644 },
      movedFrom: null,
    });
    turn.note([file('f', lines(7), lines(11)), file('huge', 'x'.repeat(20e6), 'y'.repeat(20e6))]);
    const start = performance.now();
    const text = turn.text();
    expect(performance.now() - start).to.be.lessThan(5000);
    expect(text).to.match(
      /^diff --git a\/f b\/f\n[^]*\ndiff --git a\/huge b\/huge\nindex .*\nBinary files a\/huge and b\/huge differ\n$/,
    );
    expect(text.split('\n').length).to.be.greaterThan(60_000);
  });
});
