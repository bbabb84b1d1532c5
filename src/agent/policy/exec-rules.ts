// Rules about commands by their first words, from the rules files of a home: reading them. Session worker.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readPlainScript } from './plain-script.js';
import { readLiteralCalls } from './starlark-literals.js';
import type { LiteralCall, LiteralValue } from './starlark-literals.js';

/** From the mildest to the strictest. */
export const RULE_DECISIONS = ['allow', 'prompt', 'forbidden'] as const;
export type RuleDecision = (typeof RULE_DECISIONS)[number];

/** One prefix_rule. */
export interface PrefixRule {
  /** For each of the first words the ones that it may be; never empty. */
  pattern: string[][];
  decision: RuleDecision;
  justification: string | null;
}

/** Absolute paths under which a program's bare name may be meant. */
export type HostExecutables = ReadonlyMap<string, readonly string[]>;

/** What is wrong with a rules file; `message` begins with the file and the place. */
export interface RulesProblem {
  file: string;
  /** From 1; 0 for a file that could not be read at all. */
  line: number;
  column: number;
  message: string;
}

export interface ExecRules {
  rules: PrefixRule[];
  hostExecutables: HostExecutables;
  problems: RulesProblem[];
}

export const NO_RULES: ExecRules = { rules: [], hostExecutables: new Map(), problems: [] };

/**
 * Reads every `*.rules` of the folders, each in the order of names. A folder that is not there has none. Those of
 * `narrowing` folders, such as a project's, may prompt and forbid but allow nothing: whoever wrote them is not the
 * person at the client. Never rejects: what cannot be read or understood is a problem, for a warning. With any
 * problem the result holds no allow rule at all, of no file: what could not be read may have forbidden the same. The
 * prompt and forbidden rules that could be read hold.
 */
export async function loadExecRules(folders: readonly string[], narrowing: readonly string[] = []): Promise<ExecRules> {
  const problems: RulesProblem[] = [];
  const parts: ExecRules[] = [];
  for (const folder of [...folders, ...narrowing]) {
    for (const file of await listRulesFiles(folder, problems)) {
      try {
        const part = parseRules(file, decodeUtf8(await readFile(file)));
        parts.push(narrowing.includes(folder) ? withoutAllowance(part) : part);
      } catch (error) {
        problems.push(toProblem(file, 0, 0, (error as Error).message));
      }
    }
  }
  return joinRules(parts, problems);
}

function withoutAllowance({ rules, problems }: ExecRules): ExecRules {
  const strict = rules.filter(({ decision }) => decision !== 'allow');
  return { rules: strict, hostExecutables: new Map(), problems };
}

/** The rules of one file. Never throws; what is said of problems above holds. */
export function parseRules(file: string, text: string): ExecRules {
  const { calls, problems: syntax } = readLiteralCalls(text);
  const problems = syntax.map(({ line, column, message }) => toProblem(file, line, column, message));
  const rules: PrefixRule[] = [];
  const hostExecutables = new Map<string, string[]>();
  for (const call of calls) {
    try {
      if (call.name === 'prefix_rule') rules.push(toPrefixRule(call));
      else if (call.name === 'host_executable') addHostExecutable(hostExecutables, call);
      // Rules about hosts are for a network proxy.
      else if (call.name !== 'network_rule') throw new WrongRule(`${call.name} is no rule`);
    } catch (error) {
      if (!(error instanceof WrongRule)) throw error;
      problems.push(toProblem(file, call.line, call.column, error.message));
      // An example that does not fit says that the rule is not what was meant. It still may not be lost.
      if (error.rule !== null) rules.push(error.rule);
    }
  }
  return joinRules([{ rules, hostExecutables, problems }], []);
}

function joinRules(parts: readonly ExecRules[], others: readonly RulesProblem[]): ExecRules {
  const problems = [...others, ...parts.flatMap((part) => part.problems)];
  const rules = parts.flatMap((part) => part.rules);
  return {
    rules: problems.length === 0 ? rules : rules.filter(({ decision }) => decision !== 'allow'),
    hostExecutables: new Map(parts.flatMap((part) => [...part.hostExecutables])),
    problems,
  };
}

async function listRulesFiles(folder: string, problems: RulesProblem[]): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith('.rules'))
      .toSorted()
      .map((name) => path.join(folder, name));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') problems.push(toProblem(folder, 0, 0, message));
    return [];
  }
}

