import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import fc from 'fast-check';
import { RecordedMessages } from '../../src/agent/recorded-messages.js';
import { digestInput } from '../../src/agent/input-digest.js';
import { SentMessages } from '../../src/agent/sent-messages.js';
import type { TurnState } from '../../src/agent/sent-messages.js';
import { itemLines } from '../../src/agent/turn-lines.js';
import { normalizeInput, toCoreInput } from '../../src/agent/user-input.js';
import type { DaemonError } from '../../src/errors.js';
import type { UserInput } from '../../src/protocol/thread.js';
import type { CoreUserInput, HistoryMode, RolloutLine } from '../../src/rollout/line.js';
import { parseLine } from '../../src/rollout/parse-line.js';
import { serializeLine } from '../../src/rollout/serialize-line.js';
import { completeLine, eventLine, metaLine, startedLine } from '../support/rollout-lines.js';

const ID = '01a206f9-78a2-7762-a467-522c6561eb91';
const OTHER = '01a206f9-78a2-7762-a467-522c6561eb92';

const text = (words: string): UserInput[] => [{ type: 'text', text: words }];
const core = (input: readonly UserInput[]): CoreUserInput[] => toCoreInput(normalizeInput(input));

/** The line of a message, as a session writes it and a reader gets it. */
function messageLine(mode: HistoryMode, turnId: string, clientId: string | null, input: UserInput[], id = ID) {
  const client = clientId === null ? {} : { client_id: clientId };
  const item = { type: 'UserMessage' as const, id: 'm', ...client, content: core(input) };
  const [line] = itemLines(mode, id, turnId, item, 1, 2);
  return { timestamp: '', ...line } as RolloutLine;
}

function aborted(turnId: string): RolloutLine {
  return eventLine({ type: 'turn_aborted', turn_id: turnId });
}

function meta(mode: HistoryMode, fields: object = {}, id = ID): RolloutLine {
  return metaLine(id, { history_mode: mode, ...fields });
}

/** What is known after these lines were written and read. */
function recorded(lines: readonly RolloutLine[]): SentMessages {
  const messages = new RecordedMessages(ID);
  let isFirst = true;
  for (const line of lines) {
    const read = parseLine(JSON.parse(serializeLine(line))) as RolloutLine;
    messages.take(read, isFirst);
    if (read.type === 'session_meta') isFirst = false;
  }
  return messages.finish();
}

/** Turn and state, null, or the code of a refusal. */
function lookUp(sent: SentMessages, clientId: string | null, input: UserInput[]): unknown {
  try {
    const found = sent.find(clientId, core(input));
    return found === null ? null : [found.turnId, found.status];
  } catch (error) {
    return (error as DaemonError).code;
  }
}

