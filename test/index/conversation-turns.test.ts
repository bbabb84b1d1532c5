import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { openHistory } from '../../src/index/conversation-history.js';
import { TurnReader } from '../../src/index/conversation-turns.js';
import type { ConversationTurns, ReadTurnsOptions } from '../../src/index/conversation-turns.js';
import { FileMetas } from '../../src/index/file-metas.js';
import { ConversationFinder } from '../../src/index/find-conversation.js';
import { callLine, commandItem, ended, outputLine } from '../support/legacy-lines.js';
import { compressFile } from '../support/compressed-rollout.js';
import { rolloutText, startedLine, turnLines } from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('TurnReader', () => {
  const home = useTempFolder();
  let reader: TurnReader;

  beforeEach(() => {
    reader = new TurnReader(home());
  });

  async function read(path: string, options: Partial<ReadTurnsOptions> = {}): Promise<ConversationTurns> {
    const locate = new ConversationFinder(home(), new FileMetas()).locator();
    return reader.read(await openHistory(home(), path, locate), { withItems: true, ...options });
  }

  const idsOf = ({ turns }: ConversationTurns): string[] => turns.map(({ id }) => id);
  const firstItemOf = ({ turns }: ConversationTurns): unknown => turns[0]!.items[0];

  it('reads nothing twice that has not changed, not even for those who ask at once', async () => {
    const source = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', 'r') });
    const fork = writeSegment(home(), { number: 2, base: baseAt(source), lines: turnLines('b', 'q', 'r') });
    const [first, second] = await Promise.all([read(fork), read(fork)]);
    const third = await read(fork);
    // The very same item: nobody has made it again.
    expect(firstItemOf(first)).to.equal(firstItemOf(second)).and.to.equal(firstItemOf(third));
  });

  it('keeps no compressed file whose content is likely to fill the memory', async () => {
    const noise = randomBytes(7 * 2 ** 20).toString('base64');
    const path = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', noise) });
    compressFile(path);
    const [first, second] = [await read(path), await read(path)].map(firstItemOf);
    expect(first === second).to.equal(false);
  });

  it('gives each caller what is live for it', async () => {
    const path = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', 'r').slice(0, -1) });
    const running = { type: 'plan', id: 'p', text: 'half', startedAtMs: 1, completedAtMs: null } as const;
    const live = await read(path, { liveTurnId: 'a', runningItems: [running] });
    const dead = await read(path);
    expect([live, dead].map(({ turns }) => [turns[0]!.status, turns[0]!.items.length])).to.deep.equal([
      ['inProgress', 3],
      ['interrupted', 2],
    ]);
  });

  it('shows a running call as its session knows it, one that is recorded as it is recorded', async () => {
    const lines = [
      startedLine('a'),
      callLine('exec_command', { cmd: 'one' }, 'one'),
      outputLine(ended('done', 0), 'one'),
      callLine('exec_command', { cmd: 'two' }, 'two'),
    ];
    const path = writeSegment(home(), { number: 1, meta: { history_mode: 'legacy' }, lines });
    const runningItems = ['one', 'two', 'three'].map((id) =>
      commandItem({ id, command: 'known', status: 'inProgress' }),
    );
    const { turns } = await read(path, { liveTurnId: 'a', runningItems });
    expect(
      turns[0]!.items.map((item) => item.type === 'commandExecution' && [item.command, item.status]),
    ).to.deep.equal([
      ['one', 'completed'],
      ['known', 'inProgress'],
      ['known', 'inProgress'],
    ]);
    expect((await read(path, { withItems: false })).turns).to.deep.equal(
      (await read(path)).turns.map((turn) => ({ ...turn, items: [] })),
    );
  });

  it('reads again what has grown, was asked for to another byte, or was edited', async () => {
    const source = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', 'r') });
    const fork = writeSegment(home(), { number: 2, base: baseAt(source), lines: turnLines('b', 'q', 'r') });
    const end = statSync(fork).size;
    expect(idsOf(await read(fork))).to.deep.equal(['a', 'b']);
    appendFileSync(fork, rolloutText(turnLines('c', 'q', 'r')));
    expect(idsOf(await read(fork))).to.deep.equal(['a', 'b', 'c']);
    expect(idsOf(await read(fork, { end }))).to.deep.equal(['a', 'b']);
    writeFileSync(source, readFileSync(source, 'utf8').replaceAll('"a"', '"z"'));
    utimesSync(source, 2_000_000_000, 2_000_000_000);
    expect(idsOf(await read(fork))).to.deep.equal(['z', 'b', 'c']);
  });

  it('tells turns apart without their items', async () => {
    const path = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', 'r') });
    expect((await read(path, { withItems: false })).turns[0]!.items).to.deep.equal([]);
    expect((await read(path)).turns[0]!.items).to.have.length(2);
  });

  it('forgets a reading that failed', async () => {
    const path = writeSegment(home(), { number: 1, lines: turnLines('a', 'q', 'r') });
    const history = await openHistory(home(), path, () => Promise.resolve(null));
    const source = { path: `${path}.gone`, end: 10 };
    const broken = { ...history, sources: [source] };
    const failed = await reader.read(broken, { withItems: true }).catch((error: unknown) => error);
    expect(failed).to.include({ code: 'rollout_not_found' });
    writeFileSync(source.path, '');
    expect(idsOf(await reader.read(broken, { withItems: true }))).to.deep.equal(['a']);
  });
});
