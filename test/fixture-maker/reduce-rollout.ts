// Takes out of a recorded rollout what is not ours to keep: instruction texts, and paths of a machine. Any thread.

/** Stands for every instruction text. */
export const REMOVED = 'instructions removed';
/** No string of a reduced rollout is longer: an image of one pixel and a patch of a few lines fit. */
export const LONGEST_TEXT = 260;

/** What stands before the summary in a compaction, up to the line of the summary itself. */
const SUMMARY_PREFIX = /^Another language model started [^]*\n/;
/** Texts that Codex says in the user's name; what users themselves do by `!` is not among them. */
const HOST_TEXT = /^<(environment_context|user_instructions|turn_aborted|user_action|model_switch)[ >]/;
const AGENTS_TEXT = /^(# AGENTS\.md instructions[^\n]*\n\n<INSTRUCTIONS>)[^]*(<\/INSTRUCTIONS>)/;
const INSTRUCTION_FIELDS = new Set([
  'instructions',
  'user_instructions',
  'developer_instructions',
  'base_instructions',
]);
/** Longest string of a world_state that is a value and no prose. */
const LONGEST_VALUE = 40;

/** Old and new beginnings of paths, the longest first. */
export type PathNames = readonly (readonly [string, string])[];

/**
 * The same rollout with other texts in the places of instructions; everything else keeps its bytes. Throws when a text
 * is left that is too long to be a value: then a rule is missing here.
 */
export function reduceRollout(text: string, paths: PathNames): string {
  return renamePaths(text, paths).split('\n').map(reduceLine).join('\n');
}

export function renamePaths(text: string, paths: PathNames): string {
  return paths.reduce((renamed, [from, to]) => renamed.replaceAll(from, to), text);
}

function reduceLine(line: string): string {
  const parsed = parse(line);
  if (parsed === undefined) return line;
  const replaced = new Map<string, string>();
  collect(parsed, [], replaced);
  const reduced = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, (literal) => {
    const other = replaced.get(JSON.parse(literal) as string);
    return other === undefined ? literal : JSON.stringify(other);
  });
  for (const [, literal] of reduced.matchAll(/("(?:[^"\\]|\\.)*")/g)) {
    const left = JSON.parse(literal!) as string;
    if (left.length > LONGEST_TEXT) throw new Error(`no rule takes this out: ${left.slice(0, 200)}`);
  }
  return reduced;
}

/** Undefined for a line that was cut: it keeps its bytes. */
function parse(line: string): object | undefined {
  try {
    return JSON.parse(line) as object;
  } catch {
    return undefined;
  }
}

/** Notes the texts to be replaced in a value, given the objects around it, the innermost last. */
function collect(
  value: unknown,
  around: readonly Record<string, unknown>[],
  replaced: Map<string, string>,
  field = '',
): void {
  if (typeof value === 'string') {
    const other = replacementOf(value, field, around);
    if (other !== value) replaced.set(value, other);
  } else if (Array.isArray(value)) {
    for (const element of value) collect(element, around, replaced, field);
  } else if (typeof value === 'object' && value !== null) {
    const fields = value as Record<string, unknown>;
    for (const [name, inner] of Object.entries(fields)) collect(inner, [...around, fields], replaced, name);
  }
}

function replacementOf(text: string, field: string, around: readonly Record<string, unknown>[]): string {
  const role = around.findLast((object) => 'role' in object)?.['role'];
  if (around[0]?.['type'] === 'world_state') return text.length > LONGEST_VALUE ? REMOVED : text;
  if (isInstruction(field, around)) return REMOVED;
  if (field === 'message' && around[0]?.['type'] === 'compacted') return text.replace(SUMMARY_PREFIX, `${REMOVED}\n`);
  if (field !== 'text') return text;
  if (role === 'developer') return withinTags(text);
  if (role !== 'user') return text;
  if (AGENTS_TEXT.test(text)) return text.replace(AGENTS_TEXT, `$1${REMOVED}$2`);
  return HOST_TEXT.test(text) ? withinTags(text) : text.replace(SUMMARY_PREFIX, `${REMOVED}\n`);
}

function isInstruction(field: string, around: readonly Record<string, unknown>[]): boolean {
  // Those of a review are the user's own.
  if (INSTRUCTION_FIELDS.has(field)) return around.at(-1)?.['type'] !== 'custom';
  return field === 'text' && around.at(-2)?.['base_instructions'] === around.at(-1);
}

/** Readers know such texts by the tags around them. */
function withinTags(text: string): string {
  const opening = /^<[a-z_][^>]*>/.exec(text)?.[0] ?? '';
  const closing = /<\/[^>]+>$/.exec(text.trimEnd())?.[0] ?? '';
  return opening + REMOVED + (opening === '' ? '' : closing);
}
