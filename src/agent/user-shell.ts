// A command that a person runs in a conversation: outside of the sandbox, shown as an item, and told to the model. Session worker.
import { v4 as uuid } from 'uuid';
import { wakeTurn } from './active-turn.js';
import type { ActiveTurn } from './active-turn.js';
import { CommandItem } from './command-item.js';
import { exitCodeOf } from './exec/exit-code.js';
import { cutMiddle, joinOutput } from './exec/output-buffer.js';
import type { CommandOutcome } from './exec/running-command.js';
import { holdForModel } from './held-items.js';
import { parseCommand } from './policy/command-actions.js';
import type { SessionState } from './session-state.js';
import { remember } from './session-state.js';
import { FREE } from './session-tools.js';
import { userShell } from './shell-path.js';
import { hostResponseItem } from './turn-lines.js';

/** What a shell says of a command that took too long. */
const TIMED_OUT = 124;
/** What the model is told of one that has no exit code. */
const NO_EXIT_CODE = -1;
const MAX_OUTPUT_BYTES = 40_000;
/** What a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export interface ShellRequest {
  command: string;
  /** Milliseconds, after which it is ended. */
  timeoutMs: number;
}

/** How it ended, as the model reads it. */
interface Told {
  exitCode: number;
  durationMs: number;
  output: string;
}

/** From its start to its end, which may come after that of its turn: when the model fails, a person's command goes on. */
export class UserShell {
  readonly #state: SessionState;
  readonly #turn: ActiveTurn;
  readonly #request: ShellRequest;
  readonly #argv: string[];
  readonly #cwd: string;
  readonly #item: CommandItem;
  readonly #controller = new AbortController();
  #isTimedOut = false;
  #isOver = false;

  constructor(state: SessionState, turn: ActiveTurn, request: ShellRequest) {
    this.#state = state;
    this.#turn = turn;
    this.#request = request;
    this.#argv = [userShell(), '-lc', request.command];
    this.#cwd = state.settings.cwd;
    const itemId = uuid();
    turn.usedItemIds.add(itemId);
    this.#item = new CommandItem(state, turn.id, itemId, {
      argv: this.#argv,
      cwd: this.#cwd,
      parsedCmd: parseCommand(this.#argv),
      source: 'user_shell',
    });
  }

  /** Tells of it, and runs it once its turn is in the rollout. */
  start(): void {
    this.#turn.shells.add(this);
    this.#item.start(null);
    void this.#run();
  }

  /** A person has stopped the turn, and so the command. */
  cut(): void {
    if (this.#isOver) return;
    const durationMs = Date.now() - this.#item.startedAtMs;
    this.#item.cut();
    this.#finish({ exitCode: NO_EXIT_CODE, durationMs, output: 'the command was stopped by the user' });
    this.#controller.abort();
  }

  /** The same where nothing can be recorded any more, and so nothing may be told. */
  drop(): void {
    this.#isOver = true;
    this.#controller.abort();
  }

  async #run(): Promise<void> {
    if (!(await this.#state.outbox.recorded()) || this.#isOver) return;
    const { tools } = this.#state;
    try {
      const result = await tools.exec({
        argv: this.#argv,
        cwd: this.#cwd,
        tty: false,
        yieldMs: Math.min(this.#request.timeoutMs, LONGEST_MS),
        sandboxPolicy: FREE,
        workspaceRoots: [],
        signal: this.#controller.signal,
        onDelta: (text) => this.#item.addOutput(text),
        onExit: (outcome) => this.#end(outcome),
      });
      if (result.exit !== null) return;
      this.#isTimedOut = true;
      await tools.runner.terminate(result.processId);
      // Whatever the system cannot end, nobody is to wait for.
      this.cut();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #end({ exit, output, durationMs }: CommandOutcome): void {
    if (this.#isOver) return;
    const exitCode = this.#isTimedOut ? TIMED_OUT : exitCodeOf(exit);
    this.#item.end({ exitCode, output: joinOutput(output), durationMs });
    this.#finish({ exitCode, durationMs, output: joinOutput(cutMiddle(output, MAX_OUTPUT_BYTES)) });
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#item.fail(reason);
    this.#finish({ exitCode: NO_EXIT_CODE, durationMs: 0, output: reason });
  }

  #finish(told: Told): void {
    this.#isOver = true;
    const turn = this.#turn;
    turn.shells.delete(this);
    const text = describe(this.#request.command, told);
    const item = hostResponseItem('user', turn.id, [{ type: 'input_text', text }], 'shell.user_command');
    const active = this.#state.turn;
    if (active === null) return remember(this.#state, item);
    holdForModel(this.#state, active, item);
    // Without the model, a turn that began with a command ends with it.
    if (active.hasAskedModel) active.needsAnswer = true;
    wakeTurn(active);
  }
}

/** The tags and labels are the format's: readers, and models, know it by them. */
function describe(command: string, { exitCode, durationMs, output }: Told): string {
  return [
    '<user_shell_command>',
    '<command>',
    command,
    '</command>',
    '<result>',
    `Exit code: ${exitCode}`,
    `Duration: ${(durationMs / 1000).toFixed(4)} seconds`,
    'Output:',
    output,
    '</result>',
    '</user_shell_command>',
  ].join('\n');
}
