import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { JournalKeeper } from '../../src/agent/journal-keeper.js';
import { loadHistory } from '../../src/agent/load-history.js';
import { Recorder } from '../../src/agent/recorder.js';
import { recoveredHistory, writeRecovery } from '../../src/agent/recovery.js';
import type { RolloutSink } from '../../src/agent/rollout-sink.js';
import { abortedMarkerItem } from '../../src/agent/turn-lines.js';
import { SentMessages } from '../../src/agent/sent-messages.js';
import { journalRecord } from '../../src/rollout/journal.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import {
  agentItemLine,
  assistantLine,
  eventLine,
  metaLine,
  responseLine,
  rolloutText,
  startedLine,
  turnContextLine,
  turnLines,
  userItemLine,
  userLine,
} from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';

const ID = '01a206f9-78a2-7762-a467-522c6561eb91';

describe('loadHistory', () => {
  const folder = useTempFolder();
  const rollout = (): string => join(folder(), 'rollout.jsonl');
  const journal = (): string => join(folder(), 'journal.jsonl');

  function resume(text: string) {
    writeFileSync(rollout(), text);
    return loadHistory({ type: 'resumed', conversationId: ID, rolloutPath: rollout(), sources: [] }, journal(), ID);
  }

  /** Lines of a turn up to the user's words. */
  const begun = (turnId: string, text: string): RolloutLine[] => [
    startedLine(turnId),
    turnContextLine({ turn_id: turnId }),
    userLine(text),
    userItemLine(turnId, `${turnId}-user`, text),
  ];

  const textsOf = (items: readonly { type: string }[]): string[] =>
    items.map((item) => {
      const { content, output } = item as { content?: { text: string }[]; output?: string };
      return content === undefined ? `${item.type} ${output ?? ''}`.trim() : content.map(({ text }) => text).join('');
    });

  function writeJournal(size: number, turnId: string, text: string): void {
    const item = { type: 'agentMessage' as const, id: 'm', startedAtMs: 5, phase: null };
    writeFileSync(journal(), journalRecord({ rolloutSize: size, turnId, item, field: 'text', index: 0, at: 0, text }));
  }

  it('begins with nothing for a new conversation', async () => {
    expect(await loadHistory({ type: 'new', mode: 'paginated' }, null, ID)).to.deep.equal({
      items: [],
      mode: 'paginated',
      nextOrdinal: 0,
      size: 0,
      tornTail: false,
      preview: '',
      baseInstructions: null,
      usage: null,
      recovery: null,
      inherited: [],
      sent: new SentMessages(),
      endsInCopy: false,
      warnings: [],
    });
  });

  it('brings back what the model saw, and where to go on', async () => {
    const lines = [
      metaLine(ID, { base_instructions: { text: 'be brief' } }),
      ...turnLines('t1', 'one', 'first'),
      ...turnLines('t2', 'two', 'second'),
    ];
    const text = rolloutText(lines);
    const { items, recovery, warnings, ...rest } = await resume(text);
    expect(textsOf(items)).to.deep.equal(['one', 'first', 'two', 'second']);
    expect([recovery, warnings]).to.deep.equal([null, []]);
    expect(rest).to.deep.equal({
      mode: 'paginated',
      nextOrdinal: lines.length,
      size: Buffer.byteLength(text),
      tornTail: false,
      preview: 'one',
      baseInstructions: 'be brief',
      usage: null,
      inherited: [],
      sent: new SentMessages(),
      endsInCopy: false,
    });
  });

  it('goes on counting tokens where the file stopped', async () => {
    const core = (input: number) => ({
      input_tokens: input,
      cached_input_tokens: 0,
      output_tokens: 1,
      reasoning_output_tokens: 0,
      total_tokens: input + 1,
    });
    const count = eventLine({
      type: 'token_count',
      info: { total_token_usage: core(30), last_token_usage: core(10) },
    } as never);
    const { usage } = await resume(rolloutText([metaLine(ID), ...turnLines('t1', 'one', 'first'), count]));
    expect([usage?.total.totalTokens, usage?.last.totalTokens]).to.deep.equal([31, 11]);
  });

  it('writes on in the manner of an old file, which says nothing of it', async () => {
    const { history_mode: _, ...payload } = metaLine(ID).payload as { history_mode?: string };
    const meta = { ...metaLine(ID), payload } as RolloutLine;
    expect((await resume(rolloutText([meta, ...turnLines('t1', 'one', 'first')]))).mode).to.equal('legacy');
  });

  it('tells of damaged lines and of a torn tail, and reads the rest', async () => {
    const lines = [metaLine(ID), ...turnLines('t1', 'one', 'first')];
    const text = `${rolloutText(lines).replace('\n', '\n{"not json\n')}{"timestamp":"torn`;
    const loaded = await resume(text);
    expect([textsOf(loaded.items), loaded.tornTail, loaded.size]).to.deep.equal([
      ['one', 'first'],
      true,
      Buffer.byteLength(text),
    ]);
    expect(loaded.warnings.join()).to.match(/^\d damaged line\(s\)/);
  });

  it('gives the model what was said, where the file holds nothing for it', async () => {
    const legacy = [
      metaLine(ID, { history_mode: 'legacy' }),
      eventLine({ type: 'user_message', message: 'one' }),
      eventLine({ type: 'agent_message', message: 'first' }),
    ];
    const paginated = [
      metaLine(ID),
      startedLine('t1'),
      userItemLine('t1', 'u', 'one'),
      agentItemLine('t1', 'a', 'first'),
    ];
    for (const lines of [legacy, paginated]) {
      const text = rolloutText(lines);
      const { items, size } = await resume(text);
      expect([textsOf(items), size]).to.deep.equal([['one', 'first'], Buffer.byteLength(text)]);
      const goneOn = [...lines, ...turnLines('t2', 'two', 'second')];
      expect(textsOf((await resume(rolloutText(goneOn))).items)).to.deep.equal(['one', 'first', 'two', 'second']);
    }
  });

  it('leaves out words that no line shows, also where their turn was closed since', async () => {
    const words = (text: string): RolloutLine => {
      const notes = { content_item_kinds: ['user.text'] };
      const content = [{ type: 'input_text', text }];
      return responseLine({
        type: 'message',
        role: 'user',
        content,
        internal_chat_message_metadata_passthrough: notes,
      });
    };
    const marker = responseLine(abortedMarkerItem('t2'));
    const shown = [startedLine('t1'), words('one'), userItemLine('t1', 'u1', 'one')];
    const torn = [startedLine('t2'), words('two')];
    const closed = [...torn, marker, eventLine({ type: 'turn_aborted', turn_id: 't2' })];
    const answered = [startedLine('t3'), words('three'), assistantLine('what the model knows')];
    const seen = async (lines: RolloutLine[]): Promise<string[]> =>
      textsOf((await resume(rolloutText([metaLine(ID), ...shown, ...lines]))).items).map((text) => text.slice(0, 13));
    expect([await seen(torn), await seen(closed), await seen(answered)]).to.deep.equal([
      ['one'],
      ['one', '<turn_aborted'],
      ['one', 'three', 'what the mode'],
    ]);
  });

  it('refuses a file that is no conversation', async () => {
    const error = await resume('{"type":"event_msg"}\n').then(
      () => null,
      (failure: { code: string }) => failure.code,
    );
    expect(error).to.equal('rollout_unreadable');
  });

  it('gives a fork the lines of its source, but neither its metadata nor its unfinished turn to close', async () => {
    const lines = [metaLine('source'), ...turnLines('t1', 'one', 'first'), ...begun('t2', 'two')];
    const history = { type: 'forked' as const, forkedFromId: 'source', items: lines };
    const loaded = await loadHistory(history, null, ID);
    expect([textsOf(loaded.items), loaded.inherited, loaded.recovery, loaded.preview]).to.deep.equal([
      ['one', 'first', 'two'],
      lines.slice(1),
      null,
      'one',
    ]);
  });

  describe('of a conversation that broke off', () => {
    const call = responseLine({ type: 'function_call', name: 'f', arguments: '{}', call_id: 'c1' });

    it('answers a call that has no output, for the model at once', async () => {
      const { items, recovery } = await resume(rolloutText([metaLine(ID), ...begun('t1', 'one'), call]));
      expect(textsOf(items)).to.deep.equal(['one', 'function_call', 'function_call_output aborted']);
      expect([recovery?.turnId, recovery?.startedAt, textsOf(recovery!.danglingOutputs)]).to.deep.equal([
        't1',
        100,
        ['function_call_output aborted'],
      ]);
    });

    it('gives the model once what was said, where the file holds nothing for it', async () => {
      const lines = [
        metaLine(ID),
        startedLine('t1'),
        userItemLine('t1', 'u', 'one'),
        agentItemLine('t1', 'a', 'first'),
      ];
      const { items, recovery } = await resume(rolloutText(lines));
      expect(textsOf(items)).to.deep.equal(['one', 'first']);
      const closing = recoveredHistory(recovery!);
      expect(closing).to.have.length(1);
      const closed = [...lines, responseLine(closing[0]!), eventLine({ type: 'turn_aborted', turn_id: 't1' })];
      expect(textsOf((await resume(rolloutText(closed))).items)).to.deep.equal(['one', 'first', ...textsOf(closing)]);
    });

    it('takes the text that only the journal holds', async () => {
      const text = rolloutText([metaLine(ID), ...begun('t1', 'one')]);
      writeJournal(Buffer.byteLength(text), 't1', 'so far');
      const { recovery, warnings } = await resume(text);
      expect(warnings).to.deep.equal([]);
      expect(recovery!.partialItems).to.deep.equal([
        { turnId: 't1', type: 'agentMessage', id: 'm', startedAtMs: 5, phase: null, text: 'so far' },
      ]);
      expect(textsOf(recoveredHistory(recovery!))[0]).to.equal('so far');
    });

    it('takes it also when the last line was torn', async () => {
      const text = rolloutText([metaLine(ID), ...begun('t1', 'one')]);
      writeJournal(Buffer.byteLength(text), 't1', 'so far');
      const { recovery, tornTail } = await resume(`${text}{"timestamp":"torn`);
      expect([tornTail, recovery!.partialItems.length]).to.deep.equal([true, 1]);
    });

    it('leaves a journal alone that another turn wrote', async () => {
      const text = rolloutText([metaLine(ID), ...begun('t1', 'one')]);
      writeJournal(Buffer.byteLength(text), 't0', 'old');
      const { recovery, warnings } = await resume(text);
      expect([recovery!.partialItems, warnings, existsSync(journal())]).to.deep.equal([[], [], true]);
    });

    it('sets a journal aside that does not fit the rollout, and says so', async () => {
      writeJournal(7, 't1', 'of something else');
      const { recovery, warnings } = await resume(rolloutText([metaLine(ID), ...begun('t1', 'one')]));
      expect([recovery!.partialItems, existsSync(journal())]).to.deep.equal([[], false]);
      const [aside] = readdirSync(folder()).filter((name) => name.startsWith('journal'));
      expect(warnings.join()).to.contain('was set aside').and.contain(aside);
    });

    it('does not say again what the rollout holds already', async () => {
      const lines = [metaLine(ID), ...begun('t1', 'one'), agentItemLine('t1', 'm', 'whole'), assistantLine('whole')];
      const text = rolloutText(lines);
      writeJournal(Buffer.byteLength(text), 't1', 'wh');
      expect((await resume(text)).recovery!.partialItems).to.deep.equal([]);
    });

    it('closes the turn as a live session would have, once something else is to be written', async () => {
      const text = rolloutText([metaLine(ID), ...begun('t1', 'one'), call]);
      writeJournal(Buffer.byteLength(text), 't1', 'so far');
      const { recovery, mode, nextOrdinal } = await resume(text);
      const told: any[] = [];
      const sink = {
        append: (line: string) => told.push(JSON.parse(line)),
        writeJournal: (journalText: string | null) => told.push({ type: 'journal', payload: { type: journalText } }),
      } as unknown as RolloutSink;
      const items = recoveredHistory(recovery!);
      const state = {
        conversationId: ID,
        recorder: new Recorder(sink, mode, nextOrdinal),
        journal: new JournalKeeper(sink),
        settings: { cwd: '/' },
      };
      writeRecovery(recovery!, items, state, null);
      expect(
        told.map(({ type, payload }) => [type, payload.type, payload.item?.partial ?? payload.role ?? null]),
      ).to.deep.equal([
        ['event_msg', 'item_completed', null],
        ['response_item', 'function_call_output', null],
        ['event_msg', 'item_completed', true],
        ['response_item', 'message', 'assistant'],
        ['response_item', 'message', 'user'],
        ['event_msg', 'turn_aborted', null],
        ['journal', null, null],
      ]);
      expect(told[0].ordinal).to.equal(nextOrdinal);
    });
  });
});
