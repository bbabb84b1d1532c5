// Generated patches: files, edits at random places, the patch as a model would write it, and the same change as a diff for git.
// Main thread; pure.
import fc from 'fast-check';
import { writeDiff } from './equivalent-diff.js';
import type { ByteLine, Step } from './equivalent-diff.js';
import { findFirst } from './plain-search.js';

export interface CaseFile {
  name: string;
  content: string;
  mode: number;
}

export interface PatchCase {
  files: CaseFile[];
  /** What a model sends. */
  patch: string;
  /** The same for `git apply`, as latin1 bytes. Paths begin with `prefix`. */
  diffFor: (prefix: string) => string;
}

interface Edit {
  at: number;
  remove: number;
  add: string[];
}

interface FileSpec {
  lines: { text: string; end: string }[];
  ends: 'lf' | 'crlf' | 'mixed';
  isOpen: boolean;
  isExecutable: boolean;
  action: 'update' | 'move' | 'delete' | 'leave';
  edits: Edit[];
  style: Style;
}

/** How a hunk is written. */
interface Style {
  before: number;
  after: number;
  hasAnchor: boolean;
  hasEndMarker: boolean;
  isBlurred: boolean;
  isBare: boolean;
}

const lineArb = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      'a',
      'b',
      '',
      '}',
      '  return x;',
      '\tif (y) {',
      '@@ -1 +1 @@',
      '*** End Patch',
      '-- ',
      '+',
    ),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n\0]/g, '')) },
);
const utf8LineArb = lineArb.map(toLatin1);
/** Also what is no UTF-8. */
const byteLineArb = fc.oneof(
  { weight: 8, arbitrary: utf8LineArb },
  { weight: 1, arbitrary: fc.constantFrom('caf\xe9', '\xff\xfe\x01', 'x\x80y') },
);
const styleArb: fc.Arbitrary<Style> = fc.record({
  before: fc.nat(3),
  after: fc.nat(3),
  hasAnchor: fc.boolean(),
  hasEndMarker: fc.boolean(),
  isBlurred: fc.boolean(),
  isBare: fc.boolean(),
});
const fileArbWith = (textArb: fc.Arbitrary<string>): fc.Arbitrary<FileSpec> =>
  fc.record({
    lines: fc.array(fc.record({ text: textArb, end: fc.constantFrom('\n', '\r\n') }), { maxLength: 40, size: 'max' }),
    ends: fc.constantFrom('lf', 'lf', 'crlf', 'mixed'),
    isOpen: fc.boolean(),
    isExecutable: fc.boolean(),
    action: fc.constantFrom('update', 'update', 'update', 'move', 'delete', 'leave'),
    edits: fc.array(fc.record({ at: fc.nat(40), remove: fc.nat(3), add: fc.array(lineArb, { maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 5,
    }),
    style: styleArb,
  });

const caseArbWith = (textArb: fc.Arbitrary<string>): fc.Arbitrary<PatchCase> =>
  fc
    .record({
      files: fc.array(fileArbWith(textArb), { minLength: 1, maxLength: 3 }),
      added: fc.array(fc.array(lineArb, { maxLength: 5 }), { maxLength: 1 }),
    })
    .map(({ files, added }) => makeCase(files, added));

export const caseArb = caseArbWith(byteLineArb);
export const utf8CaseArb = caseArbWith(utf8LineArb);

function makeCase(specs: FileSpec[], added: string[][]): PatchCase {
  const files: CaseFile[] = [];
  const sections: string[] = [];
  const diffs: ((prefix: string) => string)[] = [];
  for (const [index, spec] of specs.entries()) {
    const name = `dir ${index}/fíle-${index}.txt`;
    const before = toByteLines(spec);
    files.push({ name, content: joinLines(before), mode: spec.isExecutable ? 0o755 : 0o644 });
    const edits = settle(spec.edits, before.length);
    const target = spec.action === 'move' ? `moved/to ${index}.txt` : name;
    if (spec.action === 'leave' || (spec.action === 'update' && edits.length === 0)) continue;
    if (spec.action === 'delete') {
      sections.push(`*** Delete File: ${name}`);
      diffs.push((prefix) => writeDiff({ prefix, name, target: null, mode: files[index]!.mode, before, steps: [] }));
      continue;
    }
    sections.push(`*** Update File: ${name}${target === name ? '' : `\n*** Move to: ${target}`}`);
    sections.push(...writeHunks(before, edits, spec.style));
    const steps = perform(before, edits);
    diffs.push((prefix) => writeDiff({ prefix, name, target, mode: files[index]!.mode, before, steps }));
  }
  for (const [index, lines] of added.entries()) {
    const name = `new/${index}.txt`;
    sections.push([`*** Add File: ${name}`, ...lines.map((line) => `+${line}`)].join('\n'));
    const steps = lines.map((line) => ({ old: null, fresh: { text: toLatin1(line), end: '\n' } }));
    diffs.push((prefix) => writeDiff({ prefix, name: null, target: name, mode: 0o644, before: [], steps }));
  }
  // A patch that does nothing at all would be refused.
  if (sections.length === 0) return makeCase(specs, [['x']]);
  return {
    files,
    patch: ['*** Begin Patch', ...sections, '*** End Patch'].join('\n'),
    diffFor: (prefix) => diffs.map((diff) => diff(prefix)).join(''),
  };
}

function toByteLines({ lines, ends, isOpen }: FileSpec): ByteLine[] {
  const byteLines = lines.map(({ text, end }) => ({
    text,
    end: ends === 'lf' ? '\n' : ends === 'crlf' ? '\r\n' : end,
  }));
  const last = byteLines.at(-1);
  // Without its newline an empty last line would not be one.
  if (isOpen && last !== undefined && last.text !== '') last.end = '';
  return byteLines;
}

/** In order, and with room for some context of each. */
function settle(edits: readonly Edit[], count: number): Edit[] {
  const settled: Edit[] = [];
  let free = 0;
  const sorted = edits.map((edit) => ({ ...edit, at: edit.at % (count + 1) })).sort((a, b) => a.at - b.at);
  for (const { at, remove, add } of sorted) {
    const edit = { at, remove: Math.min(remove, count - at), add };
    if (edit.at < free || (edit.remove === 0 && add.length === 0)) continue;
    settled.push(edit);
    free = edit.at + edit.remove + 2;
  }
  return settled;
}

/** By the rules: new lines end as the line before them does, and whether a file ends in a newline does not change. */
function perform(before: readonly ByteLine[], edits: readonly Edit[]): Step[] {
  const steps: Step[] = [];
  const endNear = (index: number): string => {
    for (let at = index - 1; at >= 0; at -= 1) if (before[at]!.end !== '') return before[at]!.end;
    return before[0]?.end || '\n';
  };
  let at = 0;
  const keepUpTo = (limit: number): void => {
    for (; at < limit; at += 1) steps.push({ old: before[at]!, fresh: { ...before[at]! } });
  };
  for (const { at: start, remove, add } of edits) {
    keepUpTo(start);
    for (; at < start + remove; at += 1) steps.push({ old: before[at]!, fresh: null });
    for (const text of add) steps.push({ old: null, fresh: { text: toLatin1(text), end: endNear(at) } });
  }
  keepUpTo(before.length);
  const fresh = steps.flatMap((step) => (step.fresh === null ? [] : [step.fresh]));
  for (const [index, line] of fresh.entries()) {
    const isLast = index === fresh.length - 1;
    if (isLast && before.at(-1)?.end === '') line.end = '';
    else if (line.end === '') line.end = endNear(before.length - 1);
  }
  return steps;
}

function writeHunks(before: readonly ByteLine[], edits: readonly Edit[], style: Style): string[] {
  // A model sees what is no UTF-8 as replacement characters.
  const lines = before.map(({ text }) => Buffer.from(text, 'latin1').toString('utf8'));
  const found = (wanted: readonly string[], from: number): number => findFirst(before, wanted, from);
  const hunks: string[] = [];
  let cursor = 0;
  for (const [index, { at, remove, add }] of edits.entries()) {
    const next = edits[index + 1];
    let limit = next === undefined ? lines.length : next.at - 1;
    let lower = cursor;
    const anchor = style.hasAnchor
      ? lines.findIndex((line, i) => i >= lower && i < at && line.trim() !== '' && !/^-\d/.test(line))
      : -1;
    const anchored = anchor === -1 ? -1 : found([lines[anchor]!], lower);
    const hasAnchor = anchored !== -1 && anchored < at;
    if (hasAnchor) lower = anchored + 1;
    let start = Math.max(lower, at - style.before);
    let end = Math.min(limit, at + remove + style.after);
    const isAtEnd = style.hasEndMarker && end === lines.length && end > start;
    // Until it can be told from all places before.
    const isTold = (): boolean => isAtEnd || (end > start && found(lines.slice(start, end), lower) === start);
    while (!isTold() && start > lower) start -= 1;
    if (start === end && end < limit) end += 1;
    limit = end;
    let isBlurred = style.isBlurred;
    const contextOf = (from: number, to: number): string[] =>
      lines.slice(from, to).map((line) => (isBlurred ? `${line} ` : line));
    const wanted = (): string[] => [
      ...contextOf(start, at),
      ...lines.slice(at, at + remove),
      ...contextOf(at + remove, end),
    ];
    if (isBlurred && !isAtEnd && found(wanted(), lower) !== start) isBlurred = false;
    const write = (line: string, i: number): string => (line === '' && style.isBare && i > 0 ? '' : ` ${line}`);
    const body = [
      ...contextOf(start, at).map(write),
      ...lines.slice(at, at + remove).map((line) => `-${line}`),
      ...add.map((line) => `+${line}`),
      ...contextOf(at + remove, end).map((line) => write(line, 1)),
    ];
    const header = hasAnchor ? [`@@ ${lines[anchored]!}`] : style.isBare && index === 0 ? [] : ['@@'];
    hunks.push([...header, ...body, ...(isAtEnd ? ['*** End of File'] : [])].join('\n'));
    cursor = end;
  }
  return hunks;
}

function joinLines(lines: readonly ByteLine[]): string {
  return lines.map(({ text, end }) => text + end).join('');
}

function toLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