function decodeUtf8(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

function toProblem(file: string, line: number, column: number, message: string): RulesProblem {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return { file, line, column, message: `${place}: ${message}` };
}

class WrongRule extends Error {
  /** The rule as far as it is one. */
  readonly rule: PrefixRule | null;
  constructor(message: string, rule: PrefixRule | null = null) {
    super(message);
    this.rule = rule;
  }
}

const PREFIX_RULE_ARGUMENTS = ['pattern', 'decision', 'match', 'not_match', 'justification'];
const HOST_ARGUMENTS = ['name', 'paths'];

function toPrefixRule(call: LiteralCall): PrefixRule {
  const given = namedArguments(call, PREFIX_RULE_ARGUMENTS);
  const rule = {
    pattern: toPattern(given.get('pattern')),
    decision: toDecision(given.get('decision') ?? 'allow'),
    justification: toJustification(given.get('justification') ?? null),
  };
  for (const example of toExamples(given.get('match'))) {
    if (!matchesPrefix(rule, example))
      throw new WrongRule(`the example in match does not match: ${example.join(' ')}`, rule);
  }
  for (const example of toExamples(given.get('not_match'))) {
    if (matchesPrefix(rule, example))
      throw new WrongRule(`the example in not_match matches: ${example.join(' ')}`, rule);
  }
  return rule;
}

/** Whether the rule's words are the first ones of the command. */
export function matchesPrefix({ pattern }: PrefixRule, argv: readonly string[]): boolean {
  return pattern.every((alternatives, place) => place < argv.length && alternatives.includes(argv[place]!));
}

function namedArguments(call: LiteralCall, names: readonly string[]): Map<string, LiteralValue> {
  const given = new Map(call.named);
  for (const name of given.keys())
    if (!names.includes(name)) throw new WrongRule(`${call.name} has no argument ${name}`);
  call.positional.forEach((value, place) => {
    const name = names[place];
    if (name === undefined) throw new WrongRule(`${call.name} has no more than ${names.length} arguments`);
    if (given.has(name)) throw new WrongRule(`${name} is given twice`);
    given.set(name, value);
  });
  return given;
}

function toPattern(value: LiteralValue | undefined): string[][] {
  if (value === undefined) throw new WrongRule('pattern is missing');
  if (!Array.isArray(value) || value.length === 0)
    throw new WrongRule('pattern must be a list of words, and not empty');
  return value.map((token) => {
    const alternatives = Array.isArray(token) ? token : [token];
    if (alternatives.length === 0) throw new WrongRule('a list of alternatives in pattern must not be empty');
    return alternatives.map((word) => {
      if (typeof word !== 'string')
        throw new WrongRule('pattern holds something that is neither a text nor a list of texts');
      return word;
    });
  });
}

function toDecision(value: LiteralValue): RuleDecision {
  const decision = RULE_DECISIONS.find((known) => known === value);
  if (decision === undefined) throw new WrongRule(`decision must be one of ${RULE_DECISIONS.join(', ')}`);
  return decision;
}

function toJustification(value: LiteralValue): string | null {
  if (value !== null && typeof value !== 'string') throw new WrongRule('justification must be a text');
  if (value !== null && value.trim() === '') throw new WrongRule('justification must not be empty');
  return value;
}

function toExamples(value: LiteralValue | undefined): string[][] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new WrongRule('match and not_match must be lists');
  return value.map((example) => {
    const words = typeof example === 'string' ? splitExample(example) : example;
    if (!Array.isArray(words) || words.length === 0 || !words.every((word) => typeof word === 'string')) {
      throw new WrongRule('an example must be a command, or the list of its words');
    }
    return words;
  });
}

function splitExample(example: string): string[] | null {
  const commands = readPlainScript(example);
  return commands?.length === 1 ? commands[0]!.words.map(({ value }) => value) : null;
}

function addHostExecutable(into: Map<string, string[]>, call: LiteralCall): void {
  const given = namedArguments(call, HOST_ARGUMENTS);
  const name = given.get('name');
  const paths = given.get('paths');
  if (typeof name !== 'string' || name === '' || name.includes('/'))
    throw new WrongRule('name must be the bare name of a program');
  if (!Array.isArray(paths) || !paths.every((file) => typeof file === 'string' && path.isAbsolute(file))) {
    throw new WrongRule('paths must be a list of absolute paths');
  }
  into.set(name, paths as string[]);
}
