// The change of one file as a diff that `git apply` takes. Written from the edits: nothing is compared. Main thread; pure.

const CONTEXT = 3;

/** A line and its end, as latin1 bytes. */
export interface ByteLine {
  text: string;
  end: string;
}

/** What becomes of each line; new ones in between. */
export interface Step {
  old: ByteLine | null;
  fresh: ByteLine | null;
}

export interface DiffParts {
  prefix: string;
  /** Null for a file that is new. */
  name: string | null;
  /** Null for a file that goes. */
  target: string | null;
  mode: number;
  before: readonly ByteLine[];
  steps: readonly Step[];
}

/** As latin1 bytes; empty when nothing changes. */
export function writeDiff({ prefix, name, target, mode, before, steps }: DiffParts): string {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  const oldPath = bytes(`${prefix}${name ?? target}`);
  const newPath = bytes(`${prefix}${target ?? name}`);
  let text = `diff --git a/${oldPath} b/${newPath}\n`;
  if (name === null) text += 'new file mode 100644\n';
  if (target === null) text += `deleted file mode 100${mode.toString(8)}\n`;
  if (oldPath !== newPath) text += `similarity index 50%\nrename from ${oldPath}\nrename to ${newPath}\n`;
  const all = target === null ? before.map((old) => ({ old, fresh: null })) : steps;
  const hunks = writeHunks(all.flatMap(toSigned));
  // Without any, git wants to know that the file is empty.
  if (hunks === '')
    return name !== null && target !== null && oldPath === newPath ? '' : text + emptyIndex(name, target);
  const from = name === null ? '/dev/null' : `a/${oldPath}\t`;
  const to = target === null ? '/dev/null' : `b/${newPath}\t`;
  return `${text}--- ${from}\n+++ ${to}\n${hunks}`;
}

function emptyIndex(name: string | null, target: string | null): string {
  if (name === null) return 'index 0000000..e69de29\n';
  return target === null ? 'index e69de29..0000000\n' : '';
}

interface Signed {
  sign: ' ' | '-' | '+';
  line: ByteLine;
}

/** A line that stays but ends otherwise is another line. */
function toSigned({ old, fresh }: Step): Signed[] {
  if (old !== null && fresh !== null && old.end === fresh.end) return [{ sign: ' ', line: old }];
  return [
    ...(old === null ? [] : [{ sign: '-' as const, line: old }]),
    ...(fresh === null ? [] : [{ sign: '+' as const, line: fresh }]),
  ];
}

function writeHunks(lines: readonly Signed[]): string {
  const shown = lines.map((_, index) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  let text = '';
  let oldAt = 1;
  let newAt = 1;
  for (let index = 0; index < lines.length;) {
    if (!shown[index]) {
      oldAt += 1;
      newAt += 1;
      index += 1;
      continue;
    }
    let end = index;
    while (shown[end] === true) end += 1;
    const hunk = lines.slice(index, end);
    const oldCount = hunk.filter(({ sign }) => sign !== '+').length;
    const newCount = hunk.filter(({ sign }) => sign !== '-').length;
    text += `@@ -${oldCount === 0 ? oldAt - 1 : oldAt},${oldCount} +${newCount === 0 ? newAt - 1 : newAt},${newCount} @@\n`;
    // Git wants what goes before what comes where the last line ends otherwise.
    text += hunk
      .map(({ sign, line }) => `${sign}${line.text}${line.end === '' ? '\n\\ No newline at end of file\n' : line.end}`)
      .join('');
    oldAt += oldCount;
    newAt += newCount;
    index = end;
  }
  return text;
}
