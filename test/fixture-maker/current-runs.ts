// Runs of 0.169 on conversations that lie in one file each: all kinds of items and of ends. Test process.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppServer } from './app-server.js';
import { DOT, FINDINGS, INJECTED, PATCH, PLAN, PROPOSAL } from './materials.js';
import { SHELF_SETTINGS, writeShelf } from './shelf-server.js';
import type { Run } from './run.js';
import { call, hang, reason, refuse, say, textTool, tool, webSearch } from './scripted-replies.js';
import type { Script, ScriptedReply } from './scripted-replies.js';
import type { Stage } from './stage.js';

export const CURRENT = '0.169.0';
export const SETTINGS = 'model = "gpt-5.5"\n[features]\napps = false\nplugins = false\n';

const CHANGES = `*** Begin Patch
*** Update File: new.txt
*** Move to: moved.txt
@@
 one
-two
+three
*** Add File: gone.txt
+soon
*** End Patch`;
const DELETION = '*** Begin Patch\n*** Delete File: gone.txt\n*** End Patch';
const DYNAMIC_TOOL = {
  type: 'function',
  name: 'look_up',
  description: 'Looks something up.',
  inputSchema: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
};

const inPhases: ScriptedReply = (reply) => {
  reply.create();
  reply.message(['on it'], 'commentary');
  reply.message(['there it is'], 'final_answer');
  reply.complete();
};

/** Its output to the call before names the agent. */
const waitForAgent: ScriptedReply = (reply, callId, input) => {
  const { agent_id } = JSON.parse(String(input.at(-1)?.['output'])) as { agent_id: string };
  return call(tool('wait_agent', { targets: [agent_id], timeout_ms: 10_000 }, 'multi_agent_v1'))(reply, callId, input);
};

const AGENT_SETTINGS = SETTINGS.replace('[features]', '[features]\nmulti_agent_v2 = true');
const DELEGATION: readonly ScriptedReply[] = [
  call(tool('spawn_agent', { message: 'hello, agent', task_name: 'greeter' }, 'collaboration')),
  call(tool('wait_agent', { timeout_ms: 10_000 }, 'collaboration')),
  say('all done'),
];

interface Talk {
  stage: Stage;
  server: AppServer;
  threadId: string;
}

/** A run on one new thread, whose server is ended in good order. */
function onThread(
  name: string,
  { script = {}, settings = SETTINGS, start = {} }: { script?: Script; settings?: string; start?: object },
  talk: (talk: Talk) => Promise<void>,
): Run {
  return {
    name,
    script,
    settings,
    drive: async (stage) => {
      const server = await stage.serve(CURRENT);
      const { thread } = await server.call('thread/start', { cwd: stage.workspace, ...start });
      await talk({ stage, server, threadId: thread.id as string });
      await server.end();
      stage.keep(name, thread.path as string);
    },
  };
}

