// What the model can call, and what a call is given. Session worker.
import type { OutputContentItem, ResponseItem } from '../../rollout/response-item.js';
import type { ActiveTurn } from '../active-turn.js';
import type { SessionState } from '../session-state.js';

/** What the model is told of its call: text, or parts with pictures. */
export type ToolOutput = string | OutputContentItem[];

/** One call of the model, from its line in the rollout to its output. */
export interface Invocation {
  readonly state: SessionState;
  readonly turn: ActiveTurn;
  readonly callId: string;
  /** As the model made it. */
  readonly call: ResponseItem;
  /** The id under which its item is shown, if it has one. */
  readonly itemId: string;
  /** What the model gave: the parsed arguments of a function, the text of a freeform tool. */
  readonly input: unknown;
  /** Aborted when the turn ends before the call does. */
  readonly signal: AbortSignal;
  /** The call has an item of its own: whatever becomes of it, it gets no other. */
  markShown: () => void;
  /**
   * `complete` runs synchronously when the call is cut or fails, and may then have nothing left to do: what is shown of it
   * must be completed before its turn ends.
   */
  onCut: (complete: () => void) => void;
  /** From now on it is not cut any more: an interrupt waits for its output, which must not be long in coming. */
  commit: () => void;
}

export interface Tool {
  readonly name: string;
  /** As the provider takes it. */
  readonly definition: unknown;
  /** The same as a function, for providers that know nothing else. */
  readonly asFunction?: unknown;
  /** Whether its calls may run beside others. */
  readonly isParallel: boolean;
  /** Resolves to what the model is told. Rejects with ToolFailure for a call that comes to nothing. */
  run: (invocation: Invocation) => Promise<ToolOutput>;
}

/** A call that came to nothing; the message is for the model. */
export class ToolFailure extends Error {}
