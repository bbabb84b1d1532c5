import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { DaemonError } from '../../src/errors.js';
import { compressedPathOf } from '../../src/rollout/file-name.js';
import { restoreRollout } from '../../src/rollout/restore-rollout.js';
import { openStored } from '../../src/rollout/stored-file.js';
import { compress, compressFile, compressParts } from '../support/compressed-rollout.js';
import { metaLine, rolloutText, turnLines } from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';
import { mountTmpfs } from './tmpfs-mount.js';

const NAME = 'rollout-2026-11-23T05-57-39-01a208b6-d22d-7b11-b9c2-d48e07ff0822.jsonl';
const CONTENT = Buffer.from(rolloutText([metaLine('id'), ...turnLines('turn', 'question', 'answer')]));

type Call = (...args: unknown[]) => Promise<unknown>;
type Calls = Record<string, Call>;

/** Makes one call of a method fail; `undo` puts it back. */
function failAt(object: Calls, method: string, fatal: number): { calls: () => number; undo: () => void } {
  const sound = object[method]!;
  let calls = 0;
  object[method] = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    calls += 1;
    if (calls === fatal) return Promise.reject(Object.assign(new Error(`EIO: ${method}`), { code: 'EIO' }));
    return sound.apply(this, args);
  };
  syncBuiltinESMExports();
  return {
    calls: () => calls,
    undo: () => {
      object[method] = sound;
      syncBuiltinESMExports();
    },
  };
}

