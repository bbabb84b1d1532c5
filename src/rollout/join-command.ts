// A command's arguments as one line that a shell would split again. Any thread.

// The quoting is that of the Rust crate shlex 1.3, whose lines clients already know: some characters are kept out of
// one kind of quotes because fish, zsh or older bash treat them apart.
const UNQUOTED = /[A-Za-z0-9+\-./:@\]_]/;
const SINGLE_QUOTED = /[^'^\\]/;
const DOUBLE_QUOTED = /[^`$!^]/;

type Quoting = 'none' | 'single' | 'double';

/** Joins arguments with blanks, quoting where needed. */
export function joinCommand(args: readonly string[]): string {
  return args.map(quote).join(' ');
}

function quote(arg: string): string {
  if (arg === '') return "''";
  let quoted = '';
  let from = 0;
  while (from < arg.length) {
    const { to, quoting } = nextChunk(arg, from);
    quoted += wrap(arg.slice(from, to), quoting);
    from = to;
  }
  return quoted;
}

/** The longest run that one kind of quotes can hold. */
function nextChunk(arg: string, from: number): { to: number; quoting: Quoting } {
  let none = true;
  let single = true;
  let double = true;
  let to = from;
  // A caret may stand only right after an opening single quote.
  if (arg[from] === '^') {
    none = double = false;
    to += 1;
  }
  for (; to < arg.length; to += 1) {
    const character = arg[to]!;
    const next: { none: boolean; single: boolean; double: boolean } = {
      none: none && UNQUOTED.test(character),
      single: single && SINGLE_QUOTED.test(character),
      double: double && DOUBLE_QUOTED.test(character),
    };
    if (!next.none && !next.single && !next.double) break;
    ({ none, single, double } = next);
  }
  return { to, quoting: none ? 'none' : single ? 'single' : 'double' };
}

function wrap(chunk: string, quoting: Quoting): string {
  if (quoting === 'none') return chunk;
  if (quoting === 'single') return `'${chunk}'`;
  return `"${chunk.replace(/["\\]/g, '\\$&')}"`;
}
