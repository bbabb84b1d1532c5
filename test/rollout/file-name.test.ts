import { expect } from 'chai';
import {
  compressedPathOf,
  movedPathOf,
  parseRolloutName,
  plainPathOf,
  rolloutPathFor,
  segmentIdOf,
} from '../../src/rollout/file-name.js';

const ID = '01a208b6-d22d-7b11-b9c2-d48e07ff0822';
const SEGMENT = '01a208b7-0000-7000-8000-000000000001';

describe('rolloutPathFor', () => {
  const zone = process.env['TZ'];

  afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it('names folder and file by local time, as Codex does', () => {
    process.env['TZ'] = 'America/New_York';
    const path = rolloutPathFor('/home/user/.codex', new Date('2026-11-24T03:02:08.849Z'), ID);
    expect(path).to.equal(`/home/user/.codex/sessions/2026/11/23/rollout-2026-11-23T22-02-08-${ID}.jsonl`);
  });

  it('makes names that parse to the same second', () => {
    process.env['TZ'] = 'Asia/Kolkata';
    const createdAt = new Date('2026-01-02T20:40:50.999Z');
    const name = rolloutPathFor('/h', createdAt, ID).split('/').at(-1)!;
    expect(parseRolloutName(name)).to.deep.equal({
      createdAt: new Date('2026-01-02T20:40:50.000Z'),
      id: ID,
      segmentId: null,
      compressed: false,
    });
  });
});

describe('parseRolloutName', () => {
  it('tells the segment of a reverted conversation', () => {
    expect(parseRolloutName(`rollout-2026-11-23T05-57-39-${ID}_${SEGMENT}.jsonl`)).to.deep.equal({
      createdAt: new Date(2026, 10, 23, 5, 57, 39),
      id: ID,
      segmentId: SEGMENT,
      compressed: false,
    });
  });

  it('tells a compressed file', () => {
    expect(parseRolloutName(`rollout-2026-11-23T05-57-39-${ID}_${SEGMENT}.jsonl.zst`)).to.deep.equal({
      createdAt: new Date(2026, 10, 23, 5, 57, 39),
      id: ID,
      segmentId: SEGMENT,
      compressed: true,
    });
  });

  for (const name of [
    `session-${ID}.jsonl`,
    `rollout-2026-11-23T05-57-39-${ID}.zst`,
    `rollout-2026-11-23T05-57-39-${ID}.jsonl.zst.zst`,
    `rollout-2026-11-23T05-57-39-${ID}.jsonl.restore-1.tmp`,
    `rollout-2026-11-23T05-57-39-${ID}.jsonl.tmp`,
    `rollout-2026-11-23T05-57-39-${ID.slice(1)}.jsonl`,
    `rollout-2026-02-30T05-57-39-${ID}.jsonl`,
    `rollout-2026-11-23T24-57-39-${ID}.jsonl`,
    `rollout-2026-11-23-${ID}.jsonl`,
    `rollout-2026-11-23T05-57-39-${ID}.jsonl\n`,
    '',
  ]) {
    it(`refuses ${JSON.stringify(name)}`, () => {
      expect(parseRolloutName(name)).to.equal(null);
    });
  }
});

describe('segmentIdOf', () => {
  it("is the segment's id, or the conversation's for its first file", () => {
    const idOf = (name: string): string => segmentIdOf(parseRolloutName(name)!);
    expect(idOf(`rollout-2026-11-23T05-57-39-${ID}_${SEGMENT}.jsonl`)).to.equal(SEGMENT);
    expect(idOf(`rollout-2026-11-23T05-57-39-${ID}.jsonl`)).to.equal(ID);
  });
});

describe('the path of a rollout', () => {
  it('is one, whether the file is compressed or not', () => {
    const path = `/home/user/rollout-2026-11-23T05-57-39-${ID}.jsonl`;
    expect(plainPathOf(compressedPathOf(path))).to.equal(path);
    expect(plainPathOf(path)).to.equal(path);
    expect(plainPathOf('/home/user/notes.zst')).to.equal('/home/user/notes.zst');
  });
});

describe('movedPathOf', () => {
  const name = `rollout-2026-11-23T05-57-39-${ID}_${SEGMENT}.jsonl`;

  it('leads into the archive and back to the folder of the day', () => {
    const active = `/srv/sessions/home/sessions/2026/11/23/${name}`;
    const archived = `/srv/sessions/home/archived_sessions/${name}`;
    expect(movedPathOf(active)).to.equal(archived);
    expect(movedPathOf(archived)).to.equal(active);
    expect(movedPathOf(`/home/sessions/${name}`)).to.equal(`/home/archived_sessions/${name}`);
  });

  it('leads nowhere from other places and for other files', () => {
    for (const path of [
      `/home/sessions/2026/11/23/more/${name}`,
      `/elsewhere/2026/11/23/${name}`,
      '/home/sessions/2026/11/23/notes.jsonl',
      '/home/session_index.jsonl',
    ]) {
      expect(movedPathOf(path), path).to.equal(null);
    }
  });
});