describe('restoreRollout', () => {
  const folder = useTempFolder();
  let path: string;
  beforeEach(() => {
    path = join(folder(), NAME);
  });

  /** Every file of the folder with its content, compressed ones as they are. */
  function contents(): Record<string, string> {
    return Object.fromEntries(
      readdirSync(folder()).map((name) => [name, readFileSync(join(folder(), name)).toString('base64')]),
    );
  }

  const onlyPlain = (content: Buffer): Record<string, string> => ({ [NAME]: content.toString('base64') });

  async function refusal(): Promise<string> {
    return restoreRollout(path).then(
      () => expect.fail('restored'),
      (error: unknown) => (error as DaemonError).code,
    );
  }

  it('puts a plain file in the place of the compressed one, private, changed when that one was', async () => {
    writeFileSync(path, CONTENT);
    for (const changedAt of [1_795_000_000, 1_795_000_000.001, 1_795_123_456.789_123]) {
      utimesSync(path, changedAt, changedAt);
      chmodSync(compressFile(path), 0o644);
      const before = statSync(compressedPathOf(path)).mtimeMs;
      await restoreRollout(path);
      expect(contents()).to.deep.equal(onlyPlain(CONTENT));
      const { mode, mtimeMs } = statSync(path);
      expect(mode & 0o777).to.equal(0o600);
      expect(Math.floor(mtimeMs)).to.equal(Math.floor(before));
      expect(mtimeMs).to.be.closeTo(before, 0.002);
    }
  });

  it('restores every byte, whatever they are and however they are framed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 2000 }),
        async (parts, times) => {
          const frames = parts.map((part) => Buffer.concat(Array.from({ length: times }, () => part)));
          writeFileSync(compressedPathOf(path), compressParts(frames));
          await restoreRollout(path);
          expect(readFileSync(path).equals(Buffer.concat(frames))).to.equal(true);
          expect(readdirSync(folder())).to.deep.equal([NAME]);
          rmSync(path);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('leaves a plain rollout alone, and says when there is none', async () => {
    expect(await refusal()).to.equal('rollout_not_found');
    writeFileSync(path, CONTENT);
    utimesSync(path, 1000, 1000);
    await restoreRollout(path);
    expect(contents()).to.deep.equal(onlyPlain(CONTENT));
    expect(statSync(path).mtimeMs).to.equal(1_000_000);
  });

  it('changes nothing when the content is damaged', async () => {
    const whole = compressParts([CONTENT, CONTENT]);
    const damaged = [
      Buffer.alloc(0),
      CONTENT,
      Buffer.concat([whole, Buffer.from('x')]),
      ...Array.from({ length: 40 }, (_, n) => whole.subarray(0, 1 + Math.floor((n / 40) * (whole.length - 1)))),
    ].filter((bytes) => bytes.length !== whole.length / 2);
    for (const bytes of damaged) {
      writeFileSync(compressedPathOf(path), bytes);
      const before = contents();
      expect(await refusal()).to.equal('rollout_unreadable');
      expect(contents()).to.deep.equal(before);
    }
  });

  it('does not follow a link, nor take what is no file', async () => {
    const elsewhere = join(folder(), 'elsewhere.zst');
    writeFileSync(elsewhere, compress(CONTENT));
    symlinkSync(elsewhere, compressedPathOf(path));
    expect(await refusal()).to.equal('rollout_unreadable');
    rmSync(compressedPathOf(path));
    mkdirSync(compressedPathOf(path));
    expect(await refusal()).to.equal('rollout_unreadable');
    expect(readdirSync(folder()).sort()).to.deep.equal(['elsewhere.zst', basename(compressedPathOf(path))]);
  });

  it('finishes what a call that died had begun', async () => {
    const compressed = compress(CONTENT);
    const grown = Buffer.concat([CONTENT, Buffer.from('{"appended":"since"}\n')]);
    const states: [Record<string, Buffer>, Buffer][] = [
      [{ [`${NAME}.restore-1.tmp`]: CONTENT.subarray(0, 10), [`${NAME}.zst`]: compressed }, CONTENT],
      [
        { [`${NAME}.restore-1.tmp`]: CONTENT, [`${NAME}.restore-2.tmp`]: CONTENT, [`${NAME}.zst`]: compressed },
        CONTENT,
      ],
      [{ [`${NAME}.restore-1.tmp`]: CONTENT, [NAME]: CONTENT, [`${NAME}.zst`]: compressed }, CONTENT],
      [{ [NAME]: CONTENT, [`${NAME}.zst`]: compressed }, CONTENT],
      [{ [NAME]: grown, [`${NAME}.zst`]: compressed }, grown],
      [{ [NAME]: CONTENT }, CONTENT],
    ];
    for (const [state, expected] of states) {
      for (const [name, bytes] of Object.entries(state)) writeFileSync(join(folder(), name), bytes);
      await restoreRollout(path);
      expect(contents()).to.deep.equal(onlyPlain(expected));
    }
  });

  it('keeps both files where the plain one does not begin with what the compressed one holds', async () => {
    const other = Buffer.from(CONTENT);
    other[other.length - 5]! ^= 1;
    for (const [plain, compressed] of [
      [Buffer.alloc(0), compress(CONTENT)],
      [CONTENT.subarray(0, -1), compress(CONTENT)],
      [other, compress(CONTENT)],
      [CONTENT, compress(CONTENT).subarray(0, -4)],
    ] as const) {
      writeFileSync(path, plain);
      writeFileSync(compressedPathOf(path), compressed);
      const before = contents();
      await restoreRollout(path);
      expect(contents()).to.deep.equal(before);
    }
  });

  it('leaves the whole content where readers find it whichever step fails, and succeeds the next time', async () => {
    const handle = await fs.open(folder());
    const handles = Object.getPrototypeOf(handle) as Calls;
    await handle.close();
    const files = fs as unknown as Calls;
    const outcomes = new Set<string>();
    for (const [object, method] of [
      ...['open', 'readdir', 'lstat', 'link', 'rm', 'unlink'].map((name) => [files, name] as const),
      ...['stat', 'read', 'appendFile', 'utimes', 'sync'].map((name) => [handles, name] as const),
    ]) {
      for (let fatal = 1, isReached = true; isReached; fatal += 1) {
        rmSync(path, { force: true });
        writeFileSync(compressedPathOf(path), compress(CONTENT));
        const { calls, undo } = failAt(object, method, fatal);
        const outcome = await restoreRollout(path).then(
          () => 'restored',
          (error: unknown) => (error as DaemonError).code,
        );
        undo();
        isReached = calls() >= fatal;
        if (isReached) outcomes.add(`${method}: ${outcome}`);
        expect(await readWhole(), `${method} ${fatal}`).to.equal(CONTENT.toString());
        await restoreRollout(path);
        expect(contents(), `${method} ${fatal}`).to.deep.equal(onlyPlain(CONTENT));
      }
    }
    expect([...outcomes]).to.deep.equal([
      'open: rollout_unreadable',
      'open: rollout_write_failed',
      'readdir: restored',
      'lstat: rollout_unreadable',
      'link: rollout_write_failed',
      'rm: rollout_write_failed',
      'rm: restored',
      'unlink: rollout_write_failed',
      'stat: rollout_unreadable',
      'read: rollout_unreadable',
      'appendFile: rollout_write_failed',
      'utimes: rollout_write_failed',
      'sync: rollout_write_failed',
    ]);
  });

  it('takes the next best way where the file system knows no links', async () => {
    const { link } = fs;
    try {
      fs.link = () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' }));
      syncBuiltinESMExports();
      writeFileSync(compressedPathOf(path), compress(CONTENT));
      await restoreRollout(path);
    } finally {
      fs.link = link;
      syncBuiltinESMExports();
    }
    expect(contents()).to.deep.equal(onlyPlain(CONTENT));
  });

  it('changes nothing when the disk is full', async function () {
    const mounted = join(folder(), 'full');
    mkdirSync(mounted);
    const tmpfs = mountTmpfs(this, mounted, 512 * 1024);
    try {
      const full = join(mounted, NAME);
      const large = Buffer.alloc(2 * 1024 * 1024, CONTENT);
      writeFileSync(compressedPathOf(full), compress(large));
      const error = await restoreRollout(full).catch((caught: unknown) => (caught as DaemonError).toData());
      expect(error).to.deep.include({ code: 'rollout_write_failed', data: { errno: 'ENOSPC', path: full } });
      expect(readdirSync(mounted)).to.deep.equal([`${NAME}.zst`]);
      tmpfs.resize(4 * 1024 * 1024);
      await restoreRollout(full);
      expect(readFileSync(full).equals(large)).to.equal(true);
      expect(existsSync(compressedPathOf(full))).to.equal(false);
    } finally {
      tmpfs.unmount();
    }
  });

  async function readWhole(): Promise<string> {
    const source = await openStored(path);
    try {
      const target = Buffer.alloc(CONTENT.length + 1);
      return target.toString('utf8', 0, await source.read(target, target.length, 0));
    } finally {
      await source.close();
    }
  }
});