describe('the messages of a conversation that were sent', () => {
  const turnIds = Array.from(
    { length: 40 },
    (_, index) => `01a206f9-0000-7000-8000-${String(index).padStart(12, '0')}`,
  );

  for (const mode of ['paginated', 'legacy'] as const) {
    it(`are known with their turn after any sends, retries, ends and restarts (${mode})`, () => {
      const send = fc.record({ client: fc.integer({ min: 0, max: 12 }), words: fc.constantFrom('a', 'b', '\ud800') });
      const step = fc.oneof(
        { weight: 6, arbitrary: send },
        { weight: 2, arbitrary: fc.constantFrom<TurnState>('completed', 'failed', 'interrupted') },
        { weight: 1, arbitrary: fc.constant('restart' as const) },
      );
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const lines: RolloutLine[] = [meta(mode)];
          let sent = recorded(lines);
          const model = new Map<number, { words: string; turn: number }>();
          const states: TurnState[] = [];
          let open = false;
          for (const each of steps) {
            if (each === 'restart') {
              sent = recorded(lines);
              if (open) states[states.length - 1] = 'interrupted';
              open = false;
            } else if (typeof each === 'string') {
              if (!open) continue;
              open = false;
              states[states.length - 1] = each;
              const turnId = turnIds[states.length - 1]!;
              sent.endTurn(turnId, each);
              const failed = eventLine({ type: 'task_complete', turn_id: turnId, error: { message: 'no' } });
              lines.push({ completed: completeLine(turnId), failed, interrupted: aborted(turnId) }[each as 'failed']);
            } else {
              const { client, words } = each;
              const clientId = `client ${client}`;
              const known = model.get(client);
              const expected =
                known === undefined
                  ? null
                  : known.words === words
                    ? [turnIds[known.turn], states[known.turn]]
                    : 'client_message_conflict';
              expect(lookUp(sent, clientId, text(words))).to.deep.equal(expected);
              if (known !== undefined || states.length === turnIds.length) continue;
              if (!open) {
                const turnId = turnIds[states.length]!;
                open = true;
                states.push('inProgress');
                sent.startTurn(turnId);
                lines.push(startedLine(turnId));
              }
              sent.add(clientId, digestInput(core(text(words))));
              lines.push(messageLine(mode, turnIds[states.length - 1]!, clientId, text(words)));
              model.set(client, { words, turn: states.length - 1 });
            }
          }
        }),
        { seed: 4, numRuns: 300 },
      );
    });
  }

  it('are told apart by everything that clients can put in, and by nothing else', () => {
    const inputs: UserInput[][] = [
      text('a'),
      [{ type: 'text', text: 'a', text_elements: [{ byteRange: { start: 0, end: 1 } }] }],
      [...text('a'), ...text('b')],
      text('ab'),
      [{ type: 'image', url: 'data:image/png;base64,AAAA' }],
      [{ type: 'image', url: 'data:image/png;base64,AAAA', detail: 'low' }],
      [{ type: 'image', fileId: 'file-1' }],
      [{ type: 'localImage', path: '/a.png' }],
      [{ type: 'audio', url: 'data:audio/wav;base64,AAAA' }],
      [{ type: 'localAudio', path: '/a.wav' }],
      [{ type: 'skill', name: 'a', path: '/a' }],
      [{ type: 'mention', name: 'a', path: '/a' }],
    ];
    const matches = inputs.map((first) => {
      const sent = recorded([meta('paginated'), startedLine('t'), messageLine('paginated', 't', 'c', first)]);
      return inputs.map((second) => lookUp(sent, 'c', second) !== 'client_message_conflict');
    });
    expect(matches).to.deep.equal(inputs.map((_, row) => inputs.map((__, column) => row === column)));
    // What is null may be absent, and half a character is none.
    const sent = recorded([meta('paginated'), startedLine('t'), messageLine('paginated', 't', 'c', text('\ud800'))]);
    const same = [{ type: 'text' as const, text: '\ufffd', text_elements: [] }];
    expect(lookUp(sent, 'c', same)).to.deep.equal(['t', 'interrupted']);
  });

  it('are compared in a legacy file by what it holds of them', () => {
    const input: UserInput[] = [
      ...text('look '),
      { type: 'image', url: 'data:image/png;base64,AAAA', detail: 'low' },
      { type: 'skill', name: 'a', path: '/a' },
      ...text('here'),
    ];
    const sent = recorded([meta('legacy'), startedLine('t'), messageLine('legacy', 't', 'c', input)]);
    expect(lookUp(sent, 'c', input)).to.deep.equal(['t', 'interrupted']);
    expect(lookUp(sent, 'c', text('look here'))).to.equal('client_message_conflict');
  });

  it('have no id when it is empty or absent', () => {
    const sent = recorded([meta('paginated'), startedLine('t'), messageLine('paginated', 't', '', text('a'))]);
    sent.add('', digestInput(core(text('a'))));
    expect([lookUp(sent, '', text('a')), lookUp(sent, null, text('a'))]).to.deep.equal([null, null]);
  });

  it('are those of the conversation itself, in all its files, and not those of the one it was forked from', () => {
    const sent = recorded([
      meta('paginated', {}, OTHER),
      startedLine('t1'),
      messageLine('paginated', 't1', 'of the source', text('a'), OTHER),
      completeLine('t1'),
      meta('paginated', { forked_from_id: OTHER }),
      startedLine('t2'),
      messageLine('paginated', 't2', 'of the first file', text('a')),
      completeLine('t2'),
      meta('paginated', { forked_from_id: OTHER }),
      startedLine('t3'),
      messageLine('paginated', 't3', 'of the second', text('a')),
    ]);
    const ids = ['of the source', 'of the first file', 'of the second'];
    expect(ids.map((id) => lookUp(sent, id, text('a')))).to.deep.equal([
      null,
      ['t2', 'completed'],
      ['t3', 'interrupted'],
    ]);
  });

  it('of a copied history are its own from the first line that names it', () => {
    const settings = (id: string): RolloutLine =>
      eventLine({ type: 'thread_settings_applied', thread_id: id, thread_settings: {} });
    const sent = recorded([
      meta('legacy', { forked_from_id: OTHER }),
      meta('legacy', {}, OTHER),
      settings(OTHER),
      startedLine('t1'),
      messageLine('legacy', 't1', 'copied', text('a')),
      completeLine('t1'),
      settings(ID),
      startedLine('t2'),
      messageLine('legacy', 't2', 'own', text('a')),
      completeLine('t2'),
    ]);
    expect(['copied', 'own'].map((id) => lookUp(sent, id, text('a')))).to.deep.equal([null, ['t2', 'completed']]);
  });

  it('are known each where another program took several under one id', () => {
    const lines = ['t1', 't2', 't3'].flatMap((id, index) => [
      startedLine(id),
      messageLine('paginated', id, 'same', text(['a', 'b', 'a'][index]!)),
      completeLine(id),
    ]);
    const sent = recorded([meta('paginated'), ...lines]);
    expect(['a', 'b', 'c'].map((words) => lookUp(sent, 'same', text(words)))).to.deep.equal([
      ['t1', 'completed'],
      ['t2', 'completed'],
      'client_message_conflict',
    ]);
  });

  it('are forgotten with the turns that were taken back', () => {
    const turn = (id: string): RolloutLine[] => [
      startedLine(id),
      messageLine('legacy', id, `in ${id}`, text('a')),
      completeLine(id),
    ];
    const rollBack = eventLine({ type: 'thread_rolled_back', num_turns: 2 });
    // One that is not marked counts as well.
    const sent = recorded([
      meta('legacy'),
      ...turn('t1'),
      ...turn('t2'),
      messageLine('legacy', '', null, text('a')),
      rollBack,
      ...turn('t3'),
    ]);
    const found = ['in t1', 'in t2', 'in t3'].map((id) => lookUp(sent, id, text('a')));
    expect(found).to.deep.equal([['t1', 'completed'], null, ['t3', 'completed']]);
    sent.startTurn('t4');
    sent.add('in t2', digestInput(core(text('b'))));
    expect(lookUp(sent, 'in t2', text('b'))).to.deep.equal(['t4', 'inProgress']);
  });

  it('cost less than 100 bytes each', () => {
    const count = 100_000;
    const digest = digestInput(core(text('a')));
    const uuidOf = (index: number): string => `01a206f9-0000-7000-8000-${String(index).padStart(12, '0')}`;
    const before = memoryInUse();
    const sent = new SentMessages();
    for (let index = 0; index < count; index += 1) {
      sent.startTurn(uuidOf(index));
      sent.add(`client message ${index}`, digest);
      sent.endTurn(null, 'completed');
    }
    expect(memoryInUse() - before).to.be.lessThan(count * 100);
    const found = [0, 4711, count - 1].map((index) => lookUp(sent, `client message ${index}`, text('a')));
    expect(found).to.deep.equal([0, 4711, count - 1].map((index) => [uuidOf(index), 'completed']));
    expect(lookUp(sent, 'client message -1', text('a'))).to.equal(null);
  });
});

function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What the first one finds to be of no use, the second gives back.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
