// A program on a pseudo-terminal, and its screen as a person would see it. Main thread.
import { spawn } from '@lydell/node-pty';
import type { IPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';

export interface TerminalOptions {
  command: string;
  args: string[];
  cwd: string;
  /** The whole environment but TERM. */
  env: Record<string, string>;
  columns?: number;
  rows?: number;
}

export interface TerminalExit {
  code: number;
  /** 0 when it ended by itself. */
  signal: number;
}

interface Waiter {
  isThere(screen: string): boolean;
  resolve(screen: string): void;
}

const DEFAULT_PATIENCE_MS = 15_000;
/** How often something is typed, and how long it may take to be taken. */
const TRIES = 4;
const TRY_MS = 3_000;

/** Whoever starts one ends it: by what it types, or by kill(). */
export class TerminalProgram {
  readonly #pty: IPty;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  readonly #exited: Promise<TerminalExit>;
  readonly #waiters = new Set<Waiter>();
  #exit: TerminalExit | null = null;

  constructor({ command, args, cwd, env, columns = 110, rows = 40 }: TerminalOptions) {
    this.#screen = new xterm.Terminal({ cols: columns, rows, scrollback: 2000, allowProposedApi: true });
    this.#pty = spawn(command, args, { name: 'xterm-256color', cols: columns, rows, cwd, env });
    // What the program asks of its terminal (cursor position, colours) the screen answers.
    this.#screen.onData((answer) => this.#pty.write(answer));
    this.#pty.onData((data) => this.#screen.write(data, () => this.#look()));
    this.#exited = new Promise((resolve) =>
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#exit = { code: exitCode, signal: signal ?? 0 };
        // Behind everything that was written before.
        this.#screen.write('', () => {
          this.#look();
          resolve(this.#exit!);
        });
      }),
    );
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** Everything that was shown and was not painted over, with what has scrolled away; lines without their end's blanks. */
  get text(): string {
    const { active } = this.#screen.buffer;
    const lines: string[] = [];
    for (let row = 0; row < active.length; row += 1) lines.push(active.getLine(row)?.translateToString(true) ?? '');
    return lines.join('\n').trimEnd();
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  /** The same as waitFor() after typing: again, for a program that passes over what is typed while it has just begun to ask. */
  async typeUntil(text: string, what: string | RegExp): Promise<string> {
    for (let tries = 1; tries < TRIES; tries += 1) {
      this.type(text);
      const shown = await this.waitFor(what, TRY_MS).catch(() => null);
      if (shown !== null) return shown;
    }
    this.type(text);
    return this.waitFor(what);
  }

  /** Resolves with the text as soon as `what` is in it. Rejects with the text when that takes too long. */
  waitFor(what: string | RegExp, patienceMs = DEFAULT_PATIENCE_MS): Promise<string> {
    const isThere = (text: string): boolean => (typeof what === 'string' ? text.includes(what) : what.test(text));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        isThere,
        resolve: (text) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(text);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`not on the screen within ${patienceMs} ms: ${String(what)}${this.#describe()}`));
      }, patienceMs);
      this.#waiters.add(waiter);
      this.#look();
    });
  }

  /** Resolves when it has ended by itself. Rejects with the text when that takes too long. */
  async waitForExit(patienceMs = DEFAULT_PATIENCE_MS): Promise<TerminalExit> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`still running after ${patienceMs} ms${this.#describe()}`)),
        patienceMs,
      );
    });
    try {
      return await Promise.race([this.#exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGKILL; resolves when it is gone. Does nothing to one that has ended. */
  async kill(): Promise<void> {
    if (this.#exit === null) this.#pty.kill('SIGKILL');
    await this.#exited;
  }

  #look(): void {
    if (this.#waiters.size === 0) return;
    const { text } = this;
    for (const waiter of [...this.#waiters]) if (waiter.isThere(text)) waiter.resolve(text);
  }

  #describe(): string {
    const end = this.#exit === null ? '' : ` (the program has ended with ${this.#exit.signal || this.#exit.code})`;
    return `${end}\n${this.text}`;
  }
}
