import { expect } from 'chai';
import { readToldItems } from '../../src/registry/told-items.js';
import type { SentFrame } from '../../src/registry/told-items.js';
import type { NotificationName } from '../../src/protocol/notification-names.js';
import { frameText } from '../../src/session/frame-text.js';

const TURN = { threadId: 'thread', turnId: 'turn' };

function frame(method: NotificationName, params: object): SentFrame {
  return { method, text: frameText(method, { ...TURN, ...params }) };
}

function message(id: string, text: string): object {
  return { item: { type: 'agentMessage', id, text, phase: null }, startedAtMs: 5 };
}

describe('readToldItems', () => {
  it('adds up what commands wrote, and knows patches', () => {
    const item = { type: 'commandExecution', id: 'c', aggregatedOutput: null };
    const frames = [
      frame('item/started', { item, startedAtMs: 5 }),
      frame('item/started', { item: { type: 'fileChange', id: 'p', changes: [] }, startedAtMs: 6 }),
      frame('item/commandExecution/outputDelta', { itemId: 'c', delta: 'one\n' }),
      frame('item/commandExecution/outputDelta', { itemId: 'c', delta: 'two\n' }),
      frame('item/commandExecution/outputDelta', { itemId: 'of another', delta: 'no' }),
    ];
    const tool = { type: 'tool', turnId: 'turn', phase: null, core: null };
    expect(readToldItems(frames, 'turn')).to.deep.equal({
      open: [
        { ...tool, id: 'c', startedAtMs: 5, text: 'one\ntwo\n' },
        { ...tool, id: 'p', startedAtMs: 6, text: '' },
      ],
      ended: new Set(),
    });
  });

  it('adds up what was said of items that have not ended', () => {
    const frames = [
      frame('turn/started', { turn: { id: 'turn' } }),
      frame('item/started', message('a', '')),
      frame('item/agentMessage/delta', { itemId: 'a', delta: 'Grüße, ' }),
      frame('item/started', { item: { type: 'reasoning', id: 'r', summary: [], content: [] }, startedAtMs: 6 }),
      frame('item/reasoning/summaryTextDelta', { itemId: 'r', delta: 'so', summaryIndex: 1 }),
      frame('item/agentMessage/delta', { itemId: 'a', delta: 'Welt 😀' }),
      frame('item/reasoning/textDelta', { itemId: 'r', delta: 'raw', contentIndex: 0 }),
      frame('item/reasoning/summaryTextDelta', { itemId: 'r', delta: ' far', summaryIndex: 1 }),
    ];
    expect(readToldItems(frames, 'turn')).to.deep.equal({
      open: [
        { type: 'agentMessage', turnId: 'turn', id: 'a', startedAtMs: 5, phase: null, text: 'Grüße, Welt 😀' },
        {
          type: 'reasoning',
          turnId: 'turn',
          id: 'r',
          startedAtMs: 6,
          phase: null,
          summary: ['', 'so far'],
          content: ['raw'],
        },
      ],
      ended: new Set(),
    });
  });

  it('leaves out what has ended, what belongs to another turn, and what it does not know the start of', () => {
    const frames = [
      frame('item/agentMessage/delta', { itemId: 'early', delta: 'x' }),
      frame('item/started', message('a', '')),
      frame('item/completed', message('a', 'done')),
      frame('item/started', { ...message('b', ''), turnId: 'another' }),
      frame('item/started', { item: { type: 'userMessage', id: 'u', content: [] }, startedAtMs: 1 }),
    ];
    expect(readToldItems(frames, 'turn')).to.deep.equal({ open: [], ended: new Set(['a']) });
  });
});
