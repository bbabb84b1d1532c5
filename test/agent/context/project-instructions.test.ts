import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import {
  collectProjectInstructions,
  DEFAULT_MAX_DOCUMENT_BYTES,
  DEFAULT_ROOT_MARKERS,
  instructionsText,
} from '../../../src/agent/context/project-instructions.js';
import type { InstructionsQuery } from '../../../src/agent/context/project-instructions.js';
import { useTempFolder } from '../../support/temp-folder.js';

/** The cases and their texts are those that Codex 0.169 was seen with. */
describe('collectProjectInstructions', () => {
  const folder = useTempFolder();
  const root = () => realpathSync(folder());

  function write(files: Readonly<Record<string, string | Buffer>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.join(root(), path.dirname(name)), { recursive: true });
      writeFileSync(path.join(root(), name), text);
    }
  }

  async function collect(cwd: string, more: Partial<InstructionsQuery> = {}) {
    mkdirSync(path.join(root(), cwd), { recursive: true });
    const query: InstructionsQuery = {
      home: path.join(root(), 'h'),
      cwd: path.join(root(), cwd),
      maxBytes: DEFAULT_MAX_DOCUMENT_BYTES,
      fallbackNames: [],
      rootMarkers: DEFAULT_ROOT_MARKERS,
      ...more,
    };
    const found = await collectProjectInstructions(query);
    const short = (text: string): string => text.replaceAll(`${root()}/`, '');
    return {
      text: short(instructionsText(found) ?? ''),
      sources: found.sources.map(short),
      warnings: found.warnings.map(short),
    };
  }

  it('puts the home first, then every folder from the root of the project to the cwd', async () => {
    write({
      'h/AGENTS.md': 'HOME\n',
      'ws/.git/x': '',
      'ws/AGENTS.md': 'ROOT\n',
      'ws/a/AGENTS.md': 'A',
      'ws/a/b/AGENTS.md': 'B\n\n',
    });
    write({ 'AGENTS.md': 'ABOVE', 'ws/a/b/c/AGENTS.md': 'BELOW' });
    expect(await collect('ws/a/b')).to.deep.equal({
      text: '# AGENTS.md instructions for ws/a/b\n\n<INSTRUCTIONS>\nHOME\n\n--- project-doc ---\n\nROOT\n\n\nA\n\nB\n\n\n</INSTRUCTIONS>',
      sources: ['h/AGENTS.md', 'ws/AGENTS.md', 'ws/a/AGENTS.md', 'ws/a/b/AGENTS.md'],
      warnings: [],
    });
  });

  it('names no folder when only the home has something to say', async () => {
    write({ 'h/AGENTS.md': 'HOME\n', 'ws/AGENTS.md': ' \n' });
    expect(await collect('ws')).to.deep.equal({
      text: '# AGENTS.md instructions\n\n<INSTRUCTIONS>\nHOME\n</INSTRUCTIONS>',
      sources: ['h/AGENTS.md'],
      warnings: [],
    });
  });

  it('says nothing when nobody does', async () => {
    write({ 'ws/AGENTS.md/x': 'a folder of that name' });
    expect(await collect('ws')).to.deep.equal({ text: '', sources: [], warnings: [] });
  });

  it('takes an override instead of the file beside it', async () => {
    write({ 'h/AGENTS.md': 'HOME', 'h/AGENTS.override.md': 'HOME OVER', 'ws/.git/x': '', 'ws/AGENTS.md': 'ROOT' });
    write({ 'ws/AGENTS.override.md': 'ROOT OVER', 'ws/a/AGENTS.md': 'A' });
    expect((await collect('ws/a')).sources).to.deep.equal([
      'h/AGENTS.override.md',
      'ws/AGENTS.override.md',
      'ws/a/AGENTS.md',
    ]);
  });

  it('lets an empty override hide the file of a project, not that of the home', async () => {
    write({
      'h/AGENTS.md': 'HOME',
      'h/AGENTS.override.md': ' \n',
      'ws/.git/x': '',
      'ws/AGENTS.md': 'ROOT',
      'ws/AGENTS.override.md': '\n',
    });
    expect((await collect('ws')).sources).to.deep.equal(['h/AGENTS.md']);
  });

  it('takes the other names of the configuration where there is no file of the usual one, without leaving the folder', async () => {
    write({
      'ws/.git/x': '',
      'ws/CLAUDE.md': 'C',
      'ws/a/X.md': 'X',
      'ws/a/CLAUDE.md': 'CA',
      'h/CLAUDE.md': 'H',
      'ws/b/AGENTS.md': 'B',
      'ws/b/X.md': 'X',
    });
    const fallbackNames = ['../h/CLAUDE.md', 'CLAUDE.md', 'X.md'];
    expect((await collect('ws/a', { fallbackNames })).sources).to.deep.equal(['ws/CLAUDE.md', 'ws/a/CLAUDE.md']);
    expect((await collect('ws/b', { fallbackNames })).sources).to.deep.equal(['ws/CLAUDE.md', 'ws/b/AGENTS.md']);
  });

  it('reads no more of a project than the configuration lets, in whole characters, and says what was cut', async () => {
    write({
      'h/AGENTS.md': 'HOME IS LONG ENOUGH',
      'ws/.git/x': '',
      'ws/AGENTS.md': '12345678\n',
      'ws/a/AGENTS.md': 'aé',
      'ws/a/b/AGENTS.md': 'B',
    });
    expect(await collect('ws/a/b', { maxBytes: 11 })).to.deep.equal({
      text: '# AGENTS.md instructions for ws/a/b\n\n<INSTRUCTIONS>\nHOME IS LONG ENOUGH\n\n--- project-doc ---\n\n12345678\n\n\na\n\nB\n</INSTRUCTIONS>',
      sources: ['h/AGENTS.md', 'ws/AGENTS.md', 'ws/a/AGENTS.md', 'ws/a/b/AGENTS.md'],
      warnings: ['Only 2 of 3 bytes of ws/a/AGENTS.md are given to the model (project_doc_max_bytes).'],
    });
    expect((await collect('ws/a', { maxBytes: 0 })).sources).to.deep.equal(['h/AGENTS.md']);
  });

  it('finds the root by any marker, also one that is a file; without one only the cwd counts', async () => {
    write({ 'ws/AGENTS.md': 'ROOT', 'ws/a/AGENTS.md': 'A', 'ws/a/b/AGENTS.md': 'B' });
    expect((await collect('ws/a')).sources).to.deep.equal(['ws/a/AGENTS.md']);
    write({ 'ws/.git': 'gitdir: elsewhere', 'ws/a/.hg': '' });
    expect((await collect('ws/a/b')).sources).to.deep.equal(['ws/AGENTS.md', 'ws/a/AGENTS.md', 'ws/a/b/AGENTS.md']);
    expect((await collect('ws/a/b', { rootMarkers: ['.hg'] })).sources).to.deep.equal([
      'ws/a/AGENTS.md',
      'ws/a/b/AGENTS.md',
    ]);
    expect((await collect('ws/a/b', { rootMarkers: [] })).sources).to.deep.equal(['ws/a/b/AGENTS.md']);
  });

  it('reads what is no text as far as it can, follows links, and does not wait for a pipe', async function () {
    write({ 'ws/AGENTS.md': Buffer.from([0x61, 0xff, 0x62]), 'other/doc': 'LINKED' });
    mkdirSync(path.join(root(), 'h'));
    symlinkSync('../other/doc', path.join(root(), 'h', 'AGENTS.md'));
    if (spawnSync('mkfifo', [path.join(root(), 'h', 'AGENTS.override.md')]).status !== 0) this.skip();
    expect(await collect('ws')).to.deep.equal({
      text: '# AGENTS.md instructions for ws\n\n<INSTRUCTIONS>\nLINKED\n\n--- project-doc ---\n\na�b\n</INSTRUCTIONS>',
      sources: ['h/AGENTS.md', 'ws/AGENTS.md'],
      warnings: [],
    });
  });

  it('warns of what cannot be read', async () => {
    mkdirSync(path.join(root(), 'h'));
    symlinkSync('AGENTS.md', path.join(root(), 'h', 'AGENTS.md'));
    const { sources, warnings } = await collect('ws');
    expect([sources, warnings.map((text) => text.replace(/:.*/, ''))]).to.deep.equal([
      [],
      ['h/AGENTS.md cannot be read'],
    ]);
  });
});

describe('instructionsText', () => {
  it('says when it replaces what was said before', () => {
    const none = { body: null, folder: null, sources: [], warnings: [] };
    expect([
      instructionsText({ ...none, body: 'X', folder: '/p' }, true),
      instructionsText(none, true),
      instructionsText(none),
    ]).to.deep.equal([
      '# AGENTS.md instructions for /p\n\n<INSTRUCTIONS>\nFrom here on these hold, and none of the AGENTS.md instructions given before.\n\nX\n</INSTRUCTIONS>',
      '# AGENTS.md instructions\n\n<INSTRUCTIONS>\nFrom here on these hold, and none of the AGENTS.md instructions given before.\n\nThere are none.\n</INSTRUCTIONS>',
      null,
    ]);
  });
});
