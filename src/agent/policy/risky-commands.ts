// Commands that a person must see before they run, whatever the sandbox, as data. Pure. Session worker.

interface RiskyProgram {
  /** Letters of short options, alone or within a cluster. */
  shorts: string;
  longs: readonly string[];
}

/** Removes without asking and without a way back. */
const RISKY_PROGRAMS: Readonly<Record<string, RiskyProgram>> = {
  rm: { shorts: 'f', longs: ['force'] },
};

/** The words of a command, null for one that is known only when it runs. */
export function isRiskyCommand([program, ...args]: readonly (string | null)[]): boolean {
  const name = program?.slice(program.lastIndexOf('/') + 1) ?? '';
  const risky = Object.hasOwn(RISKY_PROGRAMS, name) ? RISKY_PROGRAMS[name]! : null;
  if (risky === null) return false;
  return args.some((arg) => {
    if (arg === null || !arg.startsWith('-')) return false;
    if (arg.startsWith('--')) return arg.length > 2 && risky.longs.some((long) => long.startsWith(arg.slice(2)));
    return Array.from(risky.shorts).some((letter) => arg.includes(letter));
  });
}
