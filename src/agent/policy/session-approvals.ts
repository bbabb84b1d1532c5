// What a person has accepted for the rest of a session. Lives and ends with the session. Session worker.
/** A command as far as accepting it once accepts it again. */
export interface CommandIdentity {
  /** What is run: program and arguments, a shell's script as its last argument. */
  argv: readonly string[];
  /** Absolute. */
  cwd: string;
  /** Whether it is to run outside the sandbox. */
  escalated: boolean;
}

/** Commands and files that are not asked about again. */
export class SessionApprovals {
  readonly #commands = new Set<string>();
  readonly #files = new Set<string>();

  acceptCommand(command: CommandIdentity): void {
    this.#commands.add(keyOf(command));
  }

  hasCommand(command: CommandIdentity): boolean {
    return this.#commands.has(keyOf(command));
  }

  /** Absolute paths of all files that an accepted patch touches. */
  acceptFiles(paths: readonly string[]): void {
    for (const path of paths) this.#files.add(path);
  }

  /** Whether every one of them was accepted before; false for none at all. */
  hasFiles(paths: readonly string[]): boolean {
    return paths.length > 0 && paths.every((path) => this.#files.has(path));
  }
}

function keyOf({ argv, cwd, escalated }: CommandIdentity): string {
  return JSON.stringify([argv, cwd, escalated]);
}
