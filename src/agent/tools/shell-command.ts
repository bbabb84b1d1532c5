// shell_command and shell: a command that ends with its call, for models that know no other. Session worker.
import path from 'node:path';
import { exitCodeOf } from '../exec/exit-code.js';
import { cutMiddle, joinOutput } from '../exec/output-buffer.js';
import type { ExecResult } from '../exec/running-command.js';
import { findCommandPatch } from '../patch/shell-patch.js';
import { runCommand } from '../run-command.js';
import { userShell } from '../shell-path.js';
import { applyPatch } from './apply-patch.js';
import { ESCALATION_PROPERTIES, readArguments, readEscalation } from './arguments.js';
import { ToolFailure } from './tool.js';
import type { Invocation, Tool, ToolOutput } from './tool.js';

const DEFAULT_TIMEOUT_MS = 60_000;
const LONGEST_TIMEOUT_MS = 3_600_000;
const MAX_OUTPUT_BYTES = 40_000;
/** What a shell says of a command that took too long. */
const TIMED_OUT = 124;

const properties = (command: object) => ({
  command,
  workdir: { type: 'string', description: 'Where it runs; the working directory by default.' },
  timeout_ms: { type: 'number', description: 'Milliseconds after which it is ended; 60000 by default.' },
  ...ESCALATION_PROPERTIES,
});

export const SHELL_COMMAND: Tool = {
  name: 'shell_command',
  isParallel: true,
  definition: define('shell_command', 'Runs a script in a shell and gives its output.', { type: 'string' }),
  run: (invocation) => {
    const { command } = readArguments(invocation.input, { command: 'string' }, {});
    return run(invocation, [userShell(), '-lc', command]);
  },
};

export const SHELL: Tool = {
  name: 'shell',
  isParallel: true,
  definition: define('shell', 'Runs a program and gives its output.', { type: 'array', items: { type: 'string' } }),
  run: (invocation) => {
    const { command } = readArguments(invocation.input, { command: 'strings' }, {});
    return run(invocation, command);
  },
};

function define(name: string, description: string, command: object): unknown {
  const parameters = {
    type: 'object',
    properties: properties(command),
    required: ['command'],
    additionalProperties: false,
  };
  return { type: 'function', name, description, strict: false, parameters };
}

async function run(invocation: Invocation, argv: string[]): Promise<ToolOutput> {
  if (argv.length === 0 || argv[0] === '') throw new ToolFailure('`command` must not be empty');
  const { workdir, timeout_ms } = readArguments(invocation.input, {}, { workdir: 'string', timeout_ms: 'number' });
  const cwd = path.resolve(invocation.state.settings.cwd, workdir ?? '.');
  const patch = findCommandPatch(argv, cwd);
  if (patch !== null) return applyPatch(invocation, patch.patch, patch.cwd);
  const yieldMs = Math.min(LONGEST_TIMEOUT_MS, Math.max(1, timeout_ms ?? DEFAULT_TIMEOUT_MS));
  const escalation = readEscalation(invocation.input);
  return describe(await runCommand(invocation, { argv, cwd, tty: false, yieldMs, mayOutlive: false, ...escalation }));
}

function describe({ exit, wallTimeMs, output }: ExecResult): string {
  const seconds = (wallTimeMs / 1000).toFixed(1);
  const lines = [
    `Exit code: ${exit === null ? TIMED_OUT : exitCodeOf(exit)}`,
    `Wall time: ${seconds} seconds`,
    ...(output.omittedBytes > 0 || output.totalBytes > MAX_OUTPUT_BYTES
      ? [`Total output bytes: ${output.totalBytes}`]
      : []),
    'Output:',
    ...(exit === null ? [`the command was ended after ${seconds} seconds`] : []),
    joinOutput(cutMiddle(output, MAX_OUTPUT_BYTES)),
  ];
  return lines.join('\n');
}
