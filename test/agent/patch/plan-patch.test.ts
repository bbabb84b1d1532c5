import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { asNoRoot } from '../../support/no-root.js';
import { usePatchedFolder } from './patched-folder.js';

describe('planPatch', () => {
  const { at, put, get, tree, plan, apply, refuse } = usePatchedFolder();

  describe('keeps', () => {
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

    it('and shows what has become of it in the end', async () => {
      const shown = async (...lines: string[]): Promise<unknown> => {
        const { changes } = await plan(lines);
        return JSON.parse(JSON.stringify(changes).replaceAll(`${at('.')}/`, ''));
      };
      const move = ['*** Update File: f', '*** Move to: g'];
      put('f', 'a\n');
      symlinkSync('f', at('link'));
      const kept = { type: 'update', unified_diff: '', move_path: 'g' };
      expect(await shown(...move)).to.deep.equal({ f: kept });
      expect(await shown(...move, '*** Update File: g', '*** Move to: h', '-a', '+b')).to.deep.equal({
        f: { type: 'update', unified_diff: '@@ -1 +1 @@\n-a\n+b\n', move_path: 'h' },
      });
      expect(await shown(...move, '*** Delete File: g')).to.deep.equal({ f: { type: 'delete', content: 'a\n' } });
      expect(await shown(...move, '*** Add File: g', '+b')).to.deep.equal({
        f: { type: 'delete', content: 'a\n' },
        g: { type: 'add', content: 'b\n' },
      });
      expect(await shown(...move, '*** Add File: f', '+b')).to.deep.equal({
        f: { type: 'update', unified_diff: '@@ -1 +1 @@\n-a\n+b\n', move_path: null },
        g: { type: 'add', content: 'a\n' },
      });
      expect(await shown('*** Update File: link', '-a', '+b', '*** Delete File: link')).to.deep.equal({
        f: { type: 'update', unified_diff: '@@ -1 +1 @@\n-a\n+b\n', move_path: null },
        link: { type: 'delete', content: 'f' },
      });
      expect(await shown('*** Add File: n', '+b', '*** Delete File: n')).to.deep.equal({});
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
      ['a link to a pipe', ['*** Update File: to-pipe', '-a'], ['not_a_file', '/to-pipe is no plain file.']],
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
          'to-pipe': 'pipe',
        })) {
          symlinkSync(target, at(name));
        }
        const patch = ['*** Add File: would/be/new', '+x', ...lines];
        expect(await refuse(patch, { hidden: [at('hidden')] })).to.deep.equal(expected);
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
