// A mode of the fault driver: one kind of faults, how many of them, and what shows that its checks can fail. Any thread.

export interface ModeRun {
  /** How many faults. */
  count: number;
  seed: number;
  conversations: number;
  /** Keeps the home also when all is well. */
  keep: boolean;
  /** Whether waits that are too long are violations, and not only shown: for a machine with nothing else to do. */
  judgesTimes: boolean;
  print: (text: string) => void;
}

export interface FaultMode {
  /** Its flag, which takes the count: `--NAME N`. */
  name: string;
  /** How many faults in a run that names no mode. */
  share: number;
  /** Prints its table, and what is needed to look into what it found. True when all is well. */
  run: (run: ModeRun) => Promise<boolean>;
  /** Breaks what the mode holds, on purpose. True when the mode noticed. */
  selfTest?: (run: Omit<ModeRun, 'count'>) => Promise<boolean>;
}
