import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import { rolloutPathFor } from '../../src/rollout/file-name.js';
import { useLister } from '../support/lister.js';
import { createdAtOf, idOf, writeRollout } from '../support/rollout-home.js';
import {
  agentItemLine,
  completeLine,
  eventLine,
  metaLine,
  rolloutText,
  startedLine,
  turnContextLine,
  turnLines,
  userItemLine,
} from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { asNoRoot } from '../support/no-root.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('listConversations', () => {
  const home = useTempFolder();
  const { list, previews } = useLister(home);

  function write(...numbers: number[]): void {
    for (const number of numbers) writeRollout(home(), { number });
  }

  it('finds nothing in a home without sessions', async () => {
    expect(await list()).to.deep.equal({ data: [], nextCursor: null, backwardsCursor: null, hiddenCount: 0 });
  });

  it('tells all that a rollout says about its conversation', async () => {
    const path = writeRollout(home(), {
      number: 1,
      meta: {
        session_id: idOf(9),
        forked_from_id: idOf(8),
        git: { commit_hash: 'abc', branch: 'main', repository_url: 'https://example.com/x.git' },
        thread_source: 'user',
      },
      lines: [
        ...turnLines('one', ' q\n', 'a'),
        turnContextLine({ turn_id: 'two', cwd: '/home/user/other', model: 'm2' }),
      ],
      changedAfter: 90,
    });
    writeFileSync(join(home(), 'session_index.jsonl'), `${JSON.stringify({ id: idOf(1), thread_name: 'My name' })}\n`);
    expect((await list()).data).to.deep.equal([
      {
        id: idOf(1),
        path,
        archived: false,
        sessionId: idOf(9),
        forkedFromId: idOf(8),
        parentId: null,
        historyMode: 'paginated',
        preview: 'q',
        name: 'My name',
        modelProvider: 'mock',
        createdAt: createdAtOf(1).getTime() / 1000,
        updatedAt: createdAtOf(1).getTime() / 1000 + 90,
        cliVersion: '0.1.0',
        originator: 'test',
        source: 'vscode',
        threadSource: 'user',
        gitInfo: { sha: 'abc', branch: 'main', originUrl: 'https://example.com/x.git' },
        cwd: '/home/user/other',
        workspaceRoots: null,
        model: 'm2',
        reasoningEffort: null,
        reasoningSummary: null,
        approvalPolicy: 'never',
        sandboxPolicy: { type: 'readOnly', networkAccess: false },
        developerInstructions: null,
      },
    ]);
  });

  it('lists the newest first, page after page, without a row twice or left out', async () => {
    write(1, 2, 3, 4, 5);
    const first = await list({ limit: 2 });
    const second = await list({ limit: 2, cursor: first.nextCursor });
    const third = await list({ limit: 2, cursor: second.nextCursor });
    const pages = [first, second, third];
    expect(pages.map(({ data }) => data.map(({ preview }) => preview))).to.deep.equal([
      ['question 5', 'question 4'],
      ['question 3', 'question 2'],
      ['question 1'],
    ]);
    expect(pages.map(({ nextCursor }) => nextCursor)).to.deep.equal([
      `2026-11-20T10:04:00Z|${idOf(4)}`,
      `2026-11-20T10:02:00Z|${idOf(2)}`,
      null,
    ]);
  });

  it('ends with a full last page', async () => {
    write(1, 2);
    expect((await list({ limit: 2 })).nextCursor).to.equal(null);
  });

  it('goes back from where a page started', async () => {
    write(1, 2, 3, 4);
    const { backwardsCursor } = await list({ limit: 2, cursor: `2026-11-20T10:03:00Z|${idOf(3)}` });
    expect(backwardsCursor).to.equal('2026-11-20T10:01:59.999Z');
    expect(await previews({ cursor: backwardsCursor, sortDirection: 'asc' })).to.deep.equal([
      'question 2',
      'question 3',
      'question 4',
    ]);
    const ascending = await list({ limit: 2, sortDirection: 'asc' });
    expect(ascending.backwardsCursor).to.equal('2026-11-20T10:01:00.001Z');
  });

  it('tells rows of one second apart by their ids', async () => {
    for (const number of [1, 2, 3]) {
      const path = writeRollout(home(), { number });
      renameSync(path, path.replace(/T(\d\d)-\d\d-/, 'T$1-00-'));
    }
    const first = await list({ limit: 1 });
    expect(first.data.map(({ preview }) => preview)).to.deep.equal(['question 3']);
    expect(await previews({ cursor: first.nextCursor })).to.deep.equal(['question 2', 'question 1']);
  });

  it('orders by the time of the last change', async () => {
    writeRollout(home(), { number: 1, changedAfter: 600.25 });
    writeRollout(home(), { number: 2, changedAfter: 60 });
    const page = await list({ sortKey: 'updated_at', limit: 1 });
    expect([page.data.map(({ preview }) => preview), page.nextCursor, page.backwardsCursor]).to.deep.equal([
      ['question 1'],
      `2026-11-20T10:11:00.250Z|${idOf(1)}`,
      '2026-11-20T10:11:00.249Z',
    ]);
    expect(await previews({ sortKey: 'updated_at', cursor: page.nextCursor })).to.deep.equal(['question 2']);
    expect(await previews({ sortKey: 'recency_at', sortDirection: 'asc' })).to.deep.equal(['question 2', 'question 1']);
  });

  for (const cursor of ['garbage', '', '2026-11-20|x', '2026-11-20T10:00:00Z|', '2026-13-20T10:00:00Z']) {
    it(`refuses the cursor ${JSON.stringify(cursor)}`, async () => {
      const error = await list({ cursor }).catch((caught: unknown) => caught as DaemonError);
      expect(error).to.include({ code: 'invalid_params', message: `invalid cursor: ${cursor}` });
    });
  }

  it('gives between 1 and 100 rows', async () => {
    write(...Array.from({ length: 103 }, (_, index) => index));
    expect([(await previews({ limit: 0 })).length, (await previews({ limit: 1000 })).length]).to.deep.equal([1, 100]);
  });

  it('leaves out files in which no user has said anything, but for archived ones', async () => {
    write(1);
    writeRollout(home(), { number: 2, lines: [] });
    writeRollout(home(), { number: 3, lines: [startedLine('t'), userItemLine('t', 'u', ''), completeLine('t')] });
    const empty = writeRollout(home(), { number: 4 });
    writeFileSync(empty, '');
    const garbage = writeRollout(home(), { number: 5 });
    writeFileSync(garbage, 'garbage\n');
    writeRollout(home(), { number: 6, lines: [], folder: 'archived_sessions' });
    expect(await previews()).to.deep.equal(['question 1']);
    expect((await list({ archived: true })).data.map(({ id, preview }) => [id, preview])).to.deep.equal([
      [idOf(6), ''],
    ]);
  });

  it('previews the first message that has words', async () => {
    const lines = [startedLine('t'), userItemLine('t', 'u', ' '), completeLine('t'), ...turnLines('u', 'words', 'a')];
    writeRollout(home(), { number: 1, lines });
    expect(await previews()).to.deep.equal(['words']);
  });

  it('lists legacy files', async () => {
    const lines = [eventLine({ type: 'user_message', message: 'old question' })];
    writeRollout(home(), { number: 1, meta: { history_mode: 'legacy' }, lines });
    const [row] = (await list()).data;
    expect([row!.preview, row!.historyMode, row!.model]).to.deep.equal(['old question', 'legacy', null]);
  });

  it('finds files in whatever folder of sessions they lie, but none by a link', async () => {
    const moved = join(home(), 'sessions', 'rollout-2026-11-20T10-00-01-01a20000-0000-7000-8000-00000000000a.jsonl');
    mkdirSync(dirname(moved), { recursive: true });
    renameSync(writeRollout(home(), { number: 1 }), moved);
    const linked = writeRollout(home(), { number: 2 });
    const elsewhere = join(home(), 'elsewhere');
    mkdirSync(elsewhere);
    const outside = join(elsewhere, 'target.jsonl');
    renameSync(linked, outside);
    symlinkSync(outside, linked);
    symlinkSync(elsewhere, join(home(), 'sessions', 'linked'));
    expect(await previews()).to.deep.equal(['question 1']);
  });

  it('shows one row for several files of a conversation: the newest', async () => {
    writeRollout(home(), { number: 1, question: 'before the revert' });
    const segment = rolloutPathFor(home(), createdAtOf(30), `${idOf(1)}_${idOf(2)}`);
    mkdirSync(dirname(segment), { recursive: true });
    writeFileSync(segment, rolloutText([metaLine(idOf(1)), ...turnLines('t', 'after the revert', 'a')]));
    expect((await list()).data.map(({ path, preview }) => [path, preview])).to.deep.equal([
      [segment, 'after the revert'],
    ]);
  });

  it('keeps archived conversations apart', async () => {
    write(1);
    const archived = writeRollout(home(), { number: 2, folder: 'archived_sessions' });
    expect(await previews()).to.deep.equal(['question 1']);
    expect((await list({ archived: true })).data.map(({ path, archived: is }) => [path, is])).to.deep.equal([
      [archived, true],
    ]);
  });

  describe('conversations in several files', () => {
    it('count as having a message when they inherit one, and show it', async () => {
      const source = writeSegment(home(), { number: 1, lines: turnLines('a', 'inherited', 'a') });
      writeSegment(home(), { number: 2, base: baseAt(source), lines: [] });
      writeSegment(home(), { number: 3, base: baseAt(source, 1), lines: [] });
      writeSegment(home(), { number: 4, base: baseAt(source), lines: turnLines('b', 'own', 'a') });
      expect((await list()).data.map(({ id, preview, model }) => [id, preview, model])).to.deep.equal([
        [idOf(4), 'inherited', 'gpt-test'],
        [idOf(2), 'inherited', 'gpt-test'],
        [idOf(1), 'inherited', 'gpt-test'],
      ]);
    });

    it('show what they have themselves while a source is missing', async () => {
      const source = writeSegment(home(), { number: 1, lines: turnLines('a', 'inherited', 'a') });
      writeSegment(home(), { number: 2, base: baseAt(source), lines: [] });
      writeSegment(home(), { number: 3, base: baseAt(source), lines: turnLines('b', 'own', 'a') });
      const elsewhere = join(home(), 'elsewhere.jsonl');
      renameSync(source, elsewhere);
      expect(await previews()).to.deep.equal(['own']);
      renameSync(elsewhere, source);
      expect(await previews()).to.deep.equal(['inherited', 'inherited', 'inherited']);
    });

    it('stay in sight after all was reverted', async () => {
      const first = writeSegment(home(), { number: 1, lines: turnLines('a', 'reverted', 'a') });
      writeSegment(home(), { number: 2, of: 1, base: baseAt(first, 1), lines: [] });
      const last = writeSegment(home(), { number: 3, of: 1, lines: [] });
      expect((await list()).data.map(({ path, preview }) => [path, preview])).to.deep.equal([[last, 'reverted']]);
    });

    it('are one row where files were copied, also under another name', async () => {
      const path = writeRollout(home(), { number: 1 });
      const copy = writeRollout(home(), { number: 2, meta: { id: idOf(1) } });
      const older = writeRollout(home(), { number: 4, meta: { id: idOf(5) } });
      const newer = writeRollout(home(), { number: 6, meta: { id: idOf(5) } });
      expect((await list()).data.map((row) => row.path)).to.deep.equal([newer, path]);
      rmSync(path);
      rmSync(newer);
      expect((await list()).data.map((row) => row.path)).to.deep.equal([older, copy]);
    });

    it('are not archived while one of their files is not', async () => {
      const first = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', 'a') });
      writeSegment(home(), { number: 2, of: 1, base: baseAt(first), lines: [], folder: 'archived_sessions' });
      expect((await list()).data.map(({ path }) => path)).to.deep.equal([first]);
      expect((await list({ archived: true })).data).to.deep.equal([]);
    });
  });

  it('shows what git tells as somebody changed it since', async () => {
    write(1, 2, 3);
    writeRollout(home(), { number: 4, meta: { git: { branch: 'main' } } });
    mkdirSync(join(home(), 'rolloutd'));
    const changed = (number: number, gitInfo: unknown): string =>
      `${JSON.stringify({ id: idOf(number), gitInfo, updated_at: '2026-11-20T10:00:00Z' })}\n`;
    const info = { sha: 'abc', branch: null, originUrl: 'https://example.com/x.git' };
    const file = join(home(), 'rolloutd', 'thread-metadata.jsonl');
    const odd = `{"id":7}\n[1]\n${JSON.stringify({ id: idOf(1), title: 'x' })}\n${changed(2, 'x')}`;
    writeFileSync(file, `${changed(1, { ...info, sha: 'old' })}${changed(1, info)}${changed(4, null)}${odd}`);
    const gitInfos = async (): Promise<unknown[]> => (await list()).data.map(({ gitInfo }) => gitInfo);
    expect(await gitInfos()).to.deep.equal([null, null, null, info]);
    rmSync(file);
    expect(await gitInfos()).to.deep.equal([{ sha: null, branch: 'main', originUrl: null }, null, null, null]);
  });

  it('takes the last of several names, and none after an empty one', async () => {
    write(1, 2);
    const line = (number: number, thread_name: string): string =>
      `${JSON.stringify({ id: idOf(number), thread_name })}\n`;
    const file = join(home(), 'session_index.jsonl');
    writeFileSync(file, `${line(1, 'first')}torn {"\n${line(2, 'two')}${line(1, 'last')}`);
    expect((await list()).data.map(({ name }) => name)).to.deep.equal(['two', 'last']);
    appendFileSync(file, line(2, ''));
    expect((await list()).data.map(({ name }) => name)).to.deep.equal([null, 'last']);
    rmSync(file);
    expect((await list()).data.map(({ name }) => name)).to.deep.equal([null, null]);
  });

  it('sees what other programs add, change and remove', async () => {
    const path = writeRollout(home(), { number: 1 });
    writeRollout(home(), { number: 2 });
    expect(await previews()).to.deep.equal(['question 2', 'question 1']);
    appendFileSync(path, rolloutText([turnContextLine({ model: 'other' })]));
    utimesSync(path, 2_000_000_000, 2_000_000_000);
    write(3);
    rmSync(writeRollout(home(), { number: 2 }));
    expect((await list()).data.map(({ preview, model, updatedAt }) => [preview, model, updatedAt])).to.deep.equal([
      ['question 3', 'gpt-test', createdAtOf(3).getTime() / 1000 + 1],
      ['question 1', 'other', 2_000_000_000],
    ]);
  });

  it('forgets what it read of a file that is gone', async () => {
    const path = writeRollout(home(), { number: 1, question: 'before' });
    expect(await previews()).to.deep.equal(['before']);
    rmSync(path);
    expect(await previews()).to.deep.equal([]);
    writeRollout(home(), { number: 1, question: 'behind' });
    expect(await previews()).to.deep.equal(['behind']);
  });

  it('finds the settings of the last turn behind a long answer', async () => {
    const long = agentItemLine('t', 'a', 'x'.repeat(300_000));
    writeRollout(home(), {
      number: 1,
      lines: [...turnLines('t', 'q', 'a'), long, turnContextLine({ model: 'last' }), long],
    });
    expect((await list()).data.map(({ model }) => model)).to.deep.equal(['last']);
  });

  it('looks on behind a change of one setting for those of the last turn', async () => {
    const changed = eventLine({
      type: 'thread_settings_applied',
      thread_id: 't',
      thread_settings: { model: 'changed' },
    });
    writeRollout(home(), {
      number: 1,
      lines: [
        ...turnLines('t', 'q', 'a'),
        turnContextLine({ model: 'last', cwd: '/other' }),
        agentItemLine('t', 'a', 'x'.repeat(100_000)),
        changed,
      ],
    });
    expect((await list()).data.map(({ model, cwd }) => [model, cwd])).to.deep.equal([['changed', '/other']]);
  });

  it('shows the others when one file cannot be read', async () => {
    write(1);
    chmodSync(writeRollout(home(), { number: 2 }), 0);
    expect(await asNoRoot(home(), previews)).to.deep.equal(['question 1']);
  });

  for (const [mode, what] of [
    [0o000, 'listed'],
    [0o400, 'entered'],
  ] as const) {
    it(`shows the others when a folder cannot be ${what}`, async () => {
      write(1);
      const folder = join(home(), 'sessions', '2025');
      const inner = join(folder, '12', '31');
      mkdirSync(inner, { recursive: true });
      renameSync(
        writeRollout(home(), { number: 2 }),
        join(inner, basename(rolloutPathFor('', createdAtOf(2), idOf(2)))),
      );
      chmodSync(inner, mode);
      expect(await asNoRoot(home(), previews)).to.deep.equal(['question 1']);
      chmodSync(inner, 0o700);
      expect(await previews()).to.deep.equal(['question 2', 'question 1']);
    });
  }

  it('shows the names that it knew when their file cannot be read any more', async () => {
    write(1);
    const names = join(home(), 'session_index.jsonl');
    writeFileSync(names, `${JSON.stringify({ id: idOf(1), thread_name: 'One' })}\n`);
    const shownNames = async (): Promise<(string | null)[]> => (await list()).data.map(({ name }) => name);
    expect(await shownNames()).to.deep.equal(['One']);
    appendFileSync(names, '\n');
    chmodSync(names, 0);
    expect(await asNoRoot(home(), shownNames)).to.deep.equal(['One']);
  });
});
