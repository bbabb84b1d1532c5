import { expect } from 'chai';
import type { RolloutLine } from '../../src/rollout/line.js';
import { toTurns } from '../../src/rollout/turns.js';
import {
  briefTurns,
  callLine,
  commandItem,
  ended,
  endedTurn,
  itemsOf,
  legacyLines,
  NO_TIMES,
  outputLine,
  running,
  shellOutput,
  toolItem,
} from '../support/legacy-lines.js';
import { responseLine, startedLine, turnContextLine, userLine } from '../support/rollout-lines.js';

describe('calls of a legacy file', () => {
  describe('commands', () => {
    it('come from the calls of a model and their outputs', () => {
      const lines = endedTurn(
        't',
        callLine('shell', { command: ['bash', '-lc', 'ls -l'] }),
        outputLine(shellOutput('a\nb\n', 0)),
      );
      expect(itemsOf(legacyLines(...lines))).to.deep.equal([
        commandItem({
          command: "bash -lc 'ls -l'",
          commandActions: [{ type: 'unknown', command: 'ls -l' }],
          aggregatedOutput: 'a\nb\n',
          exitCode: 0,
          durationMs: 500,
        }),
      ]);
    });

    for (const [name, args, shown] of [
      ['shell', { command: ['make', 'all'], workdir: 'sub' }, { command: 'make all', cwd: '/home/user/ws/sub' }],
      ['container.exec', { command: ['make'], workdir: '/abs' }, { command: 'make', cwd: '/abs' }],
      ['shell_command', { command: 'make all' }, { command: 'make all' }],
      ['exec_command', { cmd: 'make all' }, { command: 'make all', source: 'unifiedExecStartup' }],
      ['unified_exec', { input: ['make', 'all'] }, { command: 'make all', source: 'unifiedExecStartup' }],
    ] as const) {
      it(`are what ${name} runs`, () => {
        const lines = endedTurn('t', callLine(name, args), outputLine(ended('', 2)));
        const commandActions = [{ type: 'unknown' as const, command: shown.command }];
        expect(itemsOf(legacyLines(...lines))).to.deep.equal([
          commandItem({ ...shown, commandActions, status: 'failed', exitCode: 2, durationMs: 250 }),
        ]);
      });
    }

    it('are what a local shell call runs', () => {
      const action = { type: 'exec', command: ['echo', 'x y'], working_directory: '/w' } as const;
      const local = responseLine({ type: 'local_shell_call', call_id: 'c1', status: 'completed', action });
      expect(itemsOf(legacyLines(...endedTurn('t', local, outputLine(shellOutput('x y\n', 0)))))).to.deep.equal([
        commandItem({
          command: "echo 'x y'",
          cwd: '/w',
          commandActions: [{ type: 'unknown', command: "echo 'x y'" }],
          aggregatedOutput: 'x y\n',
          exitCode: 0,
          durationMs: 500,
        }),
      ]);
    });

    it('run in the folder of the turn, or else of the conversation', () => {
      const run = (id: string): RolloutLine[] => endedTurn(id, callLine('shell', { command: ['pwd'] }, id));
      const lines = legacyLines(...run('a'), turnContextLine({ cwd: '/other' }), ...run('b'));
      expect(itemsOf(lines).map((item) => item.type === 'commandExecution' && item.cwd)).to.deep.equal([
        '/home/user/ws',
        '/other',
      ]);
    });

    it('fail, or are declined, as the output says', () => {
      const run = (id: string, text: string): RolloutLine[] => [
        callLine('shell', { command: ['x'] }, id),
        outputLine(text, id),
      ];
      const lines = endedTurn(
        't',
        ...run('a', 'execution error: no such file'),
        ...run('b', 'exec command rejected by user'),
      );
      expect(briefTurns(toTurns(legacyLines(...lines)))).to.deep.equal([
        't completed: commandExecution a failed, commandExecution b declined',
      ]);
    });

    it('that never got an output failed when their turn is over, and run in a live one', () => {
      const lines = legacyLines(startedLine('t'), callLine('shell', { command: ['sleep', '9'] }));
      const open = { command: 'sleep 9', commandActions: [{ type: 'unknown' as const, command: 'sleep 9' }] };
      expect(itemsOf(lines)).to.deep.equal([commandItem({ ...open, status: 'failed' })]);
      expect(itemsOf(lines, 't')).to.deep.equal([commandItem({ ...open, status: 'inProgress' })]);
    });

    it('are not made of calls to tools that were not there', () => {
      const lines = endedTurn('t', callLine('shell', { command: ['x'] }), outputLine('unsupported call: shell'));
      expect(itemsOf(legacyLines(...lines))).to.deep.equal([
        toolItem({
          tool: 'shell',
          arguments: { command: ['x'] },
          status: 'failed',
          contentItems: [{ type: 'inputText', text: 'unsupported call: shell' }],
          success: false,
        }),
      ]);
    });
  });

  describe('processes', () => {
    const start = [callLine('exec_command', { cmd: 'run' }), outputLine(running('one\n', 7))];
    const shown = {
      command: 'run',
      commandActions: [{ type: 'unknown' as const, command: 'run' }],
      source: 'unifiedExecStartup' as const,
      processId: '7',
    };

    it('go on in later calls, of later turns too', () => {
      const lines = legacyLines(
        ...endedTurn(
          'a',
          ...start,
          callLine('write_stdin', { session_id: 7, chars: 'x' }, 'c2'),
          outputLine(running('two\n', 7), 'c2'),
        ),
        ...endedTurn(
          'b',
          callLine('write_stdin', { session_id: 7, chars: '' }, 'c3'),
          outputLine(ended('three\n', 1), 'c3'),
        ),
      );
      expect(toTurns(lines).map(({ items }) => items)).to.deep.equal([
        [commandItem({ ...shown, status: 'failed', aggregatedOutput: 'one\ntwo\nthree\n', exitCode: 1 })],
        [],
      ]);
    });

    it('whose end nobody recorded are running in a live turn, and known to no further in one that is over', () => {
      const lines = legacyLines(startedLine('t'), ...start);
      expect(itemsOf(lines, 't')).to.deep.equal([
        commandItem({ ...shown, status: 'inProgress', aggregatedOutput: 'one\n' }),
      ]);
      expect(itemsOf(lines)).to.deep.equal([commandItem({ ...shown, status: 'completed', aggregatedOutput: 'one\n' })]);
    });

    it('take no part in a call that failed, or that names another one', () => {
      const failure = 'write_stdin failed: stdin is closed for this session';
      const failed = [callLine('write_stdin', { session_id: 7, chars: 'x' }, 'c2'), outputLine(failure, 'c2')];
      const unknown = [callLine('write_stdin', { session_id: 8, chars: 'x' }, 'c3'), outputLine(ended('', 0), 'c3')];
      expect(briefTurns(toTurns(legacyLines(...endedTurn('t', ...start, ...failed, ...unknown))))).to.deep.equal([
        't completed: commandExecution c1 completed, dynamicToolCall c2 failed, dynamicToolCall c3 completed',
      ]);
    });
  });

  describe('patches', () => {
    const text = '*** Begin Patch\n*** Update File: a.ts\n@@\n-x\n+y\n*** End Patch';
    const shown = (status: string, path = '/home/user/ws/a.ts'): unknown => ({
      type: 'fileChange',
      id: 'c1',
      changes: [{ path, kind: { type: 'update', move_path: null }, diff: '@@\n-x\n+y\n' }],
      status,
      ...NO_TIMES,
    });
    const success = 'Success. Updated the following files:\nM a.ts\n';

    for (const [how, made] of [
      ['in free form', responseLine({ type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: text })],
      ['as a function', callLine('apply_patch', { input: text })],
      ['as a program', callLine('shell', { command: ['apply_patch', text] })],
      ['through a shell', callLine('shell', { command: ['bash', '-lc', `apply_patch <<'EOF'\n${text}\nEOF`] })],
      ['through a session', callLine('exec_command', { cmd: `apply_patch <<'EOF'\n${text}\nEOF\n` })],
    ] as const) {
      it(`come from calls ${how}`, () => {
        const done = responseLine({ type: 'custom_tool_call_output', call_id: 'c1', output: shellOutput(success, 0) });
        expect(itemsOf(legacyLines(...endedTurn('t', made, done)))).to.deep.equal([shown('completed')]);
      });
    }

    it('apply where the shell went first', () => {
      const made = callLine('shell_command', { command: `cd lib && apply_patch <<'EOF'\n${text}\nEOF` });
      expect(itemsOf(legacyLines(...endedTurn('t', made, outputLine(success))))).to.deep.equal([
        shown('completed', '/home/user/ws/lib/a.ts'),
      ]);
    });

    for (const [told, status] of [
      ['apply_patch verification failed: no such file', 'failed'],
      ['patch rejected by user', 'declined'],
      [undefined, 'failed'],
    ] as const) {
      it(`are ${status} after ${JSON.stringify(told ?? 'nothing')}`, () => {
        const lines = [callLine('apply_patch', { input: text }), ...(told === undefined ? [] : [outputLine(told)])];
        expect(itemsOf(legacyLines(...endedTurn('t', ...lines)))).to.deep.equal([shown(status)]);
      });
    }

    it('that are none are calls of the tool', () => {
      const lines = [
        callLine('apply_patch', { input: 'nonsense' }),
        outputLine('apply_patch verification failed: invalid patch'),
      ];
      expect(itemsOf(legacyLines(...endedTurn('t', ...lines)))).to.deep.equal([
        toolItem({
          tool: 'apply_patch',
          arguments: { input: 'nonsense' },
          status: 'failed',
          contentItems: [{ type: 'inputText', text: 'apply_patch verification failed: invalid patch' }],
          success: false,
        }),
      ]);
    });
  });

  describe('other calls', () => {
    it('are tool calls, with what they were given and gave', () => {
      const parts = [
        { type: 'input_text', text: 'seen' },
        { type: 'input_image', image_url: 'data:x' },
        { type: 'encrypted_content', encrypted_content: 'x' },
      ];
      const named = responseLine({
        type: 'function_call',
        call_id: 'c1',
        namespace: 'mcp__mock',
        name: 'echo',
        arguments: '{"text":"hi"}',
      });
      const free = responseLine({ type: 'custom_tool_call', call_id: 'c2', name: 'exec', input: 'const x = 1' });
      const lines = endedTurn('t', named, outputLine(parts), free, callLine('magic', 'not json', 'c3'));
      expect(itemsOf(legacyLines(...lines))).to.deep.equal([
        toolItem({
          namespace: 'mcp__mock',
          tool: 'echo',
          arguments: { text: 'hi' },
          contentItems: [
            { type: 'inputText', text: 'seen' },
            { type: 'inputImage', imageUrl: 'data:x' },
          ],
        }),
        toolItem({ id: 'c2', tool: 'exec', arguments: 'const x = 1', status: 'failed', success: false }),
        toolItem({ id: 'c3', tool: 'magic', arguments: 'not json', status: 'failed', success: false }),
      ]);
    });

    it('show the picture that was looked at', () => {
      const lines = endedTurn('t', callLine('view_image', { path: 'a.png' }), outputLine('attached local image path'));
      expect(itemsOf(legacyLines(...lines))).to.deep.equal([
        { type: 'imageView', id: 'c1', path: '/home/user/ws/a.png', ...NO_TIMES },
      ]);
    });

    it('show searches, numbered where they have no id', () => {
      const search = (fields: object): RolloutLine => responseLine({ type: 'web_search_call', ...fields });
      const lines = endedTurn(
        't',
        search({ action: { type: 'search', query: 'weather' } }),
        search({ id: 'ws', action: { type: 'open_page', url: 'https://a.b' } }),
        search({ action: { type: 'find_in_page', url: 'https://a.b', pattern: 'x' } }),
      );
      expect(itemsOf(legacyLines(...lines))).to.deep.equal([
        {
          type: 'webSearch',
          id: 'web-search-1',
          query: 'weather',
          action: { type: 'search', query: 'weather', queries: null },
          results: null,
          ...NO_TIMES,
        },
        {
          type: 'webSearch',
          id: 'ws',
          query: 'https://a.b',
          action: { type: 'openPage', url: 'https://a.b' },
          results: null,
          ...NO_TIMES,
        },
        {
          type: 'webSearch',
          id: 'web-search-2',
          query: "'x' in https://a.b",
          action: { type: 'findInPage', url: 'https://a.b', pattern: 'x' },
          results: null,
          ...NO_TIMES,
        },
      ]);
    });

    it('show pictures that were made, and searches for tools', () => {
      const made = {
        type: 'image_generation_call',
        id: 'ig',
        status: 'completed',
        revised_prompt: 'cat',
        result: 'aGk=',
      };
      const found = { type: 'tool_search_call', call_id: 'c1', arguments: { query: 'mail' } };
      const answer = { type: 'tool_search_output', call_id: 'c1', tools: [] };
      const lines = [made, found, answer].map((item) => responseLine(item));
      expect(itemsOf(legacyLines(...endedTurn('t', ...lines)))).to.deep.equal([
        {
          type: 'imageGeneration',
          id: 'ig',
          status: 'completed',
          revisedPrompt: 'cat',
          result: 'aGk=',
          transparentBackground: null,
          failure: null,
          generationId: null,
          ...NO_TIMES,
        },
        toolItem({ tool: 'tool_search', arguments: { query: 'mail' }, contentItems: [] }),
      ]);
    });

    it('show what a user told a shell, and what hooks said', () => {
      const shell =
        '<user_shell_command>\n<command>\nls; exit 4\n</command>\n<result>\nExit code: 4\nDuration: 0.0127 seconds\nOutput:\na\n\n</result>\n</user_shell_command>';
      const hook = '<hook_prompt hook_run_id="run-1">go &lt;on&gt;</hook_prompt>';
      expect(itemsOf(legacyLines(...endedTurn('t', userLine(shell), userLine(hook), userLine('said'))))).to.deep.equal([
        commandItem({
          id: 'host-message-1',
          command: 'ls; exit 4',
          source: 'userShell',
          status: 'failed',
          commandActions: [{ type: 'unknown', command: 'ls; exit 4' }],
          aggregatedOutput: 'a\n',
          exitCode: 4,
          durationMs: 13,
        }),
        {
          type: 'hookPrompt',
          id: 'host-message-2',
          fragments: [{ text: 'go <on>', hookRunId: 'run-1' }],
          ...NO_TIMES,
        },
      ]);
    });
  });
});
