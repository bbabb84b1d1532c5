// The programs that only read, as data: with what they are still safe, and with what not any more. Session worker.

/** What may follow a program's name. What is absent forbids nothing. */
export interface SafeProgram {
  /** Letters of short options that are forbidden, alone and within a cluster such as `-ro`. */
  shorts?: string;
  /** Long options that are forbidden, without `--`; abbreviated too, and with a value. */
  longs?: readonly string[];
  /** Arguments that are forbidden as they stand. */
  words?: readonly string[];
  /** Arguments that are forbidden when this is found in them. */
  parts?: RegExp;
  /** At most so many arguments that are no options; a value that follows an option counts. */
  maxOperands?: number;
  /** Every argument must match; for programs of which only few forms are known to be harmless. */
  only?: RegExp;
  /** Any argument at all, and `--` ends no options: `echo -n -- -x`. */
  anything?: boolean;
}

const ANY: SafeProgram = {};

/**
 * By name. A program is here when it changes no file, starts no other program that an argument names, and cannot be
 * told to; whatever may read a file it may read. Where versions of a program differ, what any of them does counts.
 */
export const SAFE_PROGRAMS: Readonly<Record<string, SafeProgram>> = {
  // BSD's writes to a file.
  base64: { shorts: 'o', longs: ['output'] },
  basename: ANY,
  cat: ANY,
  cd: ANY,
  cksum: ANY,
  cmp: ANY,
  comm: ANY,
  cut: ANY,
  // Setting the clock; an operand sets it too, unless it is a format.
  date: { shorts: 's', longs: ['set'], only: /^[-+]/ },
  df: { longs: ['sync'] },
  // -l starts pr.
  diff: { shorts: 'l', longs: ['paginate'] },
  dirname: ANY,
  du: ANY,
  echo: { anything: true },
  egrep: ANY,
  expand: ANY,
  expr: { anything: true },
  false: ANY,
  fgrep: ANY,
  // -C writes compiled magic, -z starts decompressors.
  file: { shorts: 'CzZ', longs: ['compile', 'uncompress', 'uncompress-noreport'] },
  find: {
    words: ['-exec', '-execdir', '-ok', '-okdir', '-delete', '-fls', '-fprint', '-fprint0', '-fprintf'],
  },
  fmt: ANY,
  fold: ANY,
  grep: ANY,
  head: ANY,
  id: ANY,
  join: ANY,
  ls: ANY,
  md5sum: ANY,
  nl: ANY,
  nproc: ANY,
  numfmt: ANY,
  od: ANY,
  paste: ANY,
  pwd: ANY,
  readlink: ANY,
  realpath: ANY,
  rev: ANY,
  // --pre and --hostname-bin name programs, -z starts decompressors.
  rg: { shorts: 'z', longs: ['pre', 'hostname-bin', 'search-zip'] },
  seq: ANY,
  sha1sum: ANY,
  sha256sum: ANY,
  sha512sum: ANY,
  sort: { shorts: 'oT', longs: ['output', 'compress-program', 'temporary-directory'] },
  stat: ANY,
  tac: ANY,
  tail: ANY,
  tr: ANY,
  // -R writes an index into folders when -o or -H are about.
  tree: { shorts: 'oR', longs: ['output'] },
  true: ANY,
  uname: ANY,
  // A second operand is written to.
  uniq: { maxOperands: 1 },
  wc: ANY,
  which: ANY,
  whoami: ANY,
};

/** What may stand between `git` and its command. */
export const SAFE_GIT_OPTIONS: readonly string[] = ['--no-pager', '--no-optional-locks', '--literal-pathspecs'];

/** Of every git command below: writes to a file, or starts a program that the configuration names. */
const GIT_RUNS = ['output', 'ext-diff', 'textconv', 'show-signature'];

/** Signatures are checked by another program. */
const GIT_READS: SafeProgram = { longs: GIT_RUNS, parts: /%G/ };

const GIT_LISTS =
  /^(-a|-r|-v|-vv|-l|--all|--remotes|--verbose|--list|--show-current|--merged|--no-merged|--no-color|--column)$/;

/** Commands of git, in the same way. */
export const SAFE_GIT_COMMANDS: Readonly<Record<string, SafeProgram>> = {
  blame: GIT_READS,
  branch: { only: GIT_LISTS },
  'cat-file': { longs: [...GIT_RUNS, 'filters'] },
  describe: GIT_READS,
  diff: GIT_READS,
  // -O opens the files in a program.
  grep: { shorts: 'O', longs: [...GIT_RUNS, 'open-files-in-pager'] },
  log: GIT_READS,
  'ls-files': GIT_READS,
  'ls-tree': GIT_READS,
  'merge-base': GIT_READS,
  remote: { only: /^(-v|--verbose)$/ },
  'rev-list': GIT_READS,
  'rev-parse': GIT_READS,
  shortlog: GIT_READS,
  show: GIT_READS,
  status: GIT_READS,
  tag: { only: /^(-l|--list)$/ },
};
