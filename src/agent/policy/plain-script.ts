// Reads a shell script as far as it is plain: commands of fixed words, joined by | && || ; and nothing else. Session
// worker.
import { forEachChild, parse } from 'unbash';
import type {
  AndOr,
  Command,
  CommandNode,
  Pipeline,
  PipelineNode,
  Redirection,
  Statement,
  SyntaxNode,
  Word,
  WordPart,
} from 'unbash';

/** What stands between a command and the one before it; a newline counts as `;`. */
export type Connector = '|' | '&&' | '||' | ';';

export interface PlainWord {
  /** Without quotes and escapes. */
  value: string;
  /** Set for a word with an unquoted pattern: what is sure to stand before its first wildcard. */
  globPrefix: string | null;
  /** Set for a word that begins with an unquoted ~, which bash replaces by a folder. */
  home?: true;
}

export interface PlainRedirect {
  operator: '<' | '>' | '>>' | '&>' | '&>>' | '>|' | '>&' | '<&' | '<>';
  target: PlainWord;
}

export interface PlainCommand {
  /** The program and its arguments; at least one word. */
  words: PlainWord[];
  redirects: PlainRedirect[];
  /** Null for the first. */
  connector: Connector | null;
}

/**
 * The commands of a script in their order, or null when it is not plain: an error of syntax, no command at all, a
 * substitution, a variable, an assignment, a background job, a compound command, a here-document, a brace list.
 * Whoever gets a list may rely on it: bash runs these words and no others, but that a word with `globPrefix` becomes
 * any number of paths. Never throws.
 */
export function readPlainScript(script: string): PlainCommand[] | null {
  if (script.length > MAX_SCRIPT_LENGTH) return null;
  const parsed = parse(script);
  if ((parsed.errors?.length ?? 0) > 0 || parsed.commands.length === 0 || UNSURE.test(script)) return null;
  const commands: PlainCommand[] = [];
  try {
    for (const statement of parsed.commands) addStatement(commands, statement);
    if (!isCovered(script, parsed)) return null;
  } catch (error) {
    if (error instanceof NotPlain) return null;
    throw error;
  }
  return commands;
}

export interface FoundCommands {
  /** A word that is not fixed is null. */
  commands: (string | null)[][];
  /** False when there may be more: the script is too long, or nested too deeply. */
  complete: boolean;
}

/** The words of every command anywhere in a script, also within substitutions. Never throws. */
export function findCommands(script: string): FoundCommands {
  const commands: (string | null)[][] = [];
  let complete = script.length <= MAX_SCRIPT_LENGTH;
  const visit = (node: SyntaxNode, depth: number): void => {
    if (depth > MAX_DEPTH) {
      complete = false;
      return;
    }
    if (node.type === 'Command') commands.push(looseWords(node));
    forEachChild(node, (child) => visit(child, depth + 1));
  };
  if (complete) visit(parse(script), 0);
  return { commands: commands.filter((words) => words.length > 0), complete };
}

/** The words of commands that have neither wildcards nor redirections, or null where one has. */
export function fixedArgv(commands: readonly PlainCommand[]): string[][] | null {
  const isFixed = ({ words, redirects }: PlainCommand): boolean =>
    redirects.length === 0 && words.every((word) => word.globPrefix === null && word.home === undefined);
  return commands.every(isFixed) ? commands.map(({ words }) => words.map(({ value }) => value)) : null;
}

/**
 * Whether nothing stands between the words but what joins them, blanks and comments: the parser may have passed over
 * something.
 */
