// One command of a conversation, from its start to its end: what it wrote, and who waits for it. Session worker.
import { randomBytes } from 'node:crypto';
import type { CommandProcess } from './command-process.js';
import { DeltaStream } from './delta-stream.js';
import type { CommandExit } from './exit-code.js';
import { OutputBuffer } from './output-buffer.js';
import type { CapturedOutput } from './output-buffer.js';

/** What a call learns of a command: at its end, or when the call's time was over. */
export interface ExecResult {
  /** By which later calls name it while it runs. */
  processId: number;
  /** null while it runs. */
  exit: CommandExit | null;
  /** What it wrote since the result before. */
  output: CapturedOutput;
  /** How long this call took. */
  wallTimeMs: number;
  /** Names this piece of output; six hexadecimal digits. */
  chunkId: string;
}

/** What is known of a command once it has ended. */
export interface CommandOutcome {
  exit: CommandExit;
  /** All that it wrote. */
  output: CapturedOutput;
  durationMs: number;
}

export interface RunningCommandOptions {
  processId: number;
  argv: readonly string[];
  cwd: string;
  isTerminal: boolean;
  takesInput: boolean;
  onDelta: (text: string) => void;
  onExit: (outcome: CommandOutcome) => void;
}

export class RunningCommand {
  readonly options: Readonly<RunningCommandOptions>;
  /** Resolves behind onExit. */
  readonly ended: Promise<void>;
  readonly #startedAt = performance.now();
  #all = new OutputBuffer();
  readonly #deltas: DeltaStream;
  #unread = new OutputBuffer();
  #process: CommandProcess | null = null;
  #exit: CommandExit | null = null;
  #end: () => void = () => undefined;

  constructor(options: RunningCommandOptions) {
    this.options = options;
    this.#deltas = new DeltaStream({ emit: options.onDelta });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** null until the process is there. */
  get process(): CommandProcess | null {
    return this.#process;
  }

  get hasEnded(): boolean {
    return this.#exit !== null;
  }

  noteStart(process: CommandProcess): void {
    this.#process = process;
  }

  noteOutput(chunk: Uint8Array): void {
    this.#all.append(chunk);
    this.#unread.append(chunk);
    this.#deltas.push(chunk);
  }

  noteExit(exit: CommandExit): void {
    this.#exit = exit;
    this.#deltas.end();
    this.options.onExit({ exit, output: this.#all.read(), durationMs: performance.now() - this.#startedAt });
    // Who asks for its last words later needs no more than those.
    this.#all = new OutputBuffer();
    this.#end();
  }

  /** Resolves at its end, or after `yieldMs`, with what it wrote since the last time. */
  async collect(yieldMs: number): Promise<ExecResult> {
    const start = performance.now();
    await this.#endsWithin(yieldMs);
    const output = this.#unread.read();
    this.#unread = new OutputBuffer();
    const { processId } = this.options;
    const wallTimeMs = performance.now() - start;
    return { processId, exit: this.#exit, output, wallTimeMs, chunkId: randomBytes(3).toString('hex') };
  }

  async #endsWithin(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.ended, over]);
    clearTimeout(timer);
  }
}
