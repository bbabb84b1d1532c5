import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { FileMetas } from '../../src/index/file-metas.js';
import { ConversationFinder } from '../../src/index/find-conversation.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import { metaLine, rolloutText, turnLines } from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('ConversationFinder', () => {
  const home = useTempFolder();
  let finder: ConversationFinder;

  beforeEach(() => {
    finder = new ConversationFinder(home(), new FileMetas());
  });

  function archive(path: string): string {
    const archived = join(home(), 'archived_sessions', basename(path));
    mkdirSync(dirname(archived), { recursive: true });
    renameSync(path, archived);
    return archived;
  }

  describe('files', () => {
    it('gives every file of a conversation, oldest first, the current one last', async () => {
      const first = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', 'r') });
      const third = writeSegment(home(), { number: 3, of: 1, base: baseAt(first), lines: [] });
      const second = writeSegment(home(), { number: 2, of: 1, base: baseAt(first, 1), lines: [] });
      writeSegment(home(), { number: 4, base: baseAt(first), lines: [] });
      const file = { archived: false, compressed: false };
      expect(await finder.files(idOf(1))).to.deep.equal([
        { ...file, path: first, segmentId: idOf(1) },
        { ...file, path: second, segmentId: idOf(2) },
        { ...file, path: third, segmentId: idOf(3) },
      ]);
      expect(await finder.find(idOf(1))).to.equal(third);
    });

    it('puts archived files before others, whatever their age: the last one is the one that find gives', async () => {
      const first = writeSegment(home(), { number: 1, lines: [] });
      const second = archive(writeSegment(home(), { number: 2, of: 1, base: baseAt(first), lines: [] }));
      expect((await finder.files(idOf(1))).map(({ path, archived }) => [path, archived])).to.deep.equal([
        [second, true],
        [first, false],
      ]);
      expect(await finder.find(idOf(1))).to.equal(first);
    });

    it('goes by the ids in files where no name fits', async () => {
      const path = writeRollout(home(), { number: 1, meta: { id: idOf(7) } });
      expect([await finder.files(idOf(7)), await finder.files(idOf(8))]).to.deep.equal([
        [{ path, segmentId: idOf(7), archived: false, compressed: false }],
        [],
      ]);
    });

    it('leaves out a file that is named after a conversation but holds another', async () => {
      writeRollout(home(), { number: 1, meta: { id: idOf(7) } });
      expect(await finder.files(idOf(1))).to.deep.equal([]);
    });

    it('keeps a named file that holds nothing yet', async () => {
      const path = writeRollout(home(), { number: 1 });
      writeFileSync(path, '');
      expect((await finder.files(idOf(1))).map((file) => file.path)).to.deep.equal([path]);
    });
  });

  describe('locator', () => {
    it('finds a segment by the id in its name, and a first file by the id of its conversation', async () => {
      const first = writeSegment(home(), { number: 1, lines: [] });
      const segment = writeSegment(home(), { number: 2, of: 1, base: baseAt(first), lines: [] });
      const locate = finder.locator();
      expect([await locate(idOf(1)), await locate(idOf(2)), await locate(idOf(3))]).to.deep.equal([
        first,
        segment,
        null,
      ]);
    });

    it('finds archived files, but those that are not come first', async () => {
      const first = archive(writeSegment(home(), { number: 1, lines: [] }));
      expect(await finder.locator()(idOf(1))).to.equal(first);
      const copy = first.replace('archived_sessions', 'sessions');
      mkdirSync(dirname(copy), { recursive: true });
      writeFileSync(copy, readFileSync(first));
      const another = new ConversationFinder(home(), new FileMetas());
      expect(await another.locator()(idOf(1))).to.equal(copy);
    });

    it('looks again for a file that has moved', async () => {
      const first = writeSegment(home(), { number: 1, lines: [] });
      expect(await finder.locator()(idOf(1))).to.equal(first);
      const archived = archive(first);
      expect(await finder.locator()(idOf(1))).to.equal(archived);
      rmSync(archived);
      expect(await finder.locator()(idOf(1))).to.equal(null);
    });

    it('goes by the id in a file without a segment where no name fits', async () => {
      const path = writeRollout(home(), { number: 1, meta: { id: idOf(7) } });
      writeSegment(home(), { number: 2, of: 3, meta: { id: idOf(8) }, lines: [] });
      expect([await finder.locator()(idOf(7)), await finder.locator()(idOf(8))]).to.deep.equal([path, null]);
    });

    it('opens each file once, however many segments are nowhere', async () => {
      writeRollout(home(), { number: 1 });
      writeRollout(home(), { number: 2 });
      let count = 0;
      class CountingMetas extends FileMetas {
        override read(path: string): ReturnType<FileMetas['read']> {
          count += 1;
          return super.read(path);
        }
      }
      const locate = new ConversationFinder(home(), new CountingMetas()).locator();
      expect(await Promise.all([7, 8, 9].map((number) => locate(idOf(number))))).to.deep.equal([null, null, null]);
      expect(count).to.equal(2);
    });

    it('sees what was in the home when it was first asked', async () => {
      const locate = finder.locator();
      expect(await locate(idOf(1))).to.equal(null);
      const path = writeRollout(home(), { number: 1 });
      expect([await locate(idOf(1)), await finder.locator()(idOf(1))]).to.deep.equal([null, path]);
    });
  });

  it('forgets the id in a file that is gone', async () => {
    const path = writeRollout(home(), { number: 1, meta: { id: idOf(7) } });
    expect(await finder.find(idOf(7))).to.equal(path);
    rmSync(path);
    expect(await finder.find(idOf(7))).to.equal(null);
    writeRollout(home(), { number: 1, meta: { id: idOf(8) } });
    expect([await finder.find(idOf(7)), await finder.find(idOf(8))]).to.deep.equal([null, path]);
  });

  it('reads a file without an id once', async () => {
    const path = writeRollout(home(), { number: 1 });
    const text = readFileSync(path);
    const { atime, mtime } = statSync(path);
    writeFileSync(path, 'x'.repeat(text.length - 1));
    appendFileSync(path, '\n');
    utimesSync(path, atime, mtime);
    const metas = new FileMetas();
    expect(await metas.look(path)).to.equal(null);
    writeFileSync(path, text);
    utimesSync(path, atime, mtime);
    expect([await metas.look(path), await new FileMetas().look(path)]).to.deep.equal([
      null,
      { id: idOf(1), baseSegmentId: null },
    ]);
  });

  it('reads the id of a file again when the file has changed', async () => {
    const path = writeRollout(home(), { number: 1 });
    writeFileSync(path, 'garbage\n');
    expect(await finder.files(idOf(9))).to.deep.equal([]);
    appendFileSync(path, rolloutText([metaLine(idOf(9))]));
    expect((await finder.files(idOf(9))).map((file) => file.path)).to.deep.equal([path]);
  });
});
