import { chmodSync, linkSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { applyPlan } from '../../../src/agent/patch/apply-plan.js';
import { PatchError } from '../../../src/agent/patch/patch-error.js';
import type { PatchErrorCode } from '../../../src/agent/patch/patch-error.js';
import { planPatch } from '../../../src/agent/patch/plan-patch.js';
import type { PlanOptions } from '../../../src/agent/patch/plan-patch.js';
import { asNoRoot } from '../../support/no-root.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { readTree } from './read-tree.js';

describe('a planned and applied patch', () => {
  const temp = useTempFolder();
  const at = (name: string): string => join(realpathSync(temp()), name);
  const put = (name: string, content: string, mode = 0o644): void => {
    mkdirSync(join(at(name), '..'), { recursive: true });
    writeFileSync(at(name), content, 'latin1');
    chmodSync(at(name), mode);
  };
  const get = (name: string): string => readFileSync(at(name), 'latin1');
  const tree = (): Record<string, string> => readTree(at('.'));

  async function apply(...lines: string[]): Promise<string> {
    const plan = await planPatch(['*** Begin Patch', ...lines, '*** End Patch'].join('\n'), at('.'));
    await applyPlan(plan);
    return plan.summary;
  }

  /** The code and message of the error with which the patch is refused; the files are compared. */
  async function refuse(lines: string[], options: PlanOptions = {}): Promise<[PatchErrorCode, string]> {
    const before = tree();
    const text = ['*** Begin Patch', ...lines, '*** End Patch'].join('\n');
    const error = await planPatch(text, at('.'), options)
      .then(applyPlan)
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(PatchError);
    expect(tree()).to.deep.equal(before);
    const { code, message } = error as PatchError;
    return [code, message.replaceAll(at('.'), '')];
  }

  describe('finds its lines', () => {
    const update = (...lines: string[]): Promise<string> => apply('*** Update File: f', ...lines);

    it('where they are exactly so, before where they are nearly so', async () => {
      put('f', '  x \nx\n');
      await update('@@', '-x', '+y');
      expect(get('f')).to.equal('  x \ny\n');
    });

    it('without regard to white space at the end, before that around them', async () => {
      put('f', '  x\nx \t\n');
      await update('@@', '-x', '+y');
      expect(get('f')).to.equal('  x\ny\n');
    });

    it('without regard to white space around them, and keeps what the file has', async () => {
      put('f', '\tif (a) {\n\t\tb();\n\t}\n');
      await update('@@', ' if (a) {', '-b();', '+\t\tc();', ' }');
      expect(get('f')).to.equal('\tif (a) {\n\t\tc();\n\t}\n');
    });

    it('by plain punctuation where the file has typographic', async () => {
      put('f', Buffer.from('a \u2013 \u201cb\u201d \u2018c\u2019\u00a0d\nx\n').toString('latin1'));
      await update('@@', ' a - "b" \'c\' d', '-x', '+y');
      expect(Buffer.from(get('f'), 'latin1').toString()).to.equal('a \u2013 \u201cb\u201d \u2018c\u2019\u00a0d\ny\n');
    });

    it('after the anchor', async () => {
      put('f', 'def a\n  x\ndef b\n  x\n');
      await update('@@ def b', '-  x', '+  y');
      expect(get('f')).to.equal('def a\n  x\ndef b\n  y\n');
    });

    it('after several anchors, each after the one before', async () => {
      put('f', 'def m\n  x\nclass B\n  def l\n    x\n  def m\n    x\n');
      await update('@@ class B', '@@ def m', '-    x', '+    y');
      expect(get('f')).to.equal('def m\n  x\nclass B\n  def l\n    x\n  def m\n    y\n');
    });

    it('also when the hunk repeats its anchor', async () => {
      put('f', 'def a\n  x\n');
      await update('@@ def a', ' def a', '-  x', '+  y');
      expect(get('f')).to.equal('def a\n  y\n');
    });

    it('whatever line numbers a model has put there', async () => {
      put('f', 'a\nb\n');
      await update('@@ -7,2 +7,2 @@', ' a', '-b', '+c');
      expect(get('f')).to.equal('a\nc\n');
    });

    it('after the place of the hunk before', async () => {
      put('f', 'x\nx\nx\n');
      await update('@@', '-x', '+1', '@@', '-x', '+2');
      expect(get('f')).to.equal('1\n2\nx\n');
    });

    it('at the end of the file when it is marked so', async () => {
      put('f', 'x\ny\nx\n');
      await update('@@', '-x', '+z', '*** End of File');
      expect(get('f')).to.equal('x\ny\nz\n');
    });

    it('elsewhere when the mark is wrong', async () => {
      put('f', 'x\ny\n');
      await update('@@', '-x', '+z', '*** End of File');
      expect(get('f')).to.equal('z\ny\n');
    });

    it('when an empty line at the end is none of the file', async () => {
      put('f', 'a\nb\n');
      await update('@@', ' a', '-b', '-', '+c', '+');
      expect(get('f')).to.equal('a\nc\n');
    });

    it('where bytes are no UTF-8, as the model was shown them', async () => {
      put('f', 'caf\xe9\nx\n\xff\n');
      await update('@@', ' caf\ufffd', '-x', '+\u00e9', ' \ufffd');
      expect(get('f')).to.equal('caf\xe9\n\xc3\xa9\n\xff\n');
    });
  });

  describe('puts lines that follow nothing', () => {
    it('at the end', async () => {
      put('f', 'a\n');
      await apply('*** Update File: f', '@@', '+b');
      expect(get('f')).to.equal('a\nb\n');
    });

    it('at the end, also when another hunk follows', async () => {
      put('f', 'a\nb\n');
      await apply('*** Update File: f', '@@', '+c', '@@', '-a', '+x');
      expect(get('f')).to.equal('x\nb\nc\n');
    });

    it('after their anchor', async () => {
      put('f', 'a\nb\n');
      await apply('*** Update File: f', '@@ a', '+x');
      expect(get('f')).to.equal('a\nx\nb\n');
    });

    it('into an empty file', async () => {
      put('f', '');
      await apply('*** Update File: f', '+a');
      expect(get('f')).to.equal('a\n');
    });
  });

  describe('keeps', () => {
    it('CRLF', async () => {
      put('f', 'a\r\nb\r\nc\r\n');
      await apply('*** Update File: f', '@@', ' a', '-b', '+x', '+y', ' c');
      expect(get('f')).to.equal('a\r\nx\r\ny\r\nc\r\n');
    });

    it('CRLF beside CRLF and LF beside LF', async () => {
      put('f', 'a\r\nb\nc\n');
      await apply('*** Update File: f', '@@', ' a', '+x', ' b', '+y');
      expect(get('f')).to.equal('a\r\nx\r\nb\ny\nc\n');
    });

    it('what does not end in a newline so', async () => {
      put('f', 'a\nb');
      await apply('*** Update File: f', '@@', '-a', '+x');
      expect(get('f')).to.equal('x\nb');
      await apply('*** Update File: f', '@@', '-b', '+y');
      expect(get('f')).to.equal('x\ny');
      await apply('*** Update File: f', '@@', ' y', '+z');
      expect(get('f')).to.equal('x\ny\nz');
      await apply('*** Update File: f', '@@', ' y', '-z');
      expect(get('f')).to.equal('x\ny');
    });

    it('modes, also of what is moved or replaced', async () => {
      put('run', 'a\n', 0o755);
      put('moved', 'a\n', 0o750);
      put('over', 'a\n', 0o700);
      put('again', 'a\n', 0o711);
      await apply(
        '*** Update File: run',
        '-a',
        '+b',
        '*** Update File: moved',
        '*** Move to: to/moved',
        '-a',
        '+b',
        '*** Add File: over',
        '+b',
        '*** Delete File: again',
        '*** Add File: again',
        '+b',
      );
      expect(tree()).to.deep.include({ run: '755 b\n', 'to/moved': '750 b\n', over: '700 b\n', again: '711 b\n' });
    });

    it('a link, and changes what it leads to', async () => {
      put('real/f', 'a\n');
      symlinkSync('real/f', at('link'));
      await apply('*** Update File: link', '-a', '+b');
      expect(tree()).to.deep.equal({ link: '-> real/f', real: '755 folder', 'real/f': '644 b\n' });
    });

    it('what a link leads to when the link is deleted, moved or replaced', async () => {
      put('f', 'a\n');
      for (const name of ['gone', 'moved', 'replaced']) symlinkSync('f', at(name));
      await apply(
        '*** Delete File: gone',
        '*** Update File: moved',
        '*** Move to: copy',
        '-a',
        '+b',
        '*** Delete File: replaced',
        '*** Add File: replaced',
        '+c',
        '*** Update File: replaced',
        '-c',
        '+d',
      );
      expect(tree()).to.deep.equal({ copy: '644 b\n', f: '644 a\n', replaced: '644 d\n' });
    });

    it('the other names of a file as they were', async () => {
      put('f', 'a\n');
      linkSync(at('f'), at('other'));
      await apply('*** Update File: f', '-a', '+b');
      expect([get('f'), get('other')]).to.deep.equal(['b\n', 'a\n']);
    });
  });

  describe('takes several steps with one file', () => {
    it('one after the other', async () => {
      put('f', 'a\n');
      const summary = await apply(
        '*** Update File: f',
        '-a',
        '+b',
        '*** Update File: ./f',
        '-b',
        '+c',
        '*** Update File: f',
        '*** Move to: g',
        '*** Update File: g',
        '+d',
        '*** Add File: h',
        '+x',
        '*** Delete File: h',
        '*** Add File: f',
        '+new',
      );
      expect(tree()).to.deep.equal({ f: '644 new\n', g: '644 c\nd\n' });
      expect(summary).to.equal('Done. These files were changed:\nA h\nA f\nM f\nM ./f\nM g\nD h\n');
    });

    it('and refuses what is not there any more', async () => {
      put('f', 'a\n');
      const lines = ['*** Delete File: f', '*** Update File: f', '-a', '+b'];
      expect(await refuse(lines)).to.deep.equal(['missing', '/f is to be changed, but it does not exist.']);
    });
  });

  it('moves onto a file that is there, and onto itself', async () => {
    put('a', 'a\n');
    put('b', 'b\n');
    await apply('*** Update File: a', '*** Move to: b', '-a', '+c');
    expect(tree()).to.deep.equal({ b: '644 c\n' });
    await apply('*** Update File: b', '*** Move to: ./b', '-c', '+d');
    expect(tree()).to.deep.equal({ b: '644 d\n' });
  });

  it('takes absolute paths, and names with spaces and other letters', async () => {
    await apply(`*** Add File: ${at('ä b/c')}`, '+x');
    expect(tree()).to.deep.equal({ 'ä b': '755 folder', 'ä b/c': '644 x\n' });
  });

  describe('is refused', () => {
    it('when lines are not found, and says which and where', async () => {
      put('f', 'a\nsecret\nc\n');
      expect(await refuse(['*** Update File: f', '@@', ' a', '-b', ' c'])).to.deep.equal([
        'does_not_fit',
        '/f: the file does not have these lines, which the hunk at line 3 of the patch expects (nearest is line 1 of the file, where 2 of 3 are alike; the first that is not belongs to line 2):\na\nb\nc',
      ]);
    });

    it('when lines are before the hunk that came first', async () => {
      put('f', 'a\nb\n');
      expect(await refuse(['*** Update File: f', '@@', '-b', '+x', '@@', '-a', '+y'])).to.deep.equal([
        'does_not_fit',
        '/f: the file does not have these lines, which the hunk at line 6 of the patch expects (they are at line 1 of the file, but hunks follow the order of the file, and this one can only begin at line 3):\na',
      ]);
    });

    it('when an anchor is not found', async () => {
      put('f', 'a\nb\n');
      expect(await refuse(['*** Update File: f', '@@ class X', '-b', '+x'])).to.deep.equal([
        'does_not_fit',
        "/f: no line is 'class X', as the hunk at line 3 of the patch has it after @@, from line 1 of the file on.".replace(
          ', from line 1 of the file on',
          '',
        ),
      ]);
    });

    for (const [what, lines, expected] of [
      [
        'an update of nothing',
        ['*** Update File: no', '-a'],
        ['missing', '/no is to be changed, but it does not exist.'],
      ],
      ['a deletion of nothing', ['*** Delete File: no'], ['missing', '/no is to be deleted, but it does not exist.']],
      ['a deleted folder', ['*** Delete File: d'], ['not_a_file', '/d is a folder.']],
      ['an update of a folder', ['*** Update File: d', '-a'], ['not_a_file', '/d is a folder.']],
      ['a file where a folder is', ['*** Add File: d', '+x'], ['not_a_file', '/d is a folder.']],
      ['a move onto a folder', ['*** Update File: f', '*** Move to: d'], ['not_a_file', '/d is a folder.']],
      ['a link to a folder', ['*** Update File: to-d', '-a'], ['not_a_file', '/to-d is a folder.']],
      [
        'a link to nothing',
        ['*** Update File: to-no', '-a'],
        ['missing', '/to-no is to be changed, but it does not exist.'],
      ],
      ['a circle of links', ['*** Add File: circle', '+a'], ['io_failed', '/circle could not be followed: ELOOP']],
      ['a pipe', ['*** Update File: pipe', '-a'], ['not_a_file', '/pipe is no plain file.']],
      ['a way through a file', ['*** Add File: f/x', '+a'], ['not_a_file', '/f/x: /f is not a folder.']],
      ['a way through a file, further', ['*** Add File: f/x/y', '+a'], ['not_a_file', '/f/x/y: /f is not a folder.']],
      [
        'a file and one below it',
        ['*** Add File: n/x', '+a', '*** Add File: n', '+a'],
        ['not_a_file', '/n/x cannot be written: /n would be a file, not a folder.'],
      ],
      [
        'what is hidden',
        ['*** Update File: hidden/token', '-a'],
        ['forbidden', '/hidden/token can not be changed by a patch.'],
      ],
      [
        'what a link hides',
        ['*** Delete File: to-hidden/token'],
        ['forbidden', '/to-hidden/token can not be changed by a patch.'],
      ],
    ] as const) {
      it(`for ${what}`, async () => {
        put('f', 'a\n');
        put('hidden/token', 'a\n');
        mkdirSync(at('d'));
        execFileSync('mkfifo', [at('pipe')]);
        for (const [name, target] of Object.entries({
          'to-d': 'd',
          'to-no': 'no',
          circle: 'circle',
          'to-hidden': 'hidden',
        })) {
          symlinkSync(target, at(name));
        }
        const patch = ['*** Add File: would/be/new', '+x', ...lines];
        // Reading a pipe would wait for ever, and is not needed for comparing.
        const text = ['*** Begin Patch', ...patch, '*** End Patch'].join('\n');
        const error = await planPatch(text, at('.'), { hidden: [at('hidden')] }).catch((thrown: unknown) => thrown);
        const { code, message } = error as PatchError;
        expect([code, message.replaceAll(at('.'), '')]).to.deep.equal(expected);
      });
    }

    it('for what is write-protected', async () => {
      put('f', 'a\n', 0o444);
      await asNoRoot(at('.'), async () => {
        expect(await refuse(['*** Add File: x', '+x', '*** Update File: f', '-a', '+b'])).to.deep.equal([
          'io_failed',
          '/f could not be opened for writing: EACCES',
        ]);
      });
    });
  });
});
