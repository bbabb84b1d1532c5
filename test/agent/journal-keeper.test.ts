import { expect } from 'chai';
import { startActiveTurn } from '../../src/agent/active-turn.js';
import type { ActiveTurn } from '../../src/agent/active-turn.js';
import { JournalKeeper } from '../../src/agent/journal-keeper.js';
import { openItem } from '../../src/agent/open-items.js';
import type { OpenMessage, OpenReasoning } from '../../src/agent/open-items.js';
import { RolloutSink } from '../../src/agent/rollout-sink.js';
import type { WriterRequest } from '../../src/rollout/writer-messages.js';
import { HandDrivenWriter } from './hand-driven-writer.js';

describe('JournalKeeper', () => {
  let writer: HandDrivenWriter;
  let sink: RolloutSink;
  let keeper: JournalKeeper;
  let turn: ActiveTurn;
  let message: OpenMessage;

  beforeEach(() => {
    writer = new HandDrivenWriter();
    const nothing = (): void => undefined;
    sink = new RolloutSink({
      port: writer.port,
      size: 100,
      tornTail: false,
      lagMs: 0,
      onAdvance: nothing,
      onFailed: nothing,
      onJournalFailed: nothing,
    });
    keeper = new JournalKeeper(sink);
    turn = startActiveTurn('turn', 1, null, 0);
    message = openItem({ id: 'm', kind: 'message', phase: null }, 'm', 'thread', 'turn', 5) as OpenMessage;
    turn.openItems.set('m', message);
    keeper.follow(turn);
  });
  afterEach(() => {
    keeper.clear();
    writer.close();
  });

  /** What the journal was told: whether it began afresh, and what each record says. */
  function journal(requests: readonly WriterRequest[]): unknown[] {
    return requests.flatMap((request): unknown[] => {
      if (request.type !== 'journal') return [];
      if (request.text === null) return ['dropped'];
      const records = request.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      return [
        [
          request.truncate,
          ...records.map(({ rolloutSize, item, field, index, at, text }) => [
            rolloutSize,
            item.id,
            `${field}${index}`,
            at,
            text,
          ]),
        ],
      ];
    });
  }

  it('gathers what streams within a moment, and then adds only what is new', async () => {
    message.text = 'one ';
    keeper.noteProgress();
    message.text += 'two ';
    keeper.noteProgress();
    await writer.first(1);
    message.text += 'three';
    keeper.noteProgress();
    expect(journal(await writer.first(2))).to.deep.equal([
      [true, [100, 'm', 'text0', 0, 'one two ']],
      [false, [100, 'm', 'text0', 8, 'three']],
    ]);
  });

  it('says once what a tool is, again when that has changed, and else only what it wrote; of other turns nothing', async () => {
    const change = { type: 'FileChange' as const, id: 'p', changes: {}, status: 'in_progress' };
    const tool = { id: 'p', turnId: 'turn', startedAtMs: 5, text: '', revision: 0, toToolItem: () => change };
    const tools = new JournalKeeper(sink, [new Set([tool, { ...tool, id: 'q', turnId: 'former' }])]);
    turn.openItems.clear();
    tools.follow(turn);
    const says = async (count: number): Promise<unknown> => {
      tools.noteProgress();
      const { text } = (await writer.first(count)).at(-1) as WriterRequest & { type: 'journal' };
      return text!
        .trimEnd()
        .split('\n')
        .map((line) => {
          const { item, at, text: said } = JSON.parse(line);
          return [item.id, item.core ?? null, at, said];
        });
    };
    expect(await says(1)).to.deep.equal([['p', change, 0, '']]);
    tool.text = 'one';
    expect(await says(2)).to.deep.equal([['p', null, 0, 'one']]);
    tool.text = 'one two';
    tool.revision = 1;
    expect(await says(3)).to.deep.equal([['p', change, 3, ' two']]);
    tools.clear();
  });

  it('begins afresh with the whole text of what runs when the rollout has grown', async () => {
    message.text = 'one ';
    keeper.noteProgress();
    await writer.first(1);
    sink.append('a line\n');
    message.text += 'two';
    keeper.noteProgress();
    expect(journal(await writer.first(3))).to.deep.equal([
      [true, [100, 'm', 'text0', 0, 'one ']],
      [true, [107, 'm', 'text0', 0, 'one two']],
    ]);
  });

  it('begins afresh with a new writer, which need not know of the old journal', async () => {
    message.text = 'one';
    keeper.noteProgress();
    await writer.first(1);
    keeper.startAfresh();
    expect(journal(await writer.first(2)).at(-1)).to.deep.equal([true, [100, 'm', 'text0', 0, 'one']]);
  });

  it('keeps every part of reasoning by itself', async () => {
    const reasoning = openItem({ id: 'r', kind: 'reasoning', phase: null }, 'r', 'thread', 'turn', 6) as OpenReasoning;
    turn.openItems.delete('m');
    turn.openItems.set('r', reasoning);
    reasoning.summary = ['first', 'second'];
    reasoning.content = ['raw'];
    keeper.noteProgress();
    expect(journal(await writer.first(1))).to.deep.equal([
      [true, [100, 'r', 'summary0', 0, 'first'], [100, 'r', 'summary1', 0, 'second'], [100, 'r', 'content0', 0, 'raw']],
    ]);
  });

  it('is dropped at the end of the turn if there is one, and writes nothing afterwards', async () => {
    keeper.clear();
    keeper.follow(turn);
    message.text = 'one';
    keeper.noteProgress();
    await writer.first(1);
    message.text = 'one two';
    keeper.noteProgress();
    keeper.clear();
    keeper.clear();
    sink.append('the next line\n');
    expect(journal(await writer.first(3))).to.deep.equal([[true, [100, 'm', 'text0', 0, 'one']], 'dropped']);
  });
});
