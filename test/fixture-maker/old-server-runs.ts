// Runs of the app servers before 0.169: what `codex exec` cannot do, as rolling back, reviewing, forking. Test process.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOT, FINDINGS, INJECTED, PATCH, PROPOSAL } from './materials.js';
import { SHELF_SETTINGS, writeShelf } from './shelf-server.js';
import type { Run } from './run.js';
import { call, picture, refuse, say, textTool, tool, webSearch } from './scripted-replies.js';
import type { ScriptedReply } from './scripted-replies.js';
import type { Stage } from './stage.js';

interface Version {
  version: string;
  model: string;
  /** It writes the ends of commands, searches and failures as events when it is asked to. */
  extends?: true;
  runsShellCommands?: true;
  injects?: true;
}

const VERSIONS: readonly Version[] = [
  { version: '0.72.0', model: 'gpt-5.1-codex' },
  { version: '0.98.0', model: 'gpt-5.1-codex' },
  { version: '0.120.0', model: 'gpt-5.4', extends: true, runsShellCommands: true },
  { version: '0.140.0', model: 'gpt-5.5', runsShellCommands: true, injects: true },
];

const work: ScriptedReply = call(
  tool('exec_command', { cmd: 'echo out; exit 3' }),
  textTool('apply_patch', PATCH),
  tool('view_image', { path: 'dot.png' }),
  webSearch('weather'),
);

const FREELY = { approvalPolicy: 'never', sandbox: 'danger-full-access' };

export const oldServerRuns: readonly Run[] = VERSIONS.map((version) => ({
  name: `server-${version.version}`,
  settings: `model = "${version.model}"\n${version.extends ? SHELF_SETTINGS : ''}`,
  script: {
    plan: [say(PROPOSAL)],
    'review it': [say(FINDINGS)],
    work: [work, say('all done')],
    'work of others': [call(tool('mcp__shelf__fetch', {}), picture(DOT.toString('base64'))), say('all done')],
    fail: [refuse],
  },
  drive: (stage) => (version.version === '0.72.0' ? review(stage, version) : drive(stage, version)),
}));

/** All that this version's server does beyond turns. */
async function review(stage: Stage, { version }: Version): Promise<void> {
  const server = await stage.serve(version);
  const { thread } = await server.call('thread/start', { cwd: stage.workspace, ...FREELY });
  await server.turn(thread.id, 'one');
  await server.turnBy('review/start', reviewOf(thread.id));
  await server.turn(thread.id, 'two');
  await server.end();
}

async function drive(stage: Stage, { version, model, ...has }: Version): Promise<void> {
  writeFileSync(join(stage.workspace, 'dot.png'), DOT);
  if (has.extends) writeShelf(stage.workspace);
  const server = await stage.serve(version);
  const { thread } = await server.call('thread/start', {
    cwd: stage.workspace,
    ...FREELY,
    ...(has.extends ? { persistExtendedHistory: true } : {}),
  });
  const threadId: string = thread.id;
  await server.turn(threadId, 'one');
  await server.turn(threadId, 'work');
  if (has.extends) await server.turn(threadId, 'work of others');
  await server.turn(threadId, 'two');
  await server.turn(threadId, 'three');
  await server.call('thread/rollback', { threadId, numTurns: 2 });
  await server.turn(threadId, 'fail');
  await server.turnBy('thread/compact/start', { threadId });
  await server.turnBy('review/start', reviewOf(threadId));
  if (has.runsShellCommands) await server.turnBy('thread/shellCommand', { threadId, command: 'echo by the user' });
  await server.call('thread/name/set', { threadId, name: `Named by ${version}` });
  if (has.injects) await server.call('thread/inject_items', { threadId, items: [INJECTED] });
  await server.turn(threadId, 'plan', {
    collaborationMode: { mode: 'plan', settings: { model, reasoning_effort: null, developer_instructions: null } },
  });
  await server.end();
  stage.keep(`server-${version}`, thread.path);
}

function reviewOf(threadId: string): object {
  return { threadId, target: { type: 'custom', instructions: 'review it' }, delivery: 'inline' };
}
