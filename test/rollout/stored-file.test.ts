import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { compressedPathOf } from '../../src/rollout/file-name.js';
import { resolveLineage } from '../../src/rollout/lineage.js';
import { openStored, statStored } from '../../src/rollout/stored-file.js';
import { compressFile, compressParts } from '../support/compressed-rollout.js';
import { metaLine, rolloutText, turnLines } from '../support/rollout-lines.js';
import { writeRollout } from '../support/rollout-home.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('a stored rollout', () => {
  const folder = useTempFolder();
  const path = (): string => join(folder(), 'rollout.jsonl');

  it('is nowhere when there is neither file', async () => {
    expect(statStored(path())).to.equal(null);
    const error = await openStored(path()).catch((caught: unknown) => caught);
    expect(error).to.include({ code: 'ENOENT', path: path() });
  });

  it('tells of the file that is there, and of the plain one where there are both', () => {
    writeFileSync(path(), 'as it is');
    utimesSync(path(), 1000, 1000);
    expect(statStored(path())).to.deep.equal({ path: path(), size: 8, mtimeMs: 1_000_000, compressed: false });
    const { size } = statSync(compressFile(path()));
    expect(statStored(path())).to.deep.equal({ path: path(), size, mtimeMs: 1_000_000, compressed: true });
    writeFileSync(path(), 'plain again');
    utimesSync(path(), 2000, 2000);
    expect(statStored(path())).to.deep.equal({ path: path(), size: 11, mtimeMs: 2_000_000, compressed: false });
  });

  it('is found and read where it is after it was archived or taken back, compressed or not', async () => {
    const active = writeRollout(folder(), { number: 1 });
    const archived = join(folder(), 'archived_sessions', basename(active));
    mkdirSync(dirname(archived));
    const size = statSync(active).size;
    const readAt = async (asked: string): Promise<number> => {
      const source = await openStored(asked);
      try {
        return await source.read(Buffer.alloc(size + 1), size + 1, 0);
      } finally {
        await source.close();
      }
    };
    renameSync(active, archived);
    expect(statStored(active)).to.include({ path: archived, size, compressed: false });
    expect(await readAt(active)).to.equal(size);
    const compressedSize = statSync(compressFile(archived)).size;
    expect(statStored(active)).to.include({ path: archived, size: compressedSize, compressed: true });
    expect(await readAt(active)).to.equal(size);
    renameSync(compressedPathOf(archived), compressedPathOf(active));
    expect(statStored(archived)).to.include({ path: active, size: compressedSize, compressed: true });
    expect(await readAt(archived)).to.equal(size);
    rmSync(compressedPathOf(active));
    expect(statStored(archived)).to.equal(null);
    expect(await openStored(active).catch((error: unknown) => error)).to.include({ code: 'ENOENT', path: active });
  });

  it('is read at any place in any order, compressed as it is', async () => {
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, index) => String(index)).join(' '));
    writeFileSync(compressedPathOf(path()), compressParts([content.subarray(0, 200_000), content.subarray(200_000)]));
    const source = await openStored(path());
    try {
      const target = Buffer.alloc(1000);
      for (const position of [
        0,
        500_000,
        499_999,
        199_500,
        0,
        content.length - 10,
        5,
        content.length,
        content.length + 5,
      ]) {
        const read = await source.read(target, target.length, position);
        const expected = content.subarray(position, position + 1000);
        expect(target.subarray(0, read).equals(expected), `from ${position}`).to.equal(true);
      }
      expect(source.damage).to.equal(null);
    } finally {
      await source.close();
    }
  });

  it('is cut for a fork in the same place, compressed or not', async () => {
    const lines = [metaLine('source'), ...turnLines('one', 'a', 'b'), ...turnLines('two', 'c', 'd')];
    const numbered = lines.map(({ timestamp, ...line }, ordinal) => ({ timestamp, ordinal, ...line }));
    const kept = Buffer.from(rolloutText(numbered.slice(0, 8)));
    const base = { thread_id: 'source', end_ordinal_exclusive: 8, end_byte_offset: kept.length };
    const ranges = (offset: number): Promise<unknown> =>
      resolveLineage({ ...metaLine('fork').payload, history_base: { ...base, end_byte_offset: offset } } as never, () =>
        Promise.resolve(path()),
      );
    writeFileSync(path(), rolloutText(numbered));
    compressFile(path());
    const expected = [{ path: path(), end: kept.length }];
    expect(await ranges(kept.length)).to.deep.equal(expected);
    // An offset that an edit has made wrong: the ordinals tell.
    expect(await ranges(kept.length - 7)).to.deep.equal(expected);
  });
});
