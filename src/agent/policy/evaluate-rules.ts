// What the rules say of a command. Pure. Session worker.
import path from 'node:path';
import { matchesPrefix } from './exec-rules.js';
import type { ExecRules, PrefixRule } from './exec-rules.js';
import { findCommands, fixedArgv, readPlainScript } from './plain-script.js';
import type { FoundCommands } from './plain-script.js';
import { isRiskyCommand } from './risky-commands.js';
import { shellScriptOf } from './shell-script.js';

export type RulesVerdict =
  /** Every command of it is allowed by a rule. */
  | { type: 'allow' }
  /** `words` are those that the rule matched. */
  | { type: 'prompt' | 'forbidden'; words: string[]; justification: string | null }
  /** No rule decides. `open` are its commands that no rule allows: one at least. */
  | { type: 'none'; open: string[][] };

/**
 * The strictest word of all rules about all commands in it. Rules that prompt or forbid are held against every
 * command anywhere in a script, behind `sudo` and its like, in scripts within scripts, and under every path of the
 * program. Rules that allow hold only for a plain script without redirections and wildcards, of which each command is
 * allowed. What may be a forbidden command, for the rest of its words is known only when it runs, is prompted.
 */
export function evaluateRules(rules: ExecRules, argv: readonly string[]): RulesVerdict {
  const strict = rules.rules.filter(({ decision }) => decision !== 'allow');
  let prompt: RulesVerdict | null = null;
  if (strict.length > 0) {
    const { commands, complete } = allCommands(argv);
    // What cannot be looked through may hold anything.
    if (!complete) prompt = { type: 'prompt', words: ['…'], justification: null };
    for (const words of commands) {
      for (const rule of strict) {
        const match = matchLoosely(rule, words);
        if (match === 'no') continue;
        const { justification } = rule;
        const matched = words.slice(0, rule.pattern.length).map((word) => word ?? '…');
        if (rule.decision === 'forbidden' && match === 'yes')
          return { type: 'forbidden', words: matched, justification };
        prompt ??= { type: 'prompt', words: matched, justification };
      }
    }
  }
  if (prompt !== null) return prompt;
  const open = splitCommands(argv).filter((command) => !isAllowed(rules, command));
  return open.length === 0 ? { type: 'allow' } : { type: 'none', open };
}

/** The commands of a plain script without redirections and wildcards; of anything else the command itself, whole. */
export function splitCommands(argv: readonly string[]): string[][] {
  const script = shellScriptOf(argv);
  const commands = script === null ? null : readPlainScript(script);
  return (commands === null ? null : fixedArgv(commands)) ?? [[...argv]];
}

/**
 * Folders of programs that a person installed, or the system. Elsewhere anyone may have put something under a good
 * name.
 */
const PROGRAM_FOLDERS = [
  '/bin',
  '/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
];

function isAllowed({ rules, hostExecutables }: ExecRules, command: readonly string[]): boolean {
  const [program, ...args] = command;
  const name = path.basename(program!);
  const mayStandFor =
    path.isAbsolute(program!) &&
    (hostExecutables.get(name)?.includes(program!) ?? PROGRAM_FOLDERS.includes(path.dirname(program!)));
  // Who allowed `rm` did not think of every option: what makes a command risky must be among the words of the rule.
  const isNamed = ({ pattern }: PrefixRule): boolean =>
    !isRiskyCommand(command) || isRiskyCommand(command.slice(0, pattern.length));
  return rules.some(
    (rule) =>
      rule.decision === 'allow' &&
      isNamed(rule) &&
      (matchesPrefix(rule, command) || (mayStandFor && matchesPrefix(rule, [name, ...args]))),
  );
}

export type LooseWords = readonly (string | null)[];

/** Programs that run what follows them. */
const CARRIERS = new Set(
  'builtin command doas env exec ionice nice nohup setsid stdbuf sudo time timeout unbuffer xargs'.split(' '),
);
const MAX_DEPTH = 8;

/** Every command that running it runs, as far as can be seen, and the command itself. */
export function allCommands(argv: LooseWords): FoundCommands {
  const found: FoundCommands = { commands: [], complete: true };
  addCommands(found, argv, 0);
  return found;
}

function addCommands(found: FoundCommands, argv: LooseWords, depth: number): void {
  found.commands.push([...argv]);
  const carried = CARRIERS.has(path.basename(argv[0] ?? '')) ? skipCarrier(argv) : [];
  const script = argv.every((word) => word !== null) ? shellScriptOf(argv) : null;
  if (carried.length === 0 && script === null) return;
  if (depth === MAX_DEPTH) {
    found.complete = false;
    return;
  }
  if (carried.length > 0) addCommands(found, carried, depth + 1);
  if (script === null) return;
  const { commands, complete } = findCommands(script);
  found.complete &&= complete;
  for (const words of commands) addCommands(found, words, depth + 1);
}

/** What is left without the program, its options, settings of variables and lengths of time. */
function skipCarrier(argv: LooseWords): LooseWords {
  const place = argv.findIndex(
    (word, at) => at > 0 && word !== null && !/^(-.*|[A-Za-z_]\w*=.*|[\d.]+[smhd]?)$/.test(word),
  );
  return place === -1 ? [] : argv.slice(place);
}

function matchLoosely({ pattern }: PrefixRule, words: LooseWords): 'yes' | 'maybe' | 'no' {
  let match: 'yes' | 'maybe' = 'yes';
  for (const [place, alternatives] of pattern.entries()) {
    const word = words[place];
    if (word === undefined) return 'no';
    // A program that is not known at all could be any: asking for each would be asking always.
    if (word === null && place === 0) return 'no';
    if (word === null) match = 'maybe';
    else if (!alternatives.includes(word) && !(place === 0 && alternatives.includes(path.basename(word)))) return 'no';
  }
  return match;
}
