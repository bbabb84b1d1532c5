import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { IndexClient } from '../../src/index/index-client.js';
import type { ListParams } from '../../src/index/index-messages.js';
import { compressedPathOf } from '../../src/rollout/file-name.js';
import type { RolloutLine, SessionMetaPayload } from '../../src/rollout/line.js';
import { compressFile } from '../support/compressed-rollout.js';
import { WHOLE_LIST } from '../support/lister.js';
import { fixturePath, ROLLOUT_FIXTURES } from '../support/rollout-fixtures.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import { metaLine, rolloutText, turnContextLine, turnLines } from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';

const ALL: ListParams = { ...WHOLE_LIST, sortKey: 'updated_at' };

describe('a home of compressed rollouts', () => {
  const home = useTempFolder();
  let client: IndexClient;
  let paths: string[];

  beforeEach(() => {
    client = new IndexClient({ home: home() });
    paths = [];
  });
  afterEach(() => client.close());

  function add(number: number, content: Buffer | string): string {
    const path = writeRollout(home(), { number });
    const { mtimeMs } = statSync(path);
    writeFileSync(path, content);
    utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
    paths.push(path);
    return path;
  }

  /** Everything that may be asked of one rollout. */
  async function ask(path: string): Promise<unknown> {
    const { summary, sources } = await client.describe(path);
    const page = { threadId: summary.id, path, cursor: null, limit: 3, sortDirection: 'desc' } as const;
    return {
      summary,
      sources,
      read: await client.read({ path, includeTurns: true }),
      find: await client.find(summary.id),
      turns: await client.turnsPage({ ...page, itemsView: 'full' }),
      items: await client.itemsPage({ ...page, turnId: null }),
      tails: await client.tailCursors(page),
      cut: await client.cut({ path, at: { type: 'end' } }),
      dependents: await client.dependents(summary.id),
    };
  }

  async function askAll(): Promise<unknown> {
    return { list: await client.list(ALL), each: await Promise.all(paths.map(ask)) };
  }

  /** A paginated rollout of so many lines, numbered from `first` on. */
  function numbered(id: string, meta: Partial<SessionMetaPayload>, first: number, count: number): string {
    const lines: RolloutLine[] = [metaLine(id, meta)];
    for (let turn = 0; lines.length < count; turn += 1) {
      lines.push(...turnLines(`turn-${first}-${turn}`, `question ${first} ${turn}`, 'answer'));
    }
    // Ordinals stand behind the timestamp.
    const withOrdinal = ({ timestamp, ...line }: RolloutLine, at: number): object => ({
      timestamp,
      ordinal: first + at,
      ...line,
    });
    return rolloutText(lines.slice(0, count).map(withOrdinal) as RolloutLine[]);
  }

  it('is answered for as if they were plain', async () => {
    ROLLOUT_FIXTURES.forEach((name, index) => add(index + 1, readFileSync(fixturePath(name))));
    // The last settings stand far behind the first words.
    const filler = Array.from({ length: 300 }, (_, index) => turnLines(`turn-${index}`, 'x'.repeat(3000), `${index}`));
    const last = turnContextLine({ turn_id: 'last', model: 'last-model', cwd: '/home/user/last' });
    add(20, rolloutText([metaLine(idOf(20)), ...filler.flat(), last]));
    const source = numbered(idOf(30), {}, 0, 22);
    add(30, source);
    const base = {
      thread_id: idOf(30),
      end_ordinal_exclusive: 15,
      end_byte_offset: source.split('\n').slice(0, 15).join('\n').length + 1,
    };
    add(31, numbered(idOf(31), { forked_from_id: idOf(30), history_base: base }, 15, 8));
    const plain = await askAll();
    for (const path of paths) compressFile(path);
    // Another thread, which remembers nothing of the plain files.
    await client.close();
    client = new IndexClient({ home: home() });
    expect(await askAll()).to.deep.equal(plain);
  });

  it('shows a damaged one up to its damage, and all others whole', async () => {
    const [sound, damaged] = [1, 2].map((number) => writeRollout(home(), { number }));
    compressFile(sound!);
    const lines = [metaLine(idOf(2)), ...turnLines('one', 'kept', 'kept'), ...turnLines('two', 'kept too', 'x')];
    writeFileSync(damaged!, rolloutText(lines));
    const file = compressFile(damaged!);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('no frame')]));
    const { data } = await client.list({ ...ALL, sortKey: 'created_at', sortDirection: 'asc' });
    expect(data.map(({ path, preview }) => [path, preview])).to.deep.equal([
      [sound, 'question 1'],
      [damaged, 'kept'],
    ]);
    const { turnsJson } = await client.read({ path: damaged!, includeTurns: true });
    expect(JSON.parse(turnsJson!)).to.have.length(2);
    const refused = await client.restore(damaged!).catch((error: unknown) => error);
    expect(refused).to.include({
      code: 'rollout_unreadable',
      message: `failed to read rollout at ${file}: something that is not zstd`,
    });
    expect(statSync(file).isFile()).to.equal(true);
  });

  it('tells which files are compressed, and restores one by either of its paths', async () => {
    const [one, two] = [1, 2].map((number) => writeRollout(home(), { number }));
    const before = await client.list(ALL);
    const content = readFileSync(one!);
    compressFile(one!);
    compressFile(two!);
    const file = { path: one, segmentId: idOf(1), archived: false, compressed: true };
    expect(await client.files(idOf(1))).to.deep.equal([file]);
    await client.restore(one!);
    await client.restore(compressedPathOf(two!));
    expect(await client.files(idOf(1))).to.deep.equal([{ ...file, compressed: false }]);
    expect(readFileSync(one!).equals(content)).to.equal(true);
    expect(await client.list(ALL)).to.deep.equal(before);
    expect(readdirSync(join(one!, '..')).filter((name) => !name.endsWith('.jsonl'))).to.deep.equal([]);
    const outside = await client.restore('/etc/passwd').catch((error: unknown) => error);
    expect(outside).to.include({ code: 'rollout_path_not_allowed' });
  });

  it('counts a rollout once that lies there in both forms, as the plain file has it', async () => {
    const path = writeRollout(home(), { number: 1, question: 'compressed' });
    compressFile(path);
    writeRollout(home(), { number: 1, question: 'plain' });
    const { data } = await client.list(ALL);
    expect(data.map(({ path: listed, preview }) => [listed, preview])).to.deep.equal([[path, 'plain']]);
    expect(await client.files(idOf(1))).to.deep.equal([
      { path, segmentId: idOf(1), archived: false, compressed: false },
    ]);
  });
});
