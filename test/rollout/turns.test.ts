import { expect } from 'chai';
import type { Turn } from '../../src/protocol/thread.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { readRolloutLines } from '../../src/rollout/read-rollout-lines.js';
import { turnLineKinds } from '../../src/rollout/turn-line-kinds.js';
import { latestTokenUsage, toTurns, TurnProjection } from '../../src/rollout/turns.js';
import { fixturePath, fixtureTurns, ROLLOUT_FIXTURES } from '../support/rollout-fixtures.js';
import {
  agentItemLine,
  completeLine,
  eventLine,
  itemLine,
  metaLine,
  startedLine,
  turnLines,
  userItemLine,
} from '../support/rollout-lines.js';

/** Turns as words: `completed: userMessage q, agentMessage a`. */
function brief(turns: Turn[]): string[] {
  return turns.map(({ id, status, items }) => {
    const words = items.map((item) => {
      if (item.type === 'agentMessage') return `${item.id} ${item.text}`;
      if (item.type === 'userMessage')
        return `${item.id} ${item.content.map((part) => 'text' in part && part.text).join()}`;
      return item.type === 'reasoning' ? `${item.id} ${item.summary.join('+')}|${item.content.join('+')}` : item.id;
    });
    return `${id} ${status}: ${words.join(', ')}`;
  });
}

function legacy(...lines: RolloutLine[]): RolloutLine[] {
  return [metaLine('id', { history_mode: 'legacy' }), ...lines];
}

function said(message: string): RolloutLine {
  return eventLine({ type: 'user_message', message });
}

function answered(message: string): RolloutLine {
  return eventLine({ type: 'agent_message', message });
}

