// Whether a command is known to read only, so that it may run without asking. Pure. Session worker.
import { readPlainScript } from './plain-script.js';
import type { PlainCommand, PlainRedirect, PlainWord } from './plain-script.js';
import { SAFE_GIT_COMMANDS, SAFE_GIT_OPTIONS, SAFE_PROGRAMS } from './safe-programs.js';
import type { SafeProgram } from './safe-programs.js';

/**
 * True only for a script of which every command is in the table of safe programs with nothing that is forbidden
 * there, whose output goes nowhere but to its caller, to the next command or to /dev/null. What is not understood is
 * not safe. Such a script changes no file, but that git may refresh what its index knows of the files' times. Never
 * throws.
 */
export function isKnownSafe(script: string): boolean {
  const commands = readPlainScript(script);
  if (commands === null) return false;
  // Another folder may be another repository, whose configuration names programs.
  const names = new Set(commands.map(({ words }) => programName(words[0]!)));
  if (names.has('cd') && names.has('git')) return false;
  return commands.every(isSafeCommand);
}

function isSafeCommand({ words, redirects }: PlainCommand): boolean {
  if (!redirects.every(isSafeRedirect)) return false;
  const [program, ...args] = words;
  const name = programName(program!);
  if (name === null) return false;
  if (name === 'sed') return isPrintingSed(args);
  if (name === 'git') return isSafeGit(args);
  const entry = Object.hasOwn(SAFE_PROGRAMS, name) ? SAFE_PROGRAMS[name]! : null;
  return entry !== null && areSafeArguments(entry, args);
}

/** A program found through PATH, or one of the system's own folders. */
function programName({ value, globPrefix }: PlainWord): string | null {
  if (globPrefix !== null) return null;
  return /^(?:(?:\/usr)?\/bin\/)?([^/]+)$/.exec(value)?.[1] ?? null;
}

function isSafeRedirect({ operator, target }: PlainRedirect): boolean {
  const { value, globPrefix } = target;
  if (globPrefix !== null) return false;
  switch (operator) {
    case '>':
    case '>>':
    case '>|':
    case '&>':
    case '&>>':
      return value === '/dev/null';
    case '>&':
      return value === '1' || value === '2';
    case '<':
      // bash opens connections through names below /dev.
      return !value.startsWith('/dev/') || value === '/dev/null';
    case '<&':
    case '<>':
      return false;
  }
}

function areSafeArguments(entry: SafeProgram, args: readonly PlainWord[]): boolean {
  if (!args.every((arg) => isSafePattern(entry, arg))) return false;
  if (entry.anything === true) return true;
  const values = args.map(({ value }) => value);
  if (entry.only !== undefined && !values.every((value) => entry.only!.test(value))) return false;
  const end = values.includes('--') ? values.indexOf('--') : values.length;
  const operands = values.filter((value, at) => at > end || (at < end && (!value.startsWith('-') || value === '-')));
  if (entry.maxOperands !== undefined && operands.length > entry.maxOperands) return false;
  // What follows `--` is judged as well: it costs a question at most.
  return !values.some((value) => isForbidden(entry, value));
}

/** A pattern becomes as many paths as there are, and one could look like an option if it may begin with anything. */
function isSafePattern(entry: SafeProgram, { globPrefix }: PlainWord): boolean {
  const forbidsNothing = entry.anything === true || Object.keys(entry).length === 0;
  if (globPrefix === null || forbidsNothing) return true;
  return globPrefix !== '' && !globPrefix.startsWith('-') && entry.maxOperands === undefined;
}

function isForbidden({ shorts = '', longs = [], words = [], parts }: SafeProgram, arg: string): boolean {
  if (words.includes(arg) || parts?.test(arg) === true) return true;
  if (arg.startsWith('--')) {
    const name = arg.slice(2).split('=', 1)[0]!;
    return name !== '' && longs.some((long) => long.startsWith(name));
  }
  return arg.startsWith('-') && Array.from(shorts).some((letter) => arg.includes(letter));
}

/** `sed -n 3p file`, `sed -n 3,7p file`. Every other form of sed can write files or run commands. */
function isPrintingSed(args: readonly PlainWord[]): boolean {
  const [silent, program, ...files] = args;
  if (args.some(({ globPrefix }) => globPrefix !== null && !/^[^-]/.test(globPrefix))) return false;
  if (silent?.value !== '-n' || program === undefined || program.globPrefix !== null) return false;
  return /^(\d+|\$)(,(\d+|\$))?p$/.test(program.value) && files.every(({ value }) => !value.startsWith('-'));
}

function isSafeGit(args: readonly PlainWord[]): boolean {
  const place = args.findIndex(({ value }) => !SAFE_GIT_OPTIONS.includes(value));
  const command = args[place];
  if (command === undefined || command.globPrefix !== null) return false;
  const entry = Object.hasOwn(SAFE_GIT_COMMANDS, command.value) ? SAFE_GIT_COMMANDS[command.value]! : null;
  return entry !== null && areSafeArguments(entry, args.slice(place + 1));
}
