// Runs of the versions before 0.169, each by `codex exec`: one conversation with all that the version can do that way.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRolloutName } from '../../src/rollout/file-name.js';
import { DOT, PATCH, PLAN } from './materials.js';
import type { Run } from './run.js';
import { call, hang, reason, refuse, say, shellCall, textTool, tool, webSearch } from './scripted-replies.js';
import type { ScriptedReply } from './scripted-replies.js';
import type { ExecOptions, Stage } from './stage.js';

interface Tour {
  version: string;
  model: string;
  /** One reply that calls what this version has for commands, patches and plans. */
  work: ScriptedReply;
  /** Arguments that make it offer plans, where it does not by itself. */
  planArgs?: string[];
  /** It sends an image as a message of its own and then never ends. */
  hangsAfterImages?: true;
  /** It goes on with a file, not with an id. */
  resumesByPath?: true;
  /** It makes a summary by itself when there was too much. */
  compacts?: true;
}

const TOURS: readonly Tour[] = [
  {
    version: '0.34.0',
    model: 'gpt-5',
    work: call(
      tool('shell', { command: ['bash', '-lc', 'echo out; echo err >&2; exit 3'] }),
      tool('shell', { command: ['apply_patch', PATCH] }),
      tool('update_plan', PLAN),
    ),
    planArgs: ['-c', 'include_plan_tool=true'],
    hangsAfterImages: true,
    resumesByPath: true,
  },
  {
    version: '0.45.0',
    model: 'gpt-5-codex',
    work: call(
      tool('shell', { command: ['bash', '-lc', 'echo out; exit 3'] }),
      textTool('apply_patch', PATCH),
      tool('update_plan', PLAN),
      webSearch('weather'),
    ),
    planArgs: ['--include-plan-tool'],
    hangsAfterImages: true,
    compacts: true,
  },
  {
    version: '0.63.0',
    model: 'codex-mini-latest',
    work: call(
      shellCall(['bash', '-lc', 'echo out; exit 3']),
      tool('shell', { command: ['bash', '-lc', `apply_patch <<'EOF'\n${PATCH}\nEOF`] }),
      tool('update_plan', PLAN),
      webSearch('weather'),
    ),
    compacts: true,
  },
  {
    version: '0.72.0',
    model: 'gpt-5.1-codex',
    work: call(
      tool('shell_command', { command: 'echo out; exit 3' }),
      textTool('apply_patch', PATCH),
      tool('update_plan', PLAN),
      webSearch('weather'),
    ),
    compacts: true,
  },
  ...[
    { version: '0.98.0', model: 'gpt-5.1-codex' },
    { version: '0.120.0', model: 'gpt-5.4' },
    { version: '0.140.0', model: 'gpt-5.5' },
  ].map((tour) => ({
    ...tour,
    work: call(
      tool('exec_command', { cmd: 'echo out; exit 3' }),
      textTool('apply_patch', PATCH),
      tool('update_plan', PLAN),
      webSearch('weather'),
    ),
    compacts: true as const,
  })),
];

export const oldRuns: readonly Run[] = TOURS.map((tour) => ({
  name: `codex-${tour.version}`,
  settings: `model = "${tour.model}"\nmodel_auto_compact_token_limit = 1000\n`,
  script: {
    work: [tour.work, say('all done')],
    think: [reason],
    'look at this': [say('a dot')],
    '': [say('a dot')],
    fail: [refuse],
    'wait for the interrupt': [hang],
    'wait for the kill': [hang],
    'fill the window': [say('filled', { input: 5000, output: 10 })],
  },
  drive: (stage) => goOnTour(stage, tour),
}));

async function goOnTour(stage: Stage, tour: Tour): Promise<void> {
  const { version } = tour;
  const image = join(stage.workspace, 'dot.png');
  writeFileSync(image, DOT);
  let path = '';
  const turn = async (prompt: string, { args = [], ...options }: ExecOptions = {}): Promise<void> => {
    if (path === '') {
      path = await stage.exec(version, prompt, { args, ...options });
      return;
    }
    if (tour.resumesByPath) {
      await stage.exec(version, prompt, { ...options, args: [...args, '-c', `experimental_resume="${path}"`] });
      return;
    }
    await stage.exec(version, prompt, { ...options, args, resume: parseRolloutName(path.split('/').at(-1)!)!.id });
  };
  await turn('hello');
  await turn('work', { args: tour.planArgs ?? [] });
  await turn('think');
  await turn('look at this', {
    args: ['-i', image, '--color', 'never'],
    ...(tour.hangsAfterImages ? { signal: 'SIGKILL' } : {}),
  });
  await turn('fail');
  await turn('wait for the interrupt', { signal: 'SIGINT' });
  await turn('wait for the kill', { signal: 'SIGKILL' });
  if (tour.compacts) await turn('fill the window');
  await turn('goodbye');
}
