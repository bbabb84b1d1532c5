// Runs what the model has called: each call only when its line is in the rollout, each with exactly one output, at the
// latest when its turn ends. Session worker.
import { v7 as uuid } from 'uuid';
import { toThreadItem } from '../rollout/thread-item.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { ActiveTurn } from './active-turn.js';
import { announceCompletion, announceStart, claimItemId } from './item-news.js';
import type { SessionState } from './session-state.js';
import { remember } from './session-state.js';
import { callIdOf, failedCallItem, inputOf, nameOf } from './tool-calls.js';
import { findTool } from './tools/tool-table.js';
import { ToolFailure } from './tools/tool.js';
import type { Invocation, Tool, ToolOutput } from './tools/tool.js';
import { itemLines } from './turn-lines.js';

/** What the model is told of a call that its turn did not wait for. */
const ABORTED = 'aborted';

/**
 * Resolves when every call of the finished request has its output: true when there was any, and the model must be asked
 * again. Calls of tools that bear company run side by side, the others alone, in the order of the model.
 */
export async function runCalls(state: SessionState, turn: ActiveTurn): Promise<boolean> {
  const calls = turn.pendingCalls.map((call) => new RunningCall(state, turn, call));
  turn.pendingCalls = [];
  for (const call of calls) turn.runningCalls.add(call);
  // A tool may have effects: what it was called with must be known whatever happens next.
  if (calls.length > 0 && !(await state.outbox.recorded())) return false;
  let beside: Promise<void>[] = [];
  for (const call of calls) {
    if (!call.isParallel) {
      await Promise.all(beside);
      beside = [];
    }
    const running = call.run();
    if (call.isParallel) beside.push(running);
    else await running;
  }
  await Promise.all(beside);
  return calls.length > 0;
}

/** A turn that is cut takes its calls with it: each gets an output that says so, for a call without one is refused. */
export function abortCalls(state: SessionState, turn: ActiveTurn): void {
  const calls = [...turn.runningCalls, ...turn.pendingCalls.map((call) => new RunningCall(state, turn, call))];
  turn.pendingCalls = [];
  for (const call of calls) call.cut();
}

/** A call from when it is known to its output. */
export class RunningCall {
  readonly #state: SessionState;
  readonly #turn: ActiveTurn;
  readonly #call: ResponseItem;
  readonly #tool: Tool | null;
  readonly #itemId: string;
  readonly #controller = new AbortController();
  #isShown = false;
  #isOver = false;
  #complete: (() => void) | null = null;
  #ended: Promise<void> | null = null;
  #isCommitted = false;

  constructor(state: SessionState, turn: ActiveTurn, call: ResponseItem) {
    this.#state = state;
    this.#turn = turn;
    this.#call = call;
    this.#tool = findTool(call);
    this.#itemId = claimItemId(turn, callIdOf(call));
  }

  get isParallel(): boolean {
    return this.#tool?.isParallel ?? true;
  }

  /** When it has its output, if it is beyond the point where it could be cut and leave nothing behind; otherwise null. */
  get commitment(): Promise<void> | null {
    return this.#isCommitted && !this.#isOver ? this.#ended : null;
  }

  /** Resolves when it has its output, or was cut. Never rejects. */
  run(): Promise<void> {
    this.#ended = this.#run();
    return this.#ended;
  }

  async #run(): Promise<void> {
    if (this.#isOver) return;
    const tool = this.#tool;
    if (tool === null) return this.#fail(`unsupported call: ${nameOf(this.#call)}`);
    const { signal } = this.#controller;
    const cut = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#use(tool), cut]);
  }

  /** Ends it now; what its tool does afterwards is of no interest any more. */
  cut(): void {
    this.#fail(ABORTED);
    this.#controller.abort();
  }

  /** The same where nothing can be recorded any more, and so nothing may be told. */
  drop(): void {
    this.#isOver = true;
    this.#turn.runningCalls.delete(this);
    this.#controller.abort();
  }

  async #use(tool: Tool): Promise<void> {
    try {
      this.#finish(await tool.run(this.#invocation()));
    } catch (error) {
      const reason = error instanceof ToolFailure ? '' : `${tool.name} failed: `;
      this.#fail(`${reason}${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #invocation(): Invocation {
    return {
      state: this.#state,
      turn: this.#turn,
      callId: callIdOf(this.#call),
      call: this.#call,
      itemId: this.#itemId,
      input: inputOf(this.#call),
      signal: this.#controller.signal,
      markShown: () => (this.#isShown = true),
      onCut: (complete) => (this.#complete = complete),
      commit: () => (this.#isCommitted = true),
    };
  }

  #fail(output: string): void {
    if (this.#isOver) return;
    // Whatever its tool did not come to.
    this.#complete?.();
    if (!this.#isShown) this.#showFailure(output);
    this.#finish(output);
  }

  /** The call's own line is in the history already; this adds the output that the model gets. */
  #finish(output: ToolOutput): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#turn.runningCalls.delete(this);
    remember(this.#state, {
      type: this.#call.type === 'custom_tool_call' ? 'custom_tool_call_output' : 'function_call_output',
      id: `fco_${uuid()}`,
      call_id: callIdOf(this.#call),
      output,
      internal_chat_message_metadata_passthrough: { turn_id: this.#turn.id, create_time: Date.now() / 1000 },
    });
  }

  /** Whatever a model calls, people see that it did. */
  #showFailure(output: string): void {
    const { recorder, conversationId } = this.#state;
    const now = Date.now();
    const item = failedCallItem(this.#call, this.#itemId, output);
    const running = { ...item, status: 'in_progress', content_items: null, success: null, duration: null };
    announceStart(this.#state, this.#turn, toThreadItem(running, { startedAtMs: now, completedAtMs: null }), now);
    recorder.writeAll(itemLines(recorder.mode, conversationId, this.#turn.id, item, now, now));
    announceCompletion(this.#state, this.#turn, toThreadItem(item, { startedAtMs: now, completedAtMs: now }), now);
  }
}
