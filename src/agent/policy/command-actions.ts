// What a command does, as far as people want to see it instead of the command: reading, listing, searching. Pure.
// Session worker.
import path from 'node:path';
import type { ThreadItem } from '../../protocol/thread.js';
import { joinCommand } from '../../rollout/join-command.js';
import type { CoreItem } from '../../rollout/line.js';
import { ACTION_PROGRAMS, DULL_FOLDERS, FIND_NAMES, FORMATTERS } from './action-programs.js';
import type { ActionProgram } from './action-programs.js';
import { fixedArgv, readPlainScript } from './plain-script.js';
import type { Connector } from './plain-script.js';
import { isKnownSafe } from './safe-commands.js';
import { SAFE_PROGRAMS } from './safe-programs.js';
import { shellScriptOf } from './shell-script.js';

/** An action as a rollout spells it (`parsed_cmd`). */
export type ParsedCommand = Extract<CoreItem, { type: 'CommandExecution' }>['parsed_cmd'][number];

/** An action as the wire spells it. */
export type CommandAction = Extract<ThreadItem, { type: 'commandExecution' }>['commandActions'][number];

/**
 * The actions of a command: one for each part that reads, lists or searches, in their order; a single `unknown` with
 * the whole command when any part does something else. At least one. Never throws.
 */
export function parseCommand(argv: readonly string[]): ParsedCommand[] {
  const script = shellScriptOf(argv);
  const unknown: ParsedCommand[] = [{ type: 'unknown', cmd: script ?? joinCommand(argv) }];
  const steps = script === null ? [{ argv: [...argv], connector: null, shown: '' }] : readSteps(script);
  if (steps === null) return unknown;
  const actions: ParsedCommand[] = [];
  let folder: string | null = null;
  for (const step of dropTrifles(steps)) {
    const target = changedFolder(step.argv);
    if (target !== null) {
      folder = below(folder, target);
      continue;
    }
    const action = toAction(step.argv);
    if (action === null) return unknown;
    action.cmd += step.shown;
    if (action.type === 'read') action.path = below(folder, action.path!);
    actions.push(action);
  }
  return actions.length === 0 ? unknown : actions;
}

/** The same for the wire; `cwd` is absolute. */
export function commandActions(argv: readonly string[], cwd: string): CommandAction[] {
  return parseCommand(argv).map(({ type, cmd, name, query, path: file }): CommandAction => {
    switch (type) {
      case 'read':
        return { type: 'read', command: cmd, name: name!, path: path.resolve(cwd, file!) };
      case 'list_files':
        return { type: 'listFiles', command: cmd, path: file ?? null };
      case 'search':
        return { type: 'search', command: cmd, query: query ?? null, path: file ?? null };
      default:
        return { type: 'unknown', command: cmd };
    }
  });
}

function below(folder: string | null, file: string): string {
  return folder === null || path.isAbsolute(file) ? file : path.join(folder, file);
}

interface Step {
  argv: string[];
  connector: Connector | null;
  /** What is shown of the formatters behind it. */
  shown: string;
}

function readSteps(script: string): Step[] | null {
  const commands = readPlainScript(script);
  const fixed = commands === null ? null : fixedArgv(commands);
  return fixed?.map((argv, place) => ({ argv, connector: commands![place]!.connector, shown: '' })) ?? null;
}

/** Without what says nothing: formatters behind a pipe, a heading before the first command, `|| true` after the last. */
function dropTrifles(steps: readonly Step[]): Step[] {
  const left: Step[] = [];
  for (const step of steps) {
    const before = left.at(-1);
    if (before === undefined || step.connector !== '|' || !isFormatter(step.argv)) left.push({ ...step });
    // Which lines were read is worth seeing.
    else if (step.argv[0] === 'sed' && toAction(before.argv)?.type === 'read')
      before.shown += ` | ${joinCommand(step.argv)}`;
  }
  let first = 0;
  while (first < left.length - 1 && left[first]!.argv[0] === 'echo' && left[first + 1]!.connector !== '|') first += 1;
  let end = left.length;
  while (end > first + 1 && left[end - 1]!.argv.join(' ') === 'true') end -= 1;
  return left.slice(first, end);
}

function isFormatter(argv: readonly string[]): boolean {
  const [program, ...args] = argv;
  if (program === 'xargs') return args.length > 0 && !args[0]!.startsWith('-') && isKnownSafe(joinCommand(args));
  return FORMATTERS.has(program!) && toAction(argv) === null && isKnownSafeOrAwk(argv);
}