describe('toTurns', () => {
  for (const name of ROLLOUT_FIXTURES) {
    it(`shows a recorded conversation as its writer did: ${name}`, async () => {
      const { lines } = await readRollout(fixturePath(name));
      expect(toTurns(lines)).to.deep.equal(fixtureTurns(name));
    });

    it(`needs no other lines than it says: ${name}`, async () => {
      const projection = new TurnProjection();
      const kinds = turnLineKinds(name === 'legacy-0.45' ? 'legacy' : 'paginated');
      await readRolloutLines(fixturePath(name), (line, index) => projection.apply(line, index), { kinds });
      expect(projection.turns()).to.deep.equal(fixtureTurns(name));
    });
  }

  it('reads a turn that never ended as interrupted, unless it is the live one', () => {
    const lines = [metaLine('id'), startedLine('one'), startedLine('two')];
    expect(brief(toTurns(lines))).to.deep.equal(['one interrupted: ', 'two interrupted: ']);
    expect(brief(toTurns(lines, { liveTurnId: 'two' }))).to.deep.equal(['one interrupted: ', 'two inProgress: ']);
  });

  it('gives a late item to its own turn', () => {
    const lines = [
      metaLine('id'),
      startedLine('one'),
      eventLine({ type: 'turn_aborted', turn_id: 'one', reason: 'interrupted', completed_at: 5, duration_ms: 7 }),
      ...turnLines('two', 'q', 'a'),
      agentItemLine('one', 'late', 'text'),
    ];
    expect(brief(toTurns(lines))).to.deep.equal([
      'one interrupted: late text',
      'two completed: two-user q, two-agent a',
    ]);
  });

  it('shows a repeated item once, as it was last recorded, in its first place', () => {
    const lines = [
      metaLine('id'),
      startedLine('one'),
      agentItemLine('one', 'a', 'first'),
      agentItemLine('one', 'b', 'other'),
      agentItemLine('one', 'a', 'last'),
      startedLine('one'),
      completeLine('one'),
    ];
    expect(brief(toTurns(lines))).to.deep.equal(['one completed: a last, b other']);
  });

  it('tells why a turn failed', () => {
    const failure = (codex_error_info: unknown): RolloutLine[] => [
      metaLine('id'),
      startedLine('one'),
      eventLine({ type: 'task_complete', turn_id: 'one', error: { message: 'no', codex_error_info } }),
    ];
    const errors = ['usage_limit_exceeded', { http_connection_failed: { http_status_code: 401 } }, undefined].map(
      (info) => toTurns(failure(info))[0]!.error,
    );
    const error = { message: 'no', additionalDetails: null, misalignment: null };
    expect(errors).to.deep.equal([
      { ...error, codexErrorInfo: 'usageLimitExceeded' },
      { ...error, codexErrorInfo: { httpConnectionFailed: { httpStatusCode: 401 } } },
      { ...error, codexErrorInfo: null },
    ]);
  });

  it('marks items that were cut short', () => {
    const lines = [
      metaLine('id'),
      itemLine('one', { type: 'AgentMessage', id: 'a', content: [{ type: 'Text', text: 'half' }], partial: true }),
      itemLine('one', { type: 'Reasoning', id: 'r', summary_text: ['half'], partial: true }),
    ];
    expect(toTurns(lines)[0]!.items.map((item) => 'partial' in item && item.partial)).to.deep.equal([true, true]);
  });

  it('shows turns whose start was lost', () => {
    expect(brief(toTurns([metaLine('id'), userItemLine('one', 'u', 'q')]))).to.deep.equal(['one interrupted: u q']);
  });

  it('spells patches as the wire does', () => {
    const changes = {
      '/ws/b': { type: 'update', unified_diff: '@@\n', move_path: '/ws/c' },
      '/ws/a': { type: 'add', content: 'x\n' },
    } as const;
    const [turn] = toTurns([
      metaLine('id'),
      itemLine('one', { type: 'FileChange', id: 'p', changes, status: 'declined' }),
    ]);
    expect(turn!.items).to.deep.equal([
      {
        type: 'fileChange',
        id: 'p',
        changes: [
          { path: '/ws/a', kind: { type: 'add' }, diff: 'x\n' },
          { path: '/ws/b', kind: { type: 'update', move_path: '/ws/c' }, diff: '@@\n\n\nMoved to: /ws/c' },
        ],
        status: 'declined',
        startedAtMs: 1,
        completedAtMs: 2,
      },
    ]);
  });

  it('passes over what it cannot show', () => {
    const future = { type: 'hologram' } as never;
    const lines = [metaLine('id'), itemLine('one', { type: 'UserMessage', id: 'u', content: [future] })];
    expect(toTurns(lines)[0]!.items[0]).to.deep.include({ content: [] });
  });

  it('starts a turn at each message where a version did not mark turns', () => {
    const lines = legacy(said('one'), answered('a'), answered('b'), said('two'));
    expect(brief(toTurns(lines))).to.deep.equal([
      'rollout-1 completed: item-1 one, item-2 a, item-3 b',
      'rollout-4 completed: item-4 two',
    ]);
  });

  it('keeps messages in the turn that a version did mark', () => {
    const lines = legacy(startedLine('t'), said('one'), said('steered'), answered('a'), completeLine('t'));
    expect(brief(toTurns(lines))).to.deep.equal(['t completed: item-1 one, item-2 steered, item-3 a']);
  });

  it('gathers one train of thought in one item', () => {
    const thought = (text: string): RolloutLine => eventLine({ type: 'agent_reasoning', text });
    const raw = eventLine({ type: 'agent_reasoning_raw_content', text: 'raw' });
    const lines = legacy(said('q'), thought('a'), thought('b'), raw, answered('x'), thought('c'));
    expect(brief(toTurns(lines))).to.deep.equal(['rollout-1 completed: item-1 q, item-2 a+b|raw, item-3 x, item-4 c|']);
  });

  it('reads the images and the failure of a legacy turn', () => {
    const message = eventLine({ type: 'user_message', message: ' ', images: ['data:x'], local_images: ['/a.png'] });
    const [turn] = toTurns(legacy(message, eventLine({ type: 'error', message: 'no' })));
    expect([turn!.status, turn!.error?.message, turn!.items[0]]).to.deep.equal([
      'failed',
      'no',
      {
        type: 'userMessage',
        id: 'item-1',
        clientId: null,
        content: [
          { type: 'image', url: 'data:x', detail: null },
          { type: 'localImage', detail: null, path: '/a.png' },
        ],
        startedAtMs: null,
        completedAtMs: null,
      },
    ]);
  });

  it('takes rolled back turns away', () => {
    const lines = legacy(
      said('one'),
      said('two'),
      said('three'),
      eventLine({ type: 'thread_rolled_back', num_turns: 2 }),
    );
    expect(brief(toTurns([...lines, said('four')]))).to.deep.equal([
      'rollout-1 completed: item-1 one',
      'rollout-5 completed: item-4 four',
    ]);
  });
});

describe('TurnProjection', () => {
  it('follows turns without their items', async () => {
    const { lines } = await readRollout(fixturePath('killed'));
    const projection = new TurnProjection({ keepItems: false });
    for (const line of lines) projection.apply(line);
    const turns = fixtureTurns('killed');
    expect(projection.turns()).to.deep.equal(turns.map((turn) => ({ ...turn, items: [] })));
  });

  it('takes the mode that it is given where no session_meta comes by', () => {
    const projection = new TurnProjection({ mode: 'paginated' });
    projection.apply(userItemLine('one', 'u', 'q'));
    expect(brief(projection.turns())).to.deep.equal(['one interrupted: u q']);
  });
});

describe('latestTokenUsage', () => {
  it('tells the last usage and the turn that it was recorded in', async () => {
    const { lines } = await readRollout(fixturePath('tools'));
    const counts = { cachedInputTokens: 0, cacheWriteInputTokens: 0, reasoningOutputTokens: 0 };
    expect(latestTokenUsage(lines)).to.deep.equal({
      turnId: fixtureTurns('tools').at(-1)!.id,
      usage: {
        total: { totalTokens: 440, inputTokens: 400, outputTokens: 40, ...counts },
        last: { totalTokens: 110, inputTokens: 100, outputTokens: 10, ...counts },
        modelContextWindow: 258400,
      },
    });
  });

  it('passes over counts without figures', () => {
    expect(latestTokenUsage([metaLine('id'), eventLine({ type: 'token_count', info: null })])).to.equal(null);
  });
});
