import { expect } from 'chai';
import type { RolloutLine } from '../../src/rollout/line.js';
import { toTurns, TurnProjection } from '../../src/rollout/turns.js';
import {
  briefTurns,
  callLine,
  commandItem,
  ended,
  endedTurn,
  itemsOf,
  legacyLines,
  NO_TIMES,
  oldEvent,
  outputLine,
  shellOutput,
  toolItem,
} from '../support/legacy-lines.js';
import {
  completeLine,
  eventLine,
  itemLine,
  metaLine,
  responseLine,
  startedLine,
  userLine,
} from '../support/rollout-lines.js';

describe('turns of a legacy file', () => {
  describe('events about tools', () => {
    const ran = oldEvent({
      type: 'exec_command_end',
      call_id: 'c1',
      turn_id: 't',
      process_id: '5',
      command: ['/bin/bash', '-lc', 'ls'],
      cwd: '/ws',
      parsed_cmd: [{ type: 'list_files', cmd: 'ls', path: null }],
      source: 'unified_exec_startup',
      aggregated_output: 'all of it\n',
      exit_code: 0,
      duration: { secs: 1, nanos: 5_000_000 },
      status: 'completed',
    });
    const shown = commandItem({
      command: '/bin/bash -lc ls',
      cwd: '/ws',
      processId: '5',
      source: 'unifiedExecStartup',
      commandActions: [{ type: 'listFiles', command: 'ls', path: null }],
      aggregatedOutput: 'all of it\n',
      exitCode: 0,
      durationMs: 1005,
    });
    const [called, told] = [callLine('exec_command', { cmd: 'ls' }), outputLine(ended('some', 0))];

    it('win over the call, whether they come before its output or after it', () => {
      for (const lines of [
        [called, ran, told],
        [called, told, ran],
      ]) {
        expect(itemsOf(legacyLines(...endedTurn('t', ...lines)))).to.deep.equal([shown]);
      }
    });

    it('stand where the call was made, in its turn', () => {
      const lines = legacyLines(...endedTurn('t', called, told), ...endedTurn('u', ran));
      expect(toTurns(lines).map(({ items }) => items)).to.deep.equal([[shown], []]);
    });

    it('tell of patches, servers, searches, pictures and agents', () => {
      const changes = { '/ws/a': { type: 'add', content: 'x\n' } };
      const invocation = { server: 's', tool: 't', arguments: { a: 1 } };
      const lines = endedTurn(
        't',
        oldEvent({ type: 'patch_apply_end', call_id: 'p', changes, success: true }),
        oldEvent({ type: 'patch_apply_end', call_id: 'q', changes, success: false, status: 'declined' }),
        oldEvent({ type: 'mcp_tool_call_end', call_id: 'm', invocation, result: { Ok: { content: ['x'] } } }),
        oldEvent({ type: 'mcp_tool_call_end', call_id: 'n', invocation, result: { Err: 'no' } }),
        oldEvent({ type: 'mcp_tool_call_begin', call_id: 'o', invocation }),
        oldEvent({ type: 'web_search_end', call_id: 'w', query: 'x', action: { type: 'search', query: 'x' } }),
        responseLine({ type: 'web_search_call', action: { type: 'search', query: 'x' } }),
        oldEvent({ type: 'view_image_tool_call', call_id: 'v', path: '/a.png' }),
        oldEvent({ type: 'image_generation_end', call_id: 'i', status: 'completed', result: '', saved_path: '/b.png' }),
        oldEvent({
          type: 'sub_agent_activity',
          event_id: 'e',
          kind: 'started',
          agent_thread_id: 'x',
          agent_path: '/root',
        }),
      );
      expect(itemsOf(legacyLines(...lines))).to.have.length(9);
      expect(briefTurns(toTurns(legacyLines(...lines)))).to.deep.equal([
        `t completed: ${[
          'fileChange p completed',
          'fileChange q declined',
          'mcpToolCall m completed',
          'mcpToolCall n failed',
          'mcpToolCall o failed',
          'webSearch w',
          'imageView v',
          'imageGeneration i completed',
          'subAgentActivity e',
        ].join(', ')}`,
      ]);
    });

    it('of agents tell when something happened', () => {
      const event = { type: 'sub_agent_activity', event_id: 'e', occurred_at_ms: 5 };
      const agent = { kind: 'started', agent_thread_id: 'x', agent_path: '/root' };
      const [item] = itemsOf(legacyLines(...endedTurn('t', oldEvent({ ...event, ...agent }))));
      expect(item).to.include({ type: 'subAgentActivity', startedAtMs: null, completedAtMs: 5 });
    });

    it('that record an item leave nothing to its call', () => {
      const recorded = itemLine('t', {
        type: 'DynamicToolCall',
        id: 'c1',
        tool: 'magic',
        arguments: 1,
        status: 'completed',
      });
      for (const lines of [
        [callLine('magic', '{}'), recorded, outputLine('x')],
        [recorded, callLine('magic', '{}'), outputLine('x')],
      ]) {
        expect(itemsOf(legacyLines(...endedTurn('t', ...lines)))).to.deep.equal([
          toolItem({ tool: 'magic', arguments: 1, startedAtMs: 1, completedAtMs: 2 }),
        ]);
      }
    });

    it('are marks in the numbered order of what was said', () => {
      const lines = legacyLines(
        ...endedTurn('a', oldEvent({ type: 'user_message', message: 'q' }), oldEvent({ type: 'context_compacted' })),
        oldEvent({ type: 'entered_review_mode', user_facing_hint: 'look' }),
        startedLine('b'),
        oldEvent({ type: 'exited_review_mode', review_output: { overall_explanation: ' fine ' } }),
        eventLine({ type: 'task_complete', turn_id: 'another' }),
      );
      expect(briefTurns(toTurns(lines))).to.deep.equal([
        'a completed: userMessage item-1, contextCompaction item-2',
        'rollout-5 completed: enteredReviewMode item-3',
        'b completed: exitedReviewMode item-4',
      ]);
      expect(itemsOf(lines).slice(2)).to.deep.equal([
        { type: 'enteredReviewMode', id: 'item-3', review: 'look', ...NO_TIMES },
        { type: 'exitedReviewMode', id: 'item-4', review: 'fine', ...NO_TIMES },
      ]);
    });

    it('of a review belong to the turn that they name, where they do', () => {
      const lines = legacyLines(
        oldEvent({ type: 'entered_review_mode', turn_id: 'r', item_id: 'in' }),
        startedLine('inner'),
        oldEvent({ type: 'user_message', message: 'look' }),
        oldEvent({ type: 'exited_review_mode', turn_id: 'r', item_id: 'out' }),
        completeLine('r'),
      );
      expect(briefTurns(toTurns(lines))).to.deep.equal([
        'r completed: enteredReviewMode in, exitedReviewMode out',
        'inner interrupted: userMessage item-1',
      ]);
    });
  });

  describe('order and ids', () => {
    const thought = (text: string): RolloutLine => eventLine({ type: 'agent_reasoning', text });
    const said = eventLine({ type: 'user_message', message: 'q' });
    const answered = eventLine({ type: 'agent_message', message: 'a' });
    const ran = (id: string): RolloutLine[] => [
      callLine('shell', { command: ['x'] }, id),
      outputLine(shellOutput('', 0), id),
    ];

    it('are those of the file; what calls made does not count', () => {
      const lines = legacyLines(
        said,
        thought('1'),
        ...ran('a'),
        thought('2'),
        thought('3'),
        ...ran('b'),
        answered,
        thought('4'),
      );
      expect(briefTurns(toTurns(lines))).to.deep.equal([
        `rollout-1 completed: ${[
          'userMessage item-1',
          'reasoning item-2',
          'commandExecution a completed',
          'reasoning item-2.2',
          'commandExecution b completed',
          'agentMessage item-3',
          'reasoning item-4',
        ].join(', ')}`,
      ]);
      expect(itemsOf(lines).map((item) => item.type === 'reasoning' && item.summary)).to.deep.equal([
        false,
        ['1'],
        false,
        ['2', '3'],
        false,
        false,
        ['4'],
      ]);
    });

    it('are the same however far the file was written', () => {
      const lines = legacyLines(
        ...endedTurn('a', said, thought('1'), ...ran('a'), thought('2'), ...ran('b'), answered),
        ...endedTurn('b', responseLine({ type: 'web_search_call' }), said, ...ran('a'), ...ran('a'), answered),
      );
      const ids = lines.map((_, count) => itemsOf(lines.slice(0, count)).map(({ type, id }) => `${type} ${id}`));
      for (const [count, known] of ids.entries())
        expect(ids.at(-1)!.slice(0, known.length), `${count}`).to.deep.equal(known);
      expect(ids.at(-1)).to.have.length(11);
    });

    it('tell calls apart that a model gave one id', () => {
      const lines = legacyLines(
        ...endedTurn('t', ...ran('a'), callLine('magic', '{}', 'a'), outputLine('x', 'a')),
        ...endedTurn('u', ...ran('a')),
      );
      expect(briefTurns(toTurns(lines))).to.deep.equal([
        't completed: commandExecution a completed, dynamicToolCall a-2 completed',
        'u completed: commandExecution a completed',
      ]);
    });

    it('give an output that comes late to the turn of its call', () => {
      const [made, done] = ran('a');
      const lines = legacyLines(...endedTurn('t', made!), ...endedTurn('u', said, done!));
      expect(briefTurns(toTurns(lines))).to.deep.equal([
        't completed: commandExecution a completed',
        'u completed: userMessage item-1',
      ]);
    });

    it('give an item to the turn that is on, where its own is marked nowhere', () => {
      const plan = itemLine('7', { type: 'Plan', id: 'p', text: 'x' });
      const lines = legacyLines(oldEvent({ type: 'user_message', message: 'q' }), plan);
      expect(briefTurns(toTurns(lines))).to.deep.equal(['rollout-1 completed: userMessage item-1, plan p']);
    });

    it('follow the turn that a call names', () => {
      const named = responseLine({
        type: 'function_call',
        call_id: 'c',
        name: 'magic',
        arguments: '{}',
        internal_chat_message_metadata_passthrough: { turn_id: 't' },
      });
      expect(briefTurns(toTurns(legacyLines(...endedTurn('t'), startedLine('u'), named)))).to.deep.equal([
        't completed: dynamicToolCall c failed',
        'u interrupted: ',
      ]);
    });
  });

  it('leave out of an input what no version wrote, and know who ran a command that does not say', () => {
    const odd = [
      {
        images: { a: 1 },
        local_images: 'picture',
        audio: [null, 'data:audio'],
        text_elements: [null, { byte_range: 1 }],
      },
      { images: ['data:image', 7], local_audio: 5, text_elements: {} },
    ].map((fields) => oldEvent({ type: 'user_message', message: 'q', ...fields }));
    const ran = oldEvent({
      type: 'exec_command_end',
      call_id: 'c',
      command: ['ls'],
      cwd: '/ws',
      parsed_cmd: [],
      source: null,
      exit_code: 0,
    });
    const items = itemsOf(legacyLines(...odd, ran));
    const text = { type: 'text', text: 'q', text_elements: [] };
    expect(items.map((item) => (item.type === 'userMessage' ? item.content : item))).to.deep.equal([
      [text, { type: 'audio', url: 'data:audio' }],
      [text, { type: 'image', url: 'data:image', detail: null }],
      commandItem({ id: 'c', command: 'ls', cwd: '/ws', commandActions: [], exitCode: 0 }),
    ]);
  });

  it('are none where the file holds nothing but what the model saw', () => {
    expect(toTurns(legacyLines(userLine('q'), callLine('shell', { command: ['x'] }), outputLine('y')))).to.deep.equal(
      [],
    );
  });

  it('are the same without their items', () => {
    const lines = legacyLines(
      ...endedTurn('a', callLine('shell', { command: ['x'] })),
      eventLine({ type: 'user_message', message: 'q' }),
      eventLine({ type: 'agent_message', message: '' }),
      oldEvent({ type: 'context_compacted' }),
    );
    const projection = new TurnProjection({ mode: 'legacy', keepItems: false });
    for (const line of lines) projection.apply(line);
    expect(projection.turns()).to.deep.equal(toTurns(lines).map((shown) => ({ ...shown, items: [] })));
  });

  it('end with an error only where it is theirs', () => {
    const error = (codex_error_info: unknown): RolloutLine =>
      eventLine({ type: 'error', message: 'no', codex_error_info });
    const lines = legacyLines(
      error('other'),
      startedLine('a'),
      error('thread_rollback_failed'),
      error({ active_turn_not_steerable: { turn_kind: 'review' } }),
      completeLine('a'),
      ...endedTurn('b', error('other')),
    );
    expect(toTurns(lines).map(({ status, error: reason }) => [status, reason?.message])).to.deep.equal([
      ['completed', undefined],
      ['failed', 'no'],
    ]);
  });
});

describe('turns of a paginated file', () => {
  it('hold what was recorded as items, and nothing of what the model called', () => {
    const lines = [metaLine('id'), ...endedTurn('t', callLine('shell', { command: ['x'] }), outputLine('y'))];
    expect(briefTurns(toTurns(lines))).to.deep.equal(['t completed: ']);
  });
});