/** awk is not safe as such, but in the forms that read. */
function isKnownSafeOrAwk(argv: readonly string[]): boolean {
  const awk = argv[0] === 'awk' ? splitArguments(ACTION_PROGRAMS['awk']!, argv.slice(1)) : null;
  if (awk !== null) return awk.operands.length === 1 && ACTION_PROGRAMS['awk']!.skip!.test(awk.operands[0]!);
  return isKnownSafe(joinCommand(argv));
}

/** Where `cd` goes, when it is one that says so. */
function changedFolder(argv: readonly string[]): string | null {
  const [program, ...args] = argv;
  if (program !== 'cd') return null;
  const [folder, ...more] = args[0] === '--' ? args.slice(1) : args;
  return folder === undefined || folder.startsWith('-') || more.length > 0 ? null : folder;
}

function toAction(argv: readonly string[]): ParsedCommand | null {
  const cmd = joinCommand(argv);
  const [name, ...args] = argv;
  if (name === 'find') return toFind(cmd, args);
  if (name === 'git') return toGit(cmd, args);
  const program = Object.hasOwn(ACTION_PROGRAMS, name!) ? ACTION_PROGRAMS[name!]! : null;
  if (program === null) return null;
  if (program.kind === 'read') return toRead(cmd, program, args);
  // An option may make it run or write something.
  if (Object.hasOwn(SAFE_PROGRAMS, name!) && !isKnownSafe(cmd)) return null;
  const { operands, options } = splitArguments(program, args);
  if (program.kind === 'list') return toList(cmd, operands[0]);
  if (name === 'rg' && options.includes('--files')) return toList(cmd, operands[0]);
  if ((name === 'fd' || name === 'fdfind') && operands.length === 0) return toList(cmd, undefined);
  return toSearch(cmd, operands[0], operands[1]);
}

function toRead(cmd: string, program: ActionProgram, args: readonly string[]): ParsedCommand | null {
  const { operands, options } = splitArguments(program, args);
  if (program.options !== undefined && !options.every((option) => program.options!.test(option))) return null;
  if (program.skip !== undefined && !program.skip.test(operands.shift() ?? '>')) return null;
  const [file, ...more] = operands;
  if (file === undefined || file === '-' || (more.length > 0 && program.several !== true)) return null;
  return { type: 'read', cmd, name: shortPath(file), path: file };
}

function toList(cmd: string, folder: string | undefined): ParsedCommand {
  return { type: 'list_files', cmd, path: folder === undefined ? null : shortPath(folder) };
}

function toSearch(cmd: string, query: string | undefined, place: string | undefined): ParsedCommand {
  return { type: 'search', cmd, query: query ?? null, path: place === undefined ? null : shortPath(place) };
}

/** Not one that changes or runs something. */
function toFind(cmd: string, args: readonly string[]): ParsedCommand | null {
  if (!isKnownSafe(joinCommand(['find', ...args]))) return null;
  const [place] = args;
  const folder = place === undefined || /^[-(!]/.test(place) ? undefined : place;
  const named = args.findIndex((arg) => FIND_NAMES.includes(arg));
  return named === -1 ? toList(cmd, folder) : toSearch(cmd, args[named + 1], folder);
}

function toGit(cmd: string, [command, ...args]: readonly string[]): ParsedCommand | null {
  const { operands } = splitArguments(ACTION_PROGRAMS['grep']!, args);
  if (command === 'grep') return toSearch(cmd, operands[0], operands[1]);
  return command === 'ls-files' ? toList(cmd, operands[0]) : null;
}

function splitArguments(program: ActionProgram, args: readonly string[]): { operands: string[]; options: string[] } {
  const operands: string[] = [];
  const options: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at]!;
    if (arg === '--') {
      operands.push(...args.slice(at + 1));
      break;
    }
    if (arg === '-' || !arg.startsWith('-')) operands.push(arg);
    else {
      options.push(arg);
      if (program.values?.includes(arg) === true) at += 1;
    }
  }
  return { operands, options };
}

/** The last part of a path that says something. */
function shortPath(file: string): string {
  const parts = file.split('/').filter((part) => part !== '');
  return parts.findLast((part) => !DULL_FOLDERS.has(part)) ?? parts.at(-1) ?? file;
}
