import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import { readRolloutLines } from '../../src/rollout/read-rollout-lines.js';
import type { LineKind } from '../../src/rollout/line-kinds.js';
import { fixturePath, ROLLOUT_FIXTURES } from '../support/rollout-fixtures.js';
import { metaLine, rolloutText, turnLines, userLine } from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('readRollout', () => {
  const folder = useTempFolder();

  function write(text: string): string {
    const path = join(folder(), 'rollout.jsonl');
    writeFileSync(path, text);
    return path;
  }

  async function failure(path: string): Promise<{ code: string; message: string }> {
    const error = await readRollout(path).then(
      () => expect.fail('read'),
      (caught: unknown) => caught as DaemonError,
    );
    return { code: error.code, message: error.message };
  }

  it('tells who the conversation is and where to go on', async () => {
    const lines = [metaLine('the-id'), ...turnLines('turn', 'q', 'a')];
    const path = write(rolloutText(lines));
    const { meta, lines: read, ...rest } = await readRollout(path);
    expect(rest).to.deep.equal({
      path,
      id: 'the-id',
      historyMode: 'paginated',
      nextOrdinal: 8,
      size: Buffer.byteLength(rolloutText(lines)),
      completeSize: Buffer.byteLength(rolloutText(lines)),
      tornTail: false,
      setAside: { count: 0, lines: [] },
      stopped: false,
    });
    expect(meta).to.deep.equal(lines[0]!.payload);
    expect(rolloutText(read)).to.equal(rolloutText(lines));
  });

  it('goes on counting after the highest ordinal, in whatever order they come', async () => {
    const line = (ordinal: number): string => JSON.stringify({ ordinal, ...userLine('q') });
    const path = write([JSON.stringify(metaLine('id')), line(7), line(7), line(3), ''].join('\n'));
    expect((await readRollout(path)).nextOrdinal).to.equal(8);
  });

  it('counts the ordinals of lines that it does not know or cannot use', async () => {
    const future = '{"timestamp":"t","ordinal":41,"type":"from_the_future","payload":{}}';
    const malformed = '{"timestamp":"t","ordinal":42,"type":"event_msg","payload":7}';
    const { nextOrdinal, setAside } = await readRollout(
      write(`${rolloutText([metaLine('id')])}${future}\n${malformed}\n`),
    );
    expect([nextOrdinal, setAside.lines.map(({ reason }) => reason)]).to.deep.equal([43, ['malformed']]);
  });

  it('takes the first session_meta, garbage before it or not', async () => {
    const text = rolloutText([metaLine('fork', { forked_from_id: 'source' }), metaLine('source'), userLine('q')]);
    const { id, lines } = await readRollout(write(`garbage\n${text}`));
    expect([id, lines.length]).to.deep.equal(['fork', 3]);
  });

  it('reads up to a byte', async () => {
    const head = rolloutText([metaLine('id')]);
    const path = write(head + rolloutText(turnLines('turn', 'q', 'a')));
    const { lines, size } = await readRollout(path, { end: Buffer.byteLength(head) });
    expect([lines.length, size]).to.deep.equal([1, Buffer.byteLength(head)]);
  });

  it('reads a file of nothing but its metadata', async () => {
    const { lines, historyMode } = await readRollout(write(rolloutText([metaLine('id', { history_mode: 'legacy' })])));
    expect([lines.length, historyMode]).to.deep.equal([1, 'legacy']);
  });

  for (const [what, text] of [
    ['an empty file', ''],
    ['a file of garbage', 'garbage\n\0\0\0'],
    ['a file cut within its first line', rolloutText([metaLine('id')]).slice(0, -10)],
    ['a file without session metadata', rolloutText(turnLines('turn', 'q', 'a'))],
  ] as const) {
    it(`calls ${what} unreadable`, async () => {
      const path = write(text);
      expect(await failure(path)).to.deep.equal({
        code: 'rollout_unreadable',
        message: `rollout at ${path} holds no session metadata`,
      });
    });
  }

  it('says that a missing file does not exist', async () => {
    expect(await failure('/no/such/file')).to.deep.equal({
      code: 'rollout_not_found',
      message: 'failed to resolve rollout path `/no/such/file`: file does not exist',
    });
  });

  it('calls a folder unreadable', async () => {
    expect((await failure(folder())).code).to.equal('rollout_unreadable');
  });
});

describe('readRolloutLines', () => {
  for (const name of ROLLOUT_FIXTURES) {
    it(`passes over lines nobody wants as if it had read them: ${name}`, async () => {
      const wanted = new Set<LineKind>(['turn_context', 'event_msg/item_completed']);
      const isWanted = ({ type, payload }: RolloutLine): boolean =>
        type === 'turn_context' || (type === 'event_msg' && payload.type === 'item_completed');
      const all: [RolloutLine, number][] = [];
      const some: [RolloutLine, number][] = [];
      const whole = await readRolloutLines(fixturePath(name), (line, index) => void all.push([line, index]));
      const read = await readRolloutLines(fixturePath(name), (line, index) => void some.push([line, index]), {
        kinds: wanted,
        chunkBytes: 2000,
      });
      expect(some.filter(([line]) => isWanted(line))).to.deep.equal(all.filter(([line]) => isWanted(line)));
      expect(some.length).to.be.lessThan(all.length);
      expect(read).to.deep.equal(whole);
    });
  }
});
