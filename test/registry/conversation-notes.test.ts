import { expect } from 'chai';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConversationNotes } from '../../src/registry/conversation-notes.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('ConversationNotes', () => {
  const home = useTempFolder();
  const names = (): string => join(home(), 'session_index.jsonl');
  const linesOf = (file: string): any[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);

  beforeEach(() => mkdirSync(join(home(), 'rolloutd')));

  it('appends names as Codex does, in a file for its owner alone', async () => {
    const notes = new ConversationNotes(home());
    await notes.setName('a', 'first');
    await notes.setName('b', 'other');
    await notes.setName('a', 'second');
    const lines = linesOf(names());
    expect(lines.map(({ id, thread_name }) => [id, thread_name])).to.deep.equal([
      ['a', 'first'],
      ['b', 'other'],
      ['a', 'second'],
    ]);
    for (const { updated_at } of lines) expect(new Date(updated_at).toISOString()).to.equal(updated_at);
    expect(statSync(names()).mode & 0o777).to.equal(0o600);
  });

  it('closes a line that a killed process tore', async () => {
    writeFileSync(names(), '{"id":"a","thread_na');
    await new ConversationNotes(home()).setName('b', 'whole');
    const [torn, line] = readFileSync(names(), 'utf8').split('\n');
    expect(torn).to.equal('{"id":"a","thread_na');
    expect(JSON.parse(line!).thread_name).to.equal('whole');
  });

  it('forgets conversations and leaves every other line as it is', async () => {
    const notes = new ConversationNotes(home());
    await notes.setName('a', 'gone');
    appendFileSync(names(), 'no json\n');
    await notes.setName('b', 'stays');
    await notes.setGitInfo('a', { sha: 'x', branch: null, originUrl: null });
    const before = readFileSync(names(), 'utf8').split('\n');
    await notes.forget(['a']);
    expect(readFileSync(names(), 'utf8').split('\n')).to.deep.equal(before.slice(1));
    expect(readFileSync(join(home(), 'rolloutd', 'thread-metadata.jsonl'), 'utf8')).to.equal('');
  });

  it('makes no file to forget what nobody noted', async () => {
    await new ConversationNotes(home()).forget(['a']);
    expect(existsSync(names())).to.equal(false);
  });

  it('keeps changes of two processes apart, and in order within one', async () => {
    const [one, other] = [new ConversationNotes(home()), new ConversationNotes(home())];
    const changes = Array.from({ length: 50 }, (_, count) => [
      one.setName('one', `${count}`),
      other.setName('other', `${count}`),
    ]);
    await Promise.all(changes.flat());
    const lines = linesOf(names());
    for (const id of ['one', 'other']) {
      const given = lines.filter((line) => line.id === id).map((line) => Number(line.thread_name));
      expect(given).to.deep.equal(Array.from({ length: 50 }, (_, count) => count));
    }
  });
});