export const currentRuns: readonly Run[] = [
  onThread(
    'commands',
    {
      script: {
        commands: [
          call(
            tool('exec_command', { cmd: 'echo out; echo err >&2; exit 3' }),
            tool('exec_command', { cmd: 'cat new.txt' }),
          ),
          call(textTool('apply_patch', PATCH)),
          call(textTool('apply_patch', CHANGES)),
          call(textTool('apply_patch', DELETION)),
          call(textTool('apply_patch', DELETION)),
          say('all done'),
        ],
      },
    },
    async ({ server, threadId }) => {
      await server.turn(threadId, 'commands');
      await server.turnBy('thread/shellCommand', { threadId, command: 'echo by the user' });
    },
  ),
  onThread(
    'tool-kinds',
    {
      settings: `model = "gpt-5.5"\n[features]\napps = false\nplugins = false\n[tools.update_plan]\nenabled = true\n`,
      script: {
        tools: [
          call(tool('view_image', { path: 'dot.png' }), tool('look_up', { word: 'dot' }), webSearch('weather')),
          call(tool('update_plan', PLAN), tool('no_such_tool', {})),
          inPhases,
        ],
        think: [reason],
      },
      start: { dynamicTools: [DYNAMIC_TOOL] },
    },
    async ({ stage, server, threadId }) => {
      writeFileSync(join(stage.workspace, 'dot.png'), DOT);
      server.onRequest = () => ({ contentItems: [{ type: 'inputText', text: 'a small mark' }], success: true });
      await server.turn(threadId, 'tools');
      await server.turn(threadId, 'think');
    },
  ),
  onThread(
    'ends',
    {
      script: {
        fail: [refuse],
        'wait for the interrupt': [hang],
        'wait for more': [hang],
        'one thing more': [say('steered')],
      },
    },
    async ({ server, threadId }) => {
      await server.turn(threadId, 'hello');
      await server.turn(threadId, 'fail');
      const turnId = await server.startTurn(threadId, 'wait for the interrupt');
      await server.heard('item/agentMessage/delta', (params) => params.turnId === turnId);
      await server.call('turn/interrupt', { threadId, turnId });
      await server.endOfTurn(turnId);
      const steered = await server.startTurn(threadId, 'wait for more');
      await server.heard('item/agentMessage/delta', (params) => params.turnId === steered);
      await server.call('turn/steer', {
        threadId,
        expectedTurnId: steered,
        input: [{ type: 'text', text: 'one thing more', text_elements: [] }],
      });
      await server.endOfTurn(steered);
    },
  ),
  onThread(
    'late-command',
    {
      script: {
        slow: [call(tool('exec_command', { cmd: 'sleep 2; echo late', yield_time_ms: 30_000 })), say('never')],
      },
    },
    async ({ server, threadId }) => {
      const turnId = await server.startTurn(threadId, 'slow');
      await server.heard('item/started', ({ item }) => item.type === 'commandExecution');
      await server.call('turn/interrupt', { threadId, turnId });
      await server.endOfTurn(turnId);
      await server.turn(threadId, 'meanwhile');
      await server.heard('item/completed', ({ item }) => item.type === 'commandExecution');
    },
  ),
  onThread(
    'images-and-plan',
    { script: { plan: [say(PROPOSAL)], look: [say('two dots')] } },
    async ({ stage, server, threadId }) => {
      const file = join(stage.workspace, 'dot.png');
      writeFileSync(file, DOT);
      await server.turn(threadId, [
        { type: 'text', text: 'look', text_elements: [{ byteRange: { start: 0, end: 4 }, placeholder: '@look' }] },
        { type: 'localImage', path: file },
        { type: 'image', url: `data:image/png;base64,${DOT.toString('base64')}` },
      ]);
      await server.turn(threadId, 'plan', {
        collaborationMode: {
          mode: 'plan',
          settings: { model: 'gpt-5.5', reasoning_effort: null, developer_instructions: null },
        },
      });
    },
  ),
  onThread('compacted', { script: {} }, async ({ server, threadId }) => {
    await server.turn(threadId, 'before');
    await server.turnBy('thread/compact/start', { threadId });
    await server.turn(threadId, 'after');
  }),
  onThread('reviewed', { script: { 'review it': [say(FINDINGS)] } }, async ({ stage, server, threadId }) => {
    await server.turn(threadId, 'before');
    await server.turnBy('review/start', {
      threadId,
      target: { type: 'custom', instructions: 'review it' },
      delivery: 'inline',
    });
    await server.turn(threadId, 'after');
    const reviewer = stage.rollouts().find((path) => !path.includes(threadId));
    if (reviewer !== undefined) stage.keep('reviewer', reviewer);
  }),
  onThread('settings', { script: {} }, async ({ server, threadId }) => {
    await server.call('thread/inject_items', { threadId, items: [INJECTED] });
    await server.turn(threadId, 'one', { model: 'gpt-5.4', effort: 'high', summary: 'concise' });
    await server.call('thread/settings/update', { threadId, effort: 'low', approvalPolicy: 'on-request' });
    await server.call('thread/name/set', { threadId, name: 'A name of its own' });
    await server.turn(threadId, 'two', {
      sandboxPolicy: {
        type: 'workspaceWrite',
        writableRoots: [],
        networkAccess: false,
        excludeTmpdirEnvVar: false,
        excludeSlashTmp: false,
      },
    });
  }),
  onThread(
    'agents',
    {
      settings: `${SETTINGS}${SHELF_SETTINGS}`,
      script: {
        'work of others': [
          call(tool('fetch', {}, 'mcp__shelf')),
          call(tool('spawn_agent', { message: 'hello, agent' }, 'multi_agent_v1')),
          waitForAgent,
          say('all done'),
        ],
      },
    },
    async ({ stage, server, threadId }) => {
      writeShelf(stage.workspace);
      await server.turn(threadId, 'work of others');
      stage.keep(
        'agent',
        stage.rollouts().find((path) => !path.includes(threadId))!,
      );
    },
  ),
  onThread(
    'named-agents',
    {
      settings: AGENT_SETTINGS,
      script: { delegate: DELEGATION },
    },
    async ({ server, threadId }) => {
      await server.turn(threadId, 'delegate');
    },
  ),
  onThread(
    'legacy-agents',
    {
      settings: AGENT_SETTINGS,
      script: { delegate: DELEGATION },
      start: { historyMode: 'legacy' },
    },
    async ({ server, threadId }) => {
      await server.turn(threadId, 'delegate');
    },
  ),
  {
    name: 'exec-0.169.0',
    script: {},
    settings: SETTINGS,
    drive: async (stage) => {
      makeRepository(stage.workspace);
      writeStopHook(stage);
      await stage.exec(CURRENT, 'hello', { args: ['--dangerously-bypass-hook-trust'] });
    },
  },
  {
    name: 'killed-0.169.0',
    script: { 'wait for the kill': [hang], command: [call(tool('exec_command', { cmd: 'sleep 1' })), say('never')] },
    settings: SETTINGS,
    drive: async (stage) => {
      let server = await stage.serve(CURRENT);
      const { thread } = await server.call('thread/start', { cwd: stage.workspace });
      await server.turn(thread.id, 'hello');
      const turnId = await server.startTurn(thread.id, 'wait for the kill');
      await server.heard('item/agentMessage/delta', (params) => params.turnId === turnId);
      await server.kill();
      server = await stage.serve(CURRENT);
      await server.call('thread/resume', { threadId: thread.id });
      await server.startTurn(thread.id, 'command');
      await server.heard('item/started', ({ item }) => item.type === 'commandExecution');
      await server.kill();
    },
  },
];

/** With a commit whose hash is the same each time. */
function makeRepository(folder: string): void {
  const date = '2026-01-01T00:00:00Z';
  const env = {
    PATH: process.env['PATH'],
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
  };
  const author = ['-c', 'user.name=user', '-c', 'user.email=user@example.com'];
  const git = (...args: string[]): void => void execFileSync('git', args, { cwd: folder, env, stdio: 'ignore' });
  git('init', '--initial-branch=main');
  git(...author, 'commit', '--allow-empty', '--message=first');
  git('remote', 'add', 'origin', 'https://example.com/user/ws.git');
}

/** It lets the turn go on once. */
function writeStopHook({ home, root }: Stage): void {
  const mark = join(root, 'hooked');
  const refusal = JSON.stringify({ decision: 'block', reason: 'not yet' });
  const command = `if [ -e ${mark} ]; then echo '{}'; else touch ${mark}; echo '${refusal}'; fi`;
  writeFileSync(
    join(home, 'hooks.json'),
    JSON.stringify({ hooks: { Stop: [{ hooks: [{ type: 'command', command }] }] } }),
  );
}
