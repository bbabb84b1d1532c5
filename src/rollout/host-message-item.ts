// Items that stand only in messages which the host wrote in the user's name: shell commands of the user, prompts of hooks.
// Any thread.
import type { ThreadItem } from '../protocol/thread.js';
import { NO_TIMES } from './item-times.js';
import { isResponseItem } from './response-item.js';
import type { ResponseItem } from './response-item.js';

const SHELL_COMMAND =
  /^<user_shell_command>\n<command>\n([^]*?)\n<\/command>\n<result>\n(?:Exit code: (-?\d+)\n)?(?:Duration: ([\d.]+) seconds\n)?(?:Output:\n)?([^]*?)\n?<\/result>\n<\/user_shell_command>$/;
const HOOK_PROMPT = /^<hook_prompt hook_run_id="([^"]+)">([^]*)<\/hook_prompt>$/;
const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** The item in a message, under its own id or else `otherId`; null for every other item. */
export function hostMessageItem(item: ResponseItem, cwd: string, otherId: () => string): ThreadItem | null {
  if (!isResponseItem(item, 'message') || item.role !== 'user') return null;
  const texts = item.content.map((part) => (part.type === 'input_text' && isString(part.text) ? part.text.trim() : ''));
  const shell = texts.length === 1 ? SHELL_COMMAND.exec(texts[0]!) : null;
  if (shell !== null) return shellCommand(idOf(item.id) ?? otherId(), cwd, shell);
  const prompts = texts.map((text) => HOOK_PROMPT.exec(text));
  if (prompts.length === 0 || prompts.includes(null)) return null;
  const fragments = prompts.map((prompt) => ({ text: decode(prompt![2]!), hookRunId: decode(prompt![1]!) }));
  return { type: 'hookPrompt', id: idOf(item.id) ?? otherId(), fragments, ...NO_TIMES };
}

function shellCommand(id: string, cwd: string, [, command = '', code, seconds, output]: RegExpExecArray): ThreadItem {
  const exitCode = code === undefined ? null : Number(code);
  return {
    type: 'commandExecution',
    id,
    pluginId: null,
    scriptPath: null,
    command,
    cwd,
    processId: null,
    source: 'userShell',
    status: exitCode === 0 ? 'completed' : 'failed',
    commandActions: [{ type: 'unknown', command }],
    aggregatedOutput: output || null,
    exitCode,
    durationMs: seconds === undefined ? null : Math.round(Number(seconds) * 1000),
    ...NO_TIMES,
  };
}

function decode(text: string): string {
  return text.replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

function idOf(id: unknown): string | null {
  return isString(id) && id !== '' ? id : null;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}
