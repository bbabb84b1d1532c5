// Patches that a model hands to a shell instead of to the tool for them. Session worker; pure.
import { resolve } from 'node:path';
import { parse } from 'unbash';
import type { Command, HereDoc, Word, WordPart } from 'unbash';

export interface ShellPatch {
  /** As parsePatch takes it. */
  patch: string;
  /** Absolute: the folder that its paths are relative to. */
  cwd: string;
}

const NAMES: readonly string[] = ['apply_patch', 'applypatch'];

/** Shells that are told a script. */
const SHELL = /^(?:.*\/)?(?:bash|sh|zsh)$/;

/**
 * The patch of a script that applies one and does nothing else: `apply_patch`, or `applypatch`, with a heredoc or one argument, after
 * `cd FOLDER &&` or not. Null for all other scripts, which are commands like any. `cwd` is absolute.
 */
export function findShellPatch(script: string, cwd: string): ShellPatch | null {
  // The parser is not asked about each command that a model runs.
  if (!NAMES.some((name) => script.includes(name))) return null;
  const { commands, errors } = parse(script);
  const [statement] = commands;
  if ((errors?.length ?? 0) > 0 || commands.length !== 1 || statement === undefined || statement.background === true)
    return null;
  const { command } = statement;
  if (command.type === 'Command') return readCommand(command, cwd);
  if (command.type !== 'AndOr' || command.operators.length !== 1 || command.operators[0] !== '&&') return null;
  const [change, apply] = command.commands;
  if (change?.type !== 'Command' || apply?.type !== 'Command') return null;
  const folder = readChange(change);
  return folder === null ? null : readCommand(apply, resolve(cwd, folder));
}

/** The same for a command given as its words: `apply_patch PATCH`, or a shell with such a script. */
export function findCommandPatch(words: readonly string[], cwd: string): ShellPatch | null {
  const [program = '', first = '', second] = words;
  if (words.length === 2 && NAMES.includes(program)) return { patch: first, cwd };
  if (words.length !== 3 || second === undefined || !SHELL.test(program) || !/^-l?c$/.test(first)) return null;
  return findShellPatch(second, cwd);
}

function readCommand({ name, prefix, suffix }: Command, cwd: string): ShellPatch | null {
  const [only] = suffix;
  if (prefix.length > 0 || suffix.length !== 1 || only === undefined) return null;
  if (!NAMES.includes(valueOf(name) ?? '')) return null;
  const patch = only.type === 'HereDoc' ? readHeredoc(only) : only.type === 'Word' ? valueOf(only) : null;
  return patch === null ? null : { patch, cwd };
}

/** Whether the mark is quoted makes no difference: a patch is no place where models mean expansions. */
function readHeredoc({ operator, descriptor, closing, body }: HereDoc): string | null {
  const isInput = descriptor === undefined || (descriptor.type === 'FileDescriptor' && descriptor.value === 0);
  return operator === '<<' && isInput && closing !== undefined ? body.text : null;
}

function readChange({ name, prefix, suffix }: Command): string | null {
  const [only] = suffix;
  if (prefix.length > 0 || suffix.length !== 1 || only?.type !== 'Word' || valueOf(name) !== 'cd') return null;
  const folder = valueOf(only);
  // Options, the former folder, and the homes of users.
  return folder === null || folder === '' || /^[-~]/.test(only.text) || folder.startsWith('-') ? null : folder;
}

/** What a word stands for when nothing in it is expanded; null otherwise. */
function valueOf(word: Word | undefined): string | null {
  if (word === undefined || word.parts?.every(isPlain) === false) return null;
  return word.value;
}

function isPlain(part: WordPart): boolean {
  if (part.type === 'DoubleQuoted') return part.parts.every((child) => child.type === 'Literal');
  return part.type === 'Literal' || part.type === 'SingleQuoted' || part.type === 'AnsiCQuoted';
}
