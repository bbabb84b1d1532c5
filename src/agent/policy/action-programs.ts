// Programs that people want to see as reading, listing or searching, as data. Pure. Session worker.

export interface ActionProgram {
  kind: 'read' | 'list' | 'search';
  /** Options whose value is the next word. */
  values?: readonly string[];
  /** All options it may have to count as this kind; any when absent. */
  options?: RegExp;
  /** With several files it shows the first; without this, exactly one file makes it a read. */
  several?: boolean;
  /** Operands before the file: awk's program, sed's. */
  skip?: RegExp;
}

const GREP_VALUES = ['-A', '-B', '-C', '-D', '-d', '-f', '-m', '--include', '--exclude', '--exclude-dir', '--context', '--after-context', '--before-context', '--max-count']; // prettier-ignore
const RG_VALUES = [...GREP_VALUES, '-E', '-g', '--glob', '--iglob', '-j', '-M', '-r', '-t', '-T', '--type', '--type-not', '--sort', '--sortr', '--max-depth', '--max-columns', '--replace', '--threads', '--encoding']; // prettier-ignore
const COUNTED = /^-(?:n|c|n?[+-]?\d+|c[+-]?\d+|q|v)$/;

export const ACTION_PROGRAMS: Readonly<Record<string, ActionProgram>> = {
  ack: { kind: 'search', values: GREP_VALUES },
  ag: { kind: 'search', values: [...GREP_VALUES, '-G'] },
  awk: { kind: 'read', values: ['-F', '-v'], options: /^-[Fv]/, skip: /^(?!.*(?:[>|]|system|-i\b))/s },
  bat: { kind: 'read', values: ['-l', '-r', '--theme', '--language', '--line-range', '--style'] },
  batcat: { kind: 'read', values: ['-l', '-r', '--theme', '--language', '--line-range', '--style'] },
  cat: { kind: 'read' },
  du: { kind: 'list', values: ['-d', '--max-depth', '-B', '--exclude', '-t'] },
  egrep: { kind: 'search', values: GREP_VALUES },
  exa: { kind: 'list', values: ['-I', '--ignore-glob', '-L', '--level', '-s', '--sort'] },
  eza: { kind: 'list', values: ['-I', '--ignore-glob', '-L', '--level', '-s', '--sort'] },
  fd: { kind: 'search', values: ['-d', '-e', '-E', '-t', '-S', '--type', '--extension', '--exclude', '--max-depth'] },
  fdfind: {
    kind: 'search',
    values: ['-d', '-e', '-E', '-t', '-S', '--type', '--extension', '--exclude', '--max-depth'],
  },
  fgrep: { kind: 'search', values: GREP_VALUES },
  grep: { kind: 'search', values: GREP_VALUES },
  head: { kind: 'read', values: ['-n', '-c'], options: COUNTED, several: true },
  less: { kind: 'read', values: ['-p', '-x', '-y', '-z'] },
  ls: { kind: 'list', values: ['-I', '-w', '--ignore', '--hide', '--width'] },
  more: { kind: 'read' },
  nl: { kind: 'read', values: ['-b', '-d', '-f', '-h', '-i', '-l', '-n', '-s', '-v', '-w'] },
  rg: { kind: 'search', values: RG_VALUES },
  sed: { kind: 'read', options: /^-n$/, several: true, skip: /^\d+(?:,(?:\d+|\$))?p$/ },
  tail: { kind: 'read', values: ['-n', '-c'], options: COUNTED, several: true },
  tree: { kind: 'list', values: ['-I', '-L', '-P', '--filelimit', '--charset', '--sort'] },
};

/** What only cuts or orders the output of the command before it, when it reads no file of its own. */
export const FORMATTERS: ReadonlySet<string> = new Set(
  'awk cat column cut fold head nl rev sed sort tac tail tr uniq wc'.split(' '),
);

/** Find's tests that name what is sought. */
export const FIND_NAMES: readonly string[] = ['-name', '-iname', '-path', '-ipath', '-regex', '-iregex'];

/** Folders that say nothing of a path's place. */
export const DULL_FOLDERS: ReadonlySet<string> = new Set(['build', 'dist', 'node_modules', 'src']);
