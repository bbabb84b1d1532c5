// What a call would have been shown as, had its session lived: for those that nobody knows more of. Session worker.
import { brokenTool } from '../rollout/broken-tool.js';
import type { CoreItem } from '../rollout/line.js';
import { toCommand, toModelCall, toPatch } from '../rollout/model-call.js';
import type { CalledCommand, ModelCall } from '../rollout/model-call.js';
import type { ResponseItem } from '../rollout/response-item.js';
import { pathToFileURL } from 'node:url';
import { parseCommand } from './policy/command-actions.js';
import { failedCallItem } from './tool-calls.js';
import { userShell } from './shell-path.js';

/** `told` is what the model gets in place of an output, `output` what a command is known to have written. */
export function brokenCallItem(
  response: ResponseItem,
  id: string,
  { cwd, told, output }: { cwd: string; told: string; output: string },
): CoreItem {
  const call = toModelCall(response);
  const changes = call === null ? null : toPatch(call, cwd);
  if (changes !== null) return brokenTool({ type: 'FileChange', id, changes, status: 'failed' }, '');
  const command = call === null ? null : toCommand(call, cwd);
  if (call === null || command === null) return failedCallItem(response, id, told);
  const argv = argvOf(call, command);
  const item = {
    type: 'CommandExecution' as const,
    id,
    process_id: null,
    command: argv,
    cwd: pathToFileURL(command.cwd).href,
    parsed_cmd: parseCommand(argv),
    source: command.isSession ? 'unified_exec_startup' : 'agent',
    status: 'failed',
  };
  return brokenTool(item, output);
}

/** As the tools put it together. */
function argvOf({ input }: ModelCall, { script }: CalledCommand): string[] {
  const { command, shell, login } = input as { command?: unknown; shell?: unknown; login?: unknown };
  if (Array.isArray(command)) return command as string[];
  return [typeof shell === 'string' ? shell : userShell(), login === false ? '-c' : '-lc', script];
}
