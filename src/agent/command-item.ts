// The visible item of one command, from its start to its end, which may come after the end of its turn. Session worker.
import { pathToFileURL } from 'node:url';
import type { ThreadItem } from '../protocol/thread.js';
import { notificationIndex } from '../protocol/notification-names.js';
import type { CoreItemOfType } from '../rollout/line.js';
import { toThreadItem } from '../rollout/thread-item.js';
import { deltaFrameHead, deltaFrameText } from '../session/frame-text.js';
import type { KeptTool } from './journal-keeper.js';
import { announceCompletion, announceStart } from './item-news.js';
import type { SessionState } from './session-state.js';
import { itemLines } from './turn-lines.js';

type CoreCommand = CoreItemOfType<'CommandExecution'>;

const OUTPUT_DELTA = notificationIndex('item/commandExecution/outputDelta');

/** What asked for the command: the model, by a call that ends with it or by one that may not; or the user. */
export type CommandSource = 'agent' | 'unified_exec_startup' | 'user_shell';

export interface CommandFacts {
  argv: string[];
  /** Absolute. */
  cwd: string;
  parsedCmd: CoreCommand['parsed_cmd'];
  source: CommandSource;
}

/** How a command ended that ran. */
export interface CommandEnd {
  exitCode: number;
  /** All of it, or its head and tail. */
  output: string;
  durationMs: number;
}

export class CommandItem implements KeptTool {
  readonly id: string;
  readonly turnId: string;
  readonly startedAtMs = Date.now();
  readonly #state: SessionState;
  readonly #facts: CommandFacts;
  readonly #deltaHead: string;
  #source: CommandSource;
  #processId: string | null = null;
  #output = '';
  #isOver = false;
  #revision = 0;

  constructor(state: SessionState, turnId: string, id: string, facts: CommandFacts) {
    this.#state = state;
    this.turnId = turnId;
    this.id = id;
    this.#facts = facts;
    this.#source = facts.source;
    const ids = { threadId: state.conversationId, turnId, itemId: id };
    this.#deltaHead = deltaFrameHead('item/commandExecution/outputDelta', ids);
  }

  /** Tells of it. A command that waits for an approval has no process yet. */
  start(processId: string | null): void {
    this.#processId = processId;
    this.#state.commands.add(this);
    this.#state.journal.noteProgress();
    announceStart(this.#state, { id: this.turnId }, this.toThreadItem(), this.startedAtMs);
  }

  /** It runs now: told of at the latest now. */
  run(processId: string, source: CommandSource): void {
    if (this.#isOver) return;
    const isTold = this.#state.commands.has(this);
    this.#processId = processId;
    this.#source = source;
    this.#revision += 1;
    this.#state.journal.noteProgress();
    if (!isTold) this.start(processId);
  }

  get processId(): string | null {
    return this.#processId;
  }

  addOutput(text: string): void {
    if (this.#isOver || text === '' || this.#state.outbox.isAbandoned) return;
    this.#output += text;
    this.#state.journal.noteProgress();
    this.#state.outbox.pushFrame(OUTPUT_DELTA, deltaFrameText(this.#deltaHead, text));
  }

  get text(): string {
    return this.#output;
  }

  get revision(): number {
    return this.#revision;
  }

  toToolItem(): CoreCommand {
    return this.#toCore('in_progress', { output: '', exitCode: null, durationMs: null });
  }

  /** As it is now, for whoever joins. */
  toThreadItem(): ThreadItem {
    const core = this.#toCore('in_progress', { output: this.#output, exitCode: null, durationMs: null });
    return toThreadItem(core, { startedAtMs: this.startedAtMs, completedAtMs: null });
  }

  end({ exitCode, output, durationMs }: CommandEnd): void {
    this.#complete(exitCode === 0 ? 'completed' : 'failed', { exitCode, output, durationMs });
  }

  /** It was not allowed to run. */
  decline(): void {
    this.#complete('declined', { exitCode: null, output: '', durationMs: 0 });
  }

  /** It could not be run; `reason` takes the place of its output. */
  fail(reason: string): void {
    if (this.#isOver) return;
    if (!this.#state.commands.has(this)) this.start(null);
    this.#complete('failed', { exitCode: null, output: reason, durationMs: 0 });
  }

  /** Its turn is over, and so is it. */
  cut(): void {
    if (this.#isOver) return;
    // Not begun yet, and so not told of: people shall see all the same what the model wanted.
    if (!this.#state.commands.has(this)) this.start(null);
    const durationMs = Date.now() - this.startedAtMs;
    this.#complete('failed', { exitCode: null, output: this.#output, durationMs });
  }

  /** Records the end, then tells of it; once. */
  #complete(status: string, end: { exitCode: number | null; output: string; durationMs: number }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#state.commands.delete(this);
    const { recorder, conversationId } = this.#state;
    const core = this.#toCore(status, end);
    const now = Date.now();
    recorder.writeAll(itemLines(recorder.mode, conversationId, this.turnId, core, this.startedAtMs, now));
    const times = { startedAtMs: this.startedAtMs, completedAtMs: now };
    announceCompletion(this.#state, { id: this.turnId }, toThreadItem(core, times), now);
  }

  #toCore(status: string, end: { output: string; exitCode: number | null; durationMs: number | null }): CoreCommand {
    const { argv, cwd, parsedCmd } = this.#facts;
    const { output, exitCode, durationMs } = end;
    return {
      type: 'CommandExecution',
      id: this.id,
      process_id: this.#processId,
      command: argv,
      cwd: pathToFileURL(cwd).href,
      parsed_cmd: parsedCmd,
      source: this.#source,
      status,
      aggregated_output: output,
      exit_code: exitCode,
      duration: durationMs === null ? null : toDuration(durationMs),
    };
  }
}

/** Those that are about to be ended, whatever turn they are of: all are told as ended before their turn, or the next, is. */
export function cutCommands({ commands }: Pick<SessionState, 'commands'>): void {
  for (const command of commands) command.cut();
}

function toDuration(milliseconds: number): { secs: number; nanos: number } {
  const secs = Math.floor(milliseconds / 1000);
  return { secs, nanos: Math.round((milliseconds - secs * 1000) * 1_000_000) };
}
