import { expect } from 'chai';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConversationFile } from '../../src/index/index-messages.js';
import {
  beginDeletion,
  endDeletion,
  moveConversationFiles,
  pathsToDelete,
  readUnfinishedDeletions,
  removePlannedFiles,
} from '../../src/registry/conversation-files.js';
import { useTempFolder } from '../support/temp-folder.js';

const ID = '01a216c6-1357-7450-a67a-29f72ee70d21';
const SEGMENT = '01a216c6-1761-7aa0-ad65-914a99a0788d';
const DAY = join('sessions', '2026', '11', '26');

describe('the files of a conversation', () => {
  const home = useTempFolder();

  function put(folder: string, name: string, compressed = false): ConversationFile {
    const path = join(home(), folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(compressed ? `${path}.zst` : path, name);
    const segmentId = name.includes('_') ? SEGMENT : ID;
    return { path, segmentId, archived: folder === 'archived_sessions', compressed };
  }

  const first = (folder: string, compressed = false) =>
    put(folder, `rollout-2026-11-26T07-33-29-${ID}.jsonl`, compressed);
  const second = (folder: string) => put(folder, `rollout-2026-11-26T07-33-30-${ID}_${SEGMENT}.jsonl`);
  const all = (): string[] =>
    (readdirSync(home(), { recursive: true }) as string[]).filter((name) => /rollout-|deleting/.test(name)).sort();

  it('go into the archive flat and come back to their dates, compressed ones as they are', async () => {
    await moveConversationFiles([first(DAY, true), second(DAY)], 'archive');
    expect(all()).to.deep.equal([
      `archived_sessions/rollout-2026-11-26T07-33-29-${ID}.jsonl.zst`,
      `archived_sessions/rollout-2026-11-26T07-33-30-${ID}_${SEGMENT}.jsonl`,
    ]);
    const archived = [first('archived_sessions', true), second('archived_sessions')];
    await moveConversationFiles(archived, 'sessions');
    expect(all()).to.deep.equal([
      `${DAY}/rollout-2026-11-26T07-33-29-${ID}.jsonl.zst`,
      `${DAY}/rollout-2026-11-26T07-33-30-${ID}_${SEGMENT}.jsonl`,
    ]);
  });

  it('that are there in both forms stay together', async () => {
    const plain = first(DAY);
    first(DAY, true);
    await moveConversationFiles([plain], 'archive');
    const name = `rollout-2026-11-26T07-33-29-${ID}.jsonl`;
    expect(all()).to.deep.equal([`archived_sessions/${name}`, `archived_sessions/${name}.zst`]);
    const archived = { ...plain, path: join(home(), 'archived_sessions', name), archived: true };
    await moveConversationFiles([archived], 'sessions');
    expect(all()).to.deep.equal([`${DAY}/${name}`, `${DAY}/${name}.zst`]);
    await removePlannedFiles(home(), { ids: [ID], paths: await pathsToDelete(home(), ID, [plain]) });
    expect(all()).to.deep.equal([]);
  });

  it('are not moved over others, and the newest one not before all others', async () => {
    const files = [first(DAY), second(DAY)];
    put('archived_sessions', `rollout-2026-11-26T07-33-29-${ID}.jsonl`);
    const error = await moveConversationFiles(files, 'archive').catch((failure: Error) => failure);
    expect(error).to.include({ code: 'rollout_write_failed' });
    expect(existsSync(files[1]!.path)).to.equal(true);
  });

  it('come back newest first, so that an older part never stands for the whole', async () => {
    const files = [first('archived_sessions'), second('archived_sessions')];
    put(DAY, `rollout-2026-11-26T07-33-29-${ID}.jsonl`);
    await moveConversationFiles(files, 'sessions').catch(() => undefined);
    expect([existsSync(files[0]!.path), existsSync(files[1]!.path)]).to.deep.equal([true, false]);
  });

  it('are deleted with their journal; a deletion that was cut short is known afterwards', async () => {
    const files = [first(DAY, true), second(DAY)];
    const journal = join(home(), 'rolloutd', 'journal', `${ID}.jsonl`);
    const aside = join(home(), 'rolloutd', 'journal', `${ID}.jsonl.2026.aside`);
    mkdirSync(dirname(journal), { recursive: true });
    for (const file of [journal, aside]) writeFileSync(file, '');
    const plan = { ids: [ID], paths: await pathsToDelete(home(), ID, files) };
    // A folder in the place of a file is what rm() cannot remove: the deletion stops in the middle.
    mkdirSync(join(home(), 'stuck'));
    const stuck = { ...plan, paths: [plan.paths[1]!, join(home(), 'stuck'), ...plan.paths.slice(2)] };
    await beginDeletion(home(), stuck);
    const error = await removePlannedFiles(home(), stuck).catch((failure: Error) => failure);
    expect((error as Error).message).to.match(/the next start goes on with it$/);
    expect(existsSync(files[1]!.path)).to.equal(true);
    expect(await readUnfinishedDeletions(home())).to.deep.equal([stuck]);
    await removePlannedFiles(home(), plan);
    await endDeletion(home(), plan);
    expect(all()).to.deep.equal(['rolloutd/deleting']);
    expect([existsSync(journal), existsSync(aside)]).to.deep.equal([false, false]);
    expect(await readUnfinishedDeletions(home())).to.deep.equal([]);
  });

  it('stay when the first of them cannot be removed, and nobody goes on with it later', async () => {
    const files = [first(DAY), second(DAY)];
    mkdirSync(join(home(), 'stuck'));
    const plan = { ids: [ID], paths: [join(home(), 'stuck'), ...files.map(({ path }) => path)] };
    await beginDeletion(home(), plan);
    const error = await removePlannedFiles(home(), plan).catch((failure: Error) => failure);
    expect(error).to.include({ code: 'rollout_write_failed' });
    expect(files.map(({ path }) => existsSync(path))).to.deep.equal([true, true]);
    expect(await readUnfinishedDeletions(home())).to.deep.equal([]);
  });

  it('of a plan that is none, or that leads out of the home, stay', async () => {
    const folder = join(home(), 'rolloutd', 'deleting');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'torn.json'), '{"ids":["a"');
    writeFileSync(join(folder, 'out.json'), JSON.stringify({ ids: ['a'], paths: ['/etc/passwd'] }));
    writeFileSync(join(folder, 'up.json'), JSON.stringify({ ids: ['a'], paths: [`${home()}/../x`] }));
    expect(await readUnfinishedDeletions(home())).to.deep.equal([]);
    expect(readFileSync(join(folder, 'torn.json'), 'utf8')).to.equal('{"ids":["a"');
  });
});
