// Runs that end in several files: forks, reverts, legacy histories and their copies, old files that 0.169 goes on with. Test process.
import { parseRolloutName } from '../../src/rollout/file-name.js';
import { CURRENT, SETTINGS } from './current-runs.js';
import { FINDINGS, PATCH, PROPOSAL } from './materials.js';
import type { Run } from './run.js';
import { call, hang, reason, refuse, say, textTool, tool, webSearch } from './scripted-replies.js';

export const lineageRuns: readonly Run[] = [
  {
    name: 'forks',
    script: {},
    settings: SETTINGS,
    drive: async (stage) => {
      const server = await stage.serve(CURRENT);
      const { thread: source } = await server.call('thread/start', { cwd: stage.workspace });
      const first = await server.turn(source.id, 'one');
      const second = await server.turn(source.id, 'two');
      const fork = async (name: string, params: object): Promise<string> => {
        const { thread } = await server.call('thread/fork', params);
        stage.keep(name, thread.path);
        return thread.id;
      };
      const whole = await fork('fork-whole', { threadId: source.id });
      const inFork = await server.turn(whole, 'three, in the fork');
      await server.turn(await fork('fork-through-turn', { threadId: source.id, lastTurnId: first }), 'two, otherwise');
      await fork('fork-before-turn-unused', { threadId: source.id, beforeTurnId: second });
      await server.turn(
        await fork('fork-of-fork', { threadId: whole, lastTurnId: inFork }),
        'four, in the fork of the fork',
      );
      // Cut inside what it inherited: it refers to the first file.
      await server.turn(await fork('fork-of-fork-in-source', { threadId: whole, lastTurnId: first }), 'two, once more');
      await server.turn(source.id, 'three, in the source');
      await server.end();
      stage.keep('fork-source', source.path);
    },
  },
  {
    name: 'reverts',
    script: {},
    settings: SETTINGS,
    drive: async (stage) => {
      const server = await stage.serve(CURRENT);
      const { thread } = await server.call('thread/start', { cwd: stage.workspace });
      const threadId: string = thread.id;
      stage.keep('revert-first', thread.path);
      const revert = async (name: string, beforeTurnId: string): Promise<void> => {
        const reverted = await server.call('thread/revert', { threadId, beforeTurnId });
        stage.keep(name, reverted.thread.path);
      };
      await server.turn(threadId, 'one');
      const second = await server.turn(threadId, 'two');
      await server.turn(threadId, 'three');
      await revert('revert-second', second);
      await server.turn(threadId, 'two again');
      const third = await server.turn(threadId, 'three again');
      const { thread: fork } = await server.call('thread/fork', { threadId });
      stage.keep('revert-fork', fork.path);
      await server.turn(fork.id, 'four, in the fork');
      await revert('revert-third', third);
      await server.turn(threadId, 'three once more');
      const { thread: other } = await server.call('thread/start', { cwd: stage.workspace });
      stage.keep('revert-to-nothing-first', other.path);
      const only = await server.turn(other.id, 'forget this');
      const { thread: emptied } = await server.call('thread/revert', { threadId: other.id, beforeTurnId: only });
      stage.keep('revert-to-nothing', emptied.path);
      await server.turn(other.id, 'begin again');
      await server.end();
    },
  },
  {
    name: 'legacy-0.169.0',
    settings: SETTINGS,
    script: {
      work: [
        call(tool('exec_command', { cmd: 'echo out; exit 3' }), textTool('apply_patch', PATCH), webSearch('weather')),
        say('all done'),
      ],
      think: [reason],
      fail: [refuse],
      plan: [say(PROPOSAL)],
      'review it': [say(FINDINGS)],
      'wait for the interrupt': [hang],
    },
    drive: async (stage) => {
      const server = await stage.serve(CURRENT);
      const { thread } = await server.call('thread/start', { cwd: stage.workspace, historyMode: 'legacy' });
      const threadId: string = thread.id;
      await server.turn(threadId, 'work');
      await server.turn(threadId, 'think');
      await server.turn(threadId, 'fail');
      const turnId = await server.startTurn(threadId, 'wait for the interrupt');
      await server.heard('item/agentMessage/delta', (params) => params.turnId === turnId);
      await server.call('turn/interrupt', { threadId, turnId });
      await server.endOfTurn(turnId);
      const { thread: fork } = await server.call('thread/fork', { threadId });
      await server.turn(fork.id, 'in the fork');
      await server.turnBy('thread/compact/start', { threadId });
      await server.turnBy('review/start', {
        threadId,
        target: { type: 'custom', instructions: 'review it' },
        delivery: 'inline',
      });
      await server.turnBy('thread/shellCommand', { threadId, command: 'echo by the user' });
      await server.turn(threadId, 'plan', {
        collaborationMode: {
          mode: 'plan',
          settings: { model: 'gpt-5.5', reasoning_effort: null, developer_instructions: null },
        },
      });
      await server.end();
      stage.keep('legacy-0.169.0', thread.path);
      stage.keep('legacy-0.169.0-fork', fork.path);
    },
  },
  ...['0.34.0', '0.98.0'].map(
    (version) =>
      ({
        name: `codex-${version}-continued`,
        script: { work: [call(tool('exec_command', { cmd: 'echo out' })), say('all done')] },
        settings: version === '0.34.0' ? 'model = "gpt-5"\n' : 'model = "gpt-5.4"\n',
        drive: async (stage) => {
          const path = await stage.exec(version, 'in the old version');
          const server = await stage.serve(CURRENT);
          const threadId = parseRolloutName(path.split('/').at(-1)!)!.id;
          await server.call('thread/resume', { threadId });
          await server.turn(threadId, 'work');
          await server.end();
        },
      }) satisfies Run,
  ),
];
