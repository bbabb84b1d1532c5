import { appendFileSync, chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import { ConversationMetadata } from '../../src/index/conversation-metadata.js';
import { FileMetas } from '../../src/index/file-metas.js';
import { ConversationFinder } from '../../src/index/find-conversation.js';
import { findDependents } from '../../src/index/find-dependents.js';
import type { DependentSources } from '../../src/index/find-dependents.js';
import { SummaryReader } from '../../src/index/read-summary.js';
import { asNoRoot } from '../support/no-root.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import { rolloutText, turnLines } from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('findDependents', () => {
  const home = useTempFolder();
  let sources: DependentSources;

  beforeEach(() => {
    const metas = new FileMetas();
    sources = {
      metas,
      finder: new ConversationFinder(home(), metas),
      summaries: new SummaryReader(),
      metadata: new ConversationMetadata(home()),
    };
  });

  const turns = (question: string): ReturnType<typeof turnLines> => turnLines('t', question, 'a');

  async function dependents(number: number): Promise<number[]> {
    return (await findDependents(idOf(number), sources)).map(({ id }) => Number(id.slice(-4)));
  }

  it('finds who goes on from any file of a conversation, by name and first words', async () => {
    const first = writeSegment(home(), { number: 1, lines: turns('source') });
    const second = writeSegment(home(), { number: 2, of: 1, base: baseAt(first, 1), lines: turns('after') });
    const third = writeSegment(home(), { number: 3, of: 1, base: baseAt(second), lines: [] });
    const forks = [
      writeSegment(home(), { number: 4, base: baseAt(first), lines: [] }),
      writeSegment(home(), { number: 5, base: baseAt(third), lines: turns('more') }),
      writeSegment(home(), { number: 6, base: baseAt(second), lines: [] }),
    ];
    writeRollout(home(), { number: 7, meta: { forked_from_id: idOf(1) } });
    writeFileSync(join(home(), 'session_index.jsonl'), `${JSON.stringify({ id: idOf(5), thread_name: 'Five' })}\n`);
    expect(await findDependents(idOf(1), sources)).to.deep.equal([
      { id: idOf(4), name: null, preview: 'source', path: forks[0] },
      { id: idOf(5), name: 'Five', preview: 'after', path: forks[1] },
      { id: idOf(6), name: null, preview: 'after', path: forks[2] },
    ]);
  });

  it('finds neither the conversation itself, nor who goes on from a fork of it', async () => {
    const source = writeSegment(home(), { number: 1, lines: turns('q') });
    writeSegment(home(), { number: 2, of: 1, base: baseAt(source), lines: [] });
    const fork = writeSegment(home(), { number: 3, base: baseAt(source), lines: [] });
    writeSegment(home(), { number: 4, base: baseAt(fork), lines: [] });
    expect([await dependents(1), await dependents(3), await dependents(4), await dependents(9)]).to.deep.equal([
      [3],
      [4],
      [],
      [],
    ]);
  });

  it('finds a conversation once that refers to it by an older file, or from the archive', async () => {
    const source = writeSegment(home(), { number: 1, lines: turns('q') });
    const older = writeSegment(home(), { number: 2, base: baseAt(source), lines: turns('own') });
    const current = writeSegment(home(), { number: 3, of: 2, base: baseAt(older, 1), lines: [] });
    writeSegment(home(), { number: 4, of: 2, lines: [], folder: 'archived_sessions' });
    expect((await findDependents(idOf(1), sources)).map(({ id, path }) => [id, path])).to.deep.equal([
      [idOf(2), current],
    ]);
    const archived = join(home(), 'archived_sessions', basename(source));
    mkdirSync(dirname(archived), { recursive: true });
    renameSync(source, archived);
    expect(await dependents(1)).to.deep.equal([2]);
  });

  it('finds a conversation that moves between the folders while it looks', async () => {
    const source = writeSegment(home(), { number: 1, lines: turns('q') });
    const fork = writeSegment(home(), { number: 2, base: baseAt(source), lines: [] });
    const archived = join(home(), 'archived_sessions', basename(fork));
    mkdirSync(dirname(archived), { recursive: true });
    let moves: [string, string][] = [];
    class MovingFinder extends ConversationFinder {
      override async listFiles(
        ...options: Parameters<ConversationFinder['listFiles']>
      ): ReturnType<ConversationFinder['listFiles']> {
        const listed = await super.listFiles(...options);
        const [from, to] = moves.shift() ?? [];
        if (from !== undefined && to !== undefined) renameSync(from, to);
        return listed;
      }
    }
    sources.finder = new MovingFinder(home(), sources.metas);
    moves = [[fork, archived]];
    expect(await dependents(1)).to.deep.equal([2]);
    moves = [
      [archived, fork],
      [fork, archived],
      [archived, fork],
    ];
    expect(await dependents(1)).to.deep.equal([2]);
  });

  it('gives no answer when a file cannot be read, but for those of the conversation itself', async () => {
    writeSegment(home(), { number: 1, lines: turns('q') });
    const other = writeRollout(home(), { number: 2 });
    chmodSync(other, 0);
    await asNoRoot(home(), async () => {
      const error = await dependents(1).catch((caught: unknown) => caught as DaemonError);
      expect(error).to.include({ code: 'rollout_unreadable' });
      expect(await dependents(2)).to.deep.equal([]);
    });
  });

  it('gives no answer when a folder cannot be read', async () => {
    writeSegment(home(), { number: 1, lines: turns('q') });
    const folder = join(home(), 'sessions', '2025');
    mkdirSync(folder);
    chmodSync(folder, 0);
    const error = await asNoRoot(home(), () => dependents(1).catch((caught: unknown) => caught as Error));
    chmodSync(folder, 0o700);
    expect(error).to.include({ code: 'EACCES' });
  });

  it('sees a file that has come or changed since', async () => {
    const source = writeSegment(home(), { number: 1, lines: turns('q') });
    const path = writeRollout(home(), { number: 2 });
    writeFileSync(path, 'garbage\n');
    expect(await dependents(1)).to.deep.equal([]);
    writeSegment(home(), { number: 2, base: baseAt(source), lines: [] });
    writeSegment(home(), { number: 3, base: baseAt(source), lines: [] });
    appendFileSync(path, rolloutText([]));
    expect(await dependents(1)).to.deep.equal([2, 3]);
  });
});
