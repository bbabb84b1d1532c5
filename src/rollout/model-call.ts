// The calls of a model, as far as people shall see what they did: commands, patches, everything else. Any thread.
import { resolve } from 'node:path';
import { joinCommand } from './join-command.js';
import type { CoreFileChange } from './line.js';
import { parsePatch, patchInScript } from './patch-text.js';
import type { ResponseItem } from './response-item.js';

export interface ModelCall {
  callId: string;
  /** The tool, as the model named it. */
  name: string;
  namespace: string | null;
  /** Parsed where it is JSON, else the text. */
  input: unknown;
}

export interface CalledCommand {
  /** As a shell would take it. */
  command: string;
  /** What the shell in it is told to do; the command itself when there is none. */
  script: string;
  cwd: string;
  /** True when it may outlive the call. */
  isSession: boolean;
}

/** The call that an item makes; null for items that make none or lack an id for it. */
export function toModelCall(item: ResponseItem): ModelCall | null {
  const { type, call_id, name, namespace, ...fields } = item as Record<string, unknown>;
  if (typeof call_id !== 'string' || call_id === '') return null;
  const call = { callId: call_id, namespace: typeof namespace === 'string' ? namespace : null };
  switch (type) {
    case 'function_call':
      return { ...call, name: nameOr(name, 'unknown'), input: parseInput(fields['arguments']) };
    case 'custom_tool_call':
      return { ...call, name: nameOr(name, 'unknown'), input: fields['input'] ?? null };
    case 'local_shell_call':
      return { ...call, name: 'local_shell', input: fields['action'] ?? null };
    case 'tool_search_call':
      return { ...call, name: 'tool_search', input: fields['arguments'] ?? null };
    default:
      return null;
  }
}

/** The command that a call runs in a shell or by itself; null when it is no such call, or makes no sense as one. */
export function toCommand({ name, namespace, input }: ModelCall, cwd: string): CalledCommand | null {
  if (namespace !== null || !isObject(input)) return null;
  const workdir = input['workdir'] ?? input['working_directory'];
  const folder = typeof workdir === 'string' ? resolve(cwd, workdir) : cwd;
  switch (name) {
    case 'shell':
    case 'container.exec':
    case 'local_shell':
      return ofArguments(input['command'], folder, false);
    case 'shell_command':
      return ofScript(input['command'], folder, false);
    case 'exec_command':
      return ofScript(input['cmd'], folder, true);
    case 'unified_exec':
      return sessionNamed(input) === null ? ofArguments(input['input'], folder, true) : null;
    default:
      return null;
  }
}

/** The changes that a call makes to files, by its own or through a shell; null for every other call. */
export function toPatch(call: ModelCall, cwd: string): Record<string, CoreFileChange> | null {
  const { name, namespace, input } = call;
  if (name === 'apply_patch' && namespace === null) {
    const text = isObject(input) ? (input['input'] ?? input['patch']) : input;
    return typeof text === 'string' ? parsePatch(text, cwd) : null;
  }
  const command = toCommand(call, cwd);
  if (command === null) return null;
  const [program, text, ...more] = isObject(input) && isTexts(input['command']) ? input['command'] : [];
  if ((program === 'apply_patch' || program === 'applypatch') && text !== undefined && more.length === 0) {
    return parsePatch(text, command.cwd);
  }
  const patch = patchInScript(command.script, command.cwd);
  return patch === null ? null : parsePatch(patch.text, patch.cwd);
}

/** Of a call that writes to a process or waits for it: which one. null for every other call. */
export function toContinuedSession({ name, namespace, input }: ModelCall): string | null {
  if (namespace !== null || (name !== 'write_stdin' && name !== 'unified_exec')) return null;
  return isObject(input) ? sessionNamed(input) : null;
}

function sessionNamed(input: Record<string, unknown>): string | null {
  const id = input['session_id'];
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null;
}

function ofArguments(args: unknown, cwd: string, isSession: boolean): CalledCommand | null {
  if (!isTexts(args) || args.length === 0) return null;
  const command = joinCommand(args);
  const [shell = '', flag, script] = args;
  const isScript = args.length === 3 && /(?:^|\/)(?:ba|z|da)?sh$/.test(shell) && (flag === '-lc' || flag === '-c');
  return { command, script: isScript ? script! : command, cwd, isSession };
}

function ofScript(script: unknown, cwd: string, isSession: boolean): CalledCommand | null {
  return typeof script === 'string' ? { command: script, script, cwd, isSession } : null;
}

function parseInput(text: unknown): unknown {
  if (typeof text !== 'string') return text ?? null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Models write what is no JSON: shown as it is.
    return text;
  }
}

function nameOr(name: unknown, otherwise: string): string {
  return typeof name === 'string' && name !== '' ? name : otherwise;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((part) => typeof part === 'string');
}