function isCovered(script: string, parsed: SyntaxNode): boolean {
  const pieces: string[] = [];
  let from = 0;
  // Children come in their order, so that words do.
  const visit = (node: SyntaxNode): void => {
    if (node.type === 'Word' || node.type === 'Redirect') {
      if (node.pos < from) throw new NotPlain();
      pieces.push(script.slice(from, node.pos));
      from = node.end;
    } else forEachChild(node, visit);
  };
  visit(parsed);
  pieces.push(script.slice(from));
  return /^[ \t\nw;|&]*$/.test(pieces.join('w').replace(/(^|[ \t\n;|&])#[^\n]*/g, '$1'));
}

/** Linux starts no program with a longer argument. */
const MAX_SCRIPT_LENGTH = 128 * 1024;
/** Of the syntax tree; a substitution is five deep. */
const MAX_DEPTH = 150;
/** Characters of which bash and others make different things. */
const UNSURE = /[\0\r]/;

class NotPlain extends Error {}

function addStatement(commands: PlainCommand[], statement: Statement): void {
  if (statement.background === true) throw new NotPlain();
  addNode(commands, statement.command, commands.length === 0 ? null : ';');
}

function addNode(commands: PlainCommand[], node: PipelineNode | AndOr, connector: Connector | null): void {
  if (node.type === 'AndOr') {
    node.commands.forEach((part, place) =>
      addNode(commands, part, place === 0 ? connector : node.operators[place - 1]!),
    );
  } else if (node.type === 'Pipeline') addPipeline(commands, node, connector);
  else addCommand(commands, node, connector);
}

function addPipeline(commands: PlainCommand[], pipeline: Pipeline, connector: Connector | null): void {
  if (pipeline.prefixes.length > 0 || pipeline.operators.some((operator) => operator !== '|')) throw new NotPlain();
  pipeline.commands.forEach((command, place) => addCommand(commands, command, place === 0 ? connector : '|'));
}

function addCommand(commands: PlainCommand[], node: CommandNode, connector: Connector | null): void {
  if (node.type !== 'Command' || node.name === undefined || node.prefix.length > 0) throw new NotPlain();
  const words = [plainWord(node.name)];
  const redirects: PlainRedirect[] = [];
  for (const part of node.suffix) {
    // An assignment after the program is an argument like any other, but `declare` and its like read it.
    if (part.type === 'Word') words.push(plainWord(part));
    else if (part.type === 'Assignment') throw new NotPlain();
    else redirects.push(plainRedirect(part));
  }
  commands.push({ words, redirects, connector });
}

function plainRedirect(redirect: Redirection): PlainRedirect {
  if (redirect.type !== 'Redirect' || redirect.target === undefined) throw new NotPlain();
  if (redirect.descriptor?.type === 'FileDescriptorVariable') throw new NotPlain();
  return { operator: redirect.operator, target: plainWord(redirect.target) };
}

function plainWord(word: Word): PlainWord {
  // Without parts there is nothing special in it but escapes.
  const parts = word.parts ?? [];
  // What bash takes for a list in braces follows rules of its own.
  if (hasOpenBrace(word) && /,|\.\./.test(word.text)) throw new NotPlain();
  const home = word.text.startsWith('~') ? ({ home: true } as const) : {};
  if (parts.length === 0) return { value: checkedLiteral(word.value, word.text), globPrefix: null, ...home };
  let value = '';
  let globPrefix: string | null = null;
  for (const part of parts) {
    if (part.type === 'Glob') globPrefix ??= value;
    value += partValue(part);
  }
  return { value, globPrefix, ...home };
}

function hasOpenBrace({ parts = [], text }: Word): boolean {
  const bare = parts.length === 0 ? [text] : parts.flatMap((part) => (part.type === 'Literal' ? [part.text] : []));
  return bare.some((piece) => piece.includes('{'));
}

function partValue(part: WordPart): string {
  switch (part.type) {
    case 'Literal':
      return checkedLiteral(part.value, part.text);
    case 'Glob':
      return part.value;
    case 'SingleQuoted':
      return part.value;
    case 'DoubleQuoted':
      return part.parts
        .map((child) => {
          if (child.type !== 'Literal') throw new NotPlain();
          return child.value;
        })
        .join('');
    default:
      throw new NotPlain();
  }
}

/** A variable or a pattern that the parser took for text could be one to bash. */
function checkedLiteral(value: string, text: string): string {
  if (text !== '[' && text !== ']' && /(^|[^\\])(\\\\)*[[*?$`()]/.test(text)) throw new NotPlain();
  return value;
}

function looseWords(command: Command): (string | null)[] {
  const words = [command.name, ...command.suffix].filter((part): part is Word => part?.type === 'Word');
  return words.map((word) => {
    try {
      const { value, globPrefix } = plainWord(word);
      return globPrefix === null ? value : null;
    } catch (error) {
      if (error instanceof NotPlain) return null;
      throw error;
    }
  });
}
