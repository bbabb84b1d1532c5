// exec_command: runs a script in a shell; what takes long goes on in the background. Session worker.
import path from 'node:path';
import { describeResult } from '../exec/describe-result.js';
import { findShellPatch } from '../patch/shell-patch.js';
import { runCommand } from '../run-command.js';
import { userShell } from '../shell-path.js';
import { applyPatch } from './apply-patch.js';
import { ESCALATION_PROPERTIES, readArguments, readEscalation } from './arguments.js';
import { ToolFailure } from './tool.js';
import type { Tool } from './tool.js';

const DEFAULT_YIELD_MS = 10_000;
const LONGEST_YIELD_MS = 30_000;
const SHORTEST_YIELD_MS = 250;

export const EXEC_COMMAND: Tool = {
  name: 'exec_command',
  isParallel: true,
  definition: {
    type: 'function',
    name: 'exec_command',
    description:
      'Runs a command in a shell. Gives its output, and a session id when it still runs after yield_time_ms: write_stdin goes on with it.',
    strict: false,
    parameters: {
      type: 'object',
      properties: {
        cmd: { type: 'string', description: 'The script for the shell.' },
        workdir: { type: 'string', description: 'Where it runs; the working directory by default.' },
        shell: { type: 'string', description: 'Path of the shell; the one of the user by default.' },
        login: { type: 'boolean', description: 'Whether it is a login shell; true by default.' },
        tty: { type: 'boolean', description: 'Whether it gets a terminal, and so takes input; false by default.' },
        yield_time_ms: { type: 'number', description: 'Milliseconds to wait for its end; 10000 by default.' },
        max_output_tokens: {
          type: 'number',
          description: 'More output than this is cut in the middle; 10000 by default.',
        },
        ...ESCALATION_PROPERTIES,
      },
      required: ['cmd'],
      additionalProperties: false,
    },
  },
  run: async (invocation) => {
    const args = readArguments(
      invocation.input,
      { cmd: 'string' },
      {
        workdir: 'string',
        shell: 'string',
        login: 'boolean',
        tty: 'boolean',
        yield_time_ms: 'number',
        max_output_tokens: 'number',
      },
    );
    const { cmd, workdir, shell, login, tty, yield_time_ms, max_output_tokens } = args;
    if (cmd === '') throw new ToolFailure('exec_command needs a `cmd` that is not empty');
    const cwd = path.resolve(invocation.state.settings.cwd, workdir ?? '.');
    const patch = findShellPatch(cmd, cwd);
    if (patch !== null) return applyPatch(invocation, patch.patch, patch.cwd);
    const result = await runCommand(invocation, {
      argv: [shell ?? userShell(), login === false ? '-c' : '-lc', cmd],
      cwd,
      tty: tty === true,
      yieldMs: clampYield(yield_time_ms ?? DEFAULT_YIELD_MS),
      mayOutlive: true,
      ...readEscalation(invocation.input),
    });
    return describeResult(result, max_output_tokens);
  },
};

export function clampYield(milliseconds: number): number {
  return Math.min(LONGEST_YIELD_MS, Math.max(SHORTEST_YIELD_MS, milliseconds));
}
