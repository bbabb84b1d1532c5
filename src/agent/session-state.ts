// The state of one live conversation that the parts of the turn loop share. Session worker.
import type { SessionSettings, SessionStatePatch } from '../session/messages.js';
import type { ThreadStatus } from '../protocol/thread.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { ActiveTurn } from './active-turn.js';
import type { ApprovalDesk } from './approvals.js';
import type { CommandItem } from './command-item.js';
import type { FileChangeItem } from './file-change-item.js';
import type { JournalKeeper } from './journal-keeper.js';
import type { ModelClient } from './model/model.js';
import type { Outbox, PublishLevel } from './outbox.js';
import type { Recorder } from './recorder.js';
import type { SentMessages } from './sent-messages.js';
import type { SessionTools } from './session-tools.js';
import { pushNotification } from './frame.js';
import type { TokenTotals } from './token-totals.js';

export interface SessionState {
  readonly conversationId: string;
  readonly outbox: Outbox;
  readonly recorder: Recorder;
  readonly journal: JournalKeeper;
  readonly tokens: TokenTotals;
  readonly desk: ApprovalDesk;
  /** What the model sees, in order. */
  readonly history: ResponseItem[];
  readonly sent: SentMessages;
  baseInstructions: string | null;
  settings: SessionSettings;
  model: ModelClient;
  turn: ActiveTurn | null;
  /** Commands that people see running, also of turns that are over. */
  readonly commands: Set<CommandItem>;
  /** Patches that people see, asked for or being written. */
  readonly changes: Set<FileChangeItem>;
  readonly tools: SessionTools;
  /** Ends the running turn as interrupted, at once: a person wants no more of it. */
  interrupt: () => void;
  status: ThreadStatus;
}

/** Tells the main thread and every client of a new status, in order with everything else. */
export function setStatus(
  state: SessionState,
  status: ThreadStatus,
  patch: Omit<SessionStatePatch, 'status'> = {},
  level: PublishLevel = 'written',
): void {
  state.status = status;
  state.outbox.push({ type: 'state', patch: { ...patch, status } }, level);
  pushNotification(state.outbox, 'thread/status/changed', { threadId: state.conversationId, status }, level);
}

/** Adds to the model's history and to the rollout in one step. */
export function remember(state: SessionState, item: ResponseItem): void {
  state.history.push(item);
  state.recorder.write('response_item', item);
}
