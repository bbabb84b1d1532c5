// Closing what a former session left open: a turn without an end, calls without outputs, text only the journal has.
// Found at load, written at the next input: a resume alone appends nothing. Session worker.
import type { TurnError } from '../protocol/thread.js';
import type { PartialItem } from '../rollout/journal.js';
import type { ApprovalRequestedEvent } from '../rollout/approval-events.js';
import type { CoreItemOfType } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';
import { resolvedEvent } from './approvals.js';
import type { OpenItem } from './open-items.js';
import { toCoreItem, toPartialResponseItem } from './open-items.js';
import type { SessionState } from './session-state.js';
import { failedCallItem } from './tool-calls.js';
import {
  abortedMarkerItem,
  itemLines,
  taskCompletePayload,
  toRecordedError,
  turnAbortedPayload,
} from './turn-lines.js';

export interface PendingRecovery {
  turnId: string;
  /** Unix seconds, as the turn's first line has it. */
  startedAt: number;
  /** Outputs made up for calls that never got one; the model's history holds them already. */
  danglingOutputs: ResponseItem[];
  /** Calls of this turn among them that nobody has seen, by their ids. */
  unseenCalls: ReadonlyMap<string, ResponseItem>;
  /** A message whose visible item was recorded, but not what the model shall remember of it. */
  shownOnly: CoreItemOfType<'AgentMessage'> | null;
  partialItems: PartialItem[];
  /** Questions to clients that nobody has answered. */
  openQuestions: ApprovalRequestedEvent[];
  /** Ids of the items that the turn has in the file. */
  completed: ReadonlySet<string>;
}

/** The same with what clients were told, where that is more than the journal has. */
export function withToldItems(recovery: PendingRecovery, told: readonly PartialItem[]): PendingRecovery {
  const items = new Map(recovery.partialItems.map((item) => [item.id, item]));
  for (const item of told) {
    if (recovery.completed.has(item.id)) continue;
    const kept = items.get(item.id);
    if (kept === undefined || textLengthOf(kept) < textLengthOf(item)) items.set(item.id, item);
  }
  return { ...recovery, partialItems: [...items.values()] };
}

function textLengthOf(item: PartialItem): number {
  const texts = item.type === 'agentMessage' ? [item.text] : [...item.summary, ...item.content];
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** What the model shall see of it, in addition to the recorded history: at once at load, so that it is never asked without. */
export function recoveredHistory(recovery: PendingRecovery): ResponseItem[] {
  const partials = recovery.partialItems.flatMap(
    (item) => toPartialResponseItem(toOpenItem(item), recovery.turnId) ?? [],
  );
  const shown = recovery.shownOnly === null ? [] : [toRemembered(recovery.shownOnly, recovery.turnId)];
  return [...shown, ...partials, abortedMarkerItem(recovery.turnId)];
}

function toRemembered({ id, content, phase, partial }: CoreItemOfType<'AgentMessage'>, turnId: string): ResponseItem {
  const text = content.map((part) => part.text).join('');
  return {
    type: 'message',
    status: partial === true ? 'incomplete' : 'completed',
    id,
    role: 'assistant',
    content: [{ type: 'output_text', text, annotations: [] }],
    internal_chat_message_metadata_passthrough: { turn_id: turnId },
    ...(phase == null ? {} : { phase }),
  };
}

/**
 * Writes the lines that close the turn, in the order in which a live session would have written them: as interrupted, or
 * as failed with `error`.
 */
export function writeRecovery(
  recovery: PendingRecovery,
  history: readonly ResponseItem[],
  { conversationId, recorder, journal }: Pick<SessionState, 'conversationId' | 'recorder' | 'journal'>,
  error: TurnError | null,
): void {
  const now = Date.now();
  const by = error === null ? 'broken_off' : 'session_lost';
  for (const question of recovery.openQuestions) {
    recorder.writeAside(resolvedEvent(question, 'expired', { by }));
  }
  for (const output of recovery.danglingOutputs) {
    const { call_id: callId, output: text } = output as { call_id: string; output: string };
    const call = recovery.unseenCalls.get(callId);
    if (call !== undefined) {
      const item = failedCallItem(call, callId, text);
      recorder.writeAll(itemLines(recorder.mode, conversationId, recovery.turnId, item, now, now));
    }
    recorder.write('response_item', output);
  }
  for (const partial of recovery.partialItems) {
    const item = toOpenItem(partial);
    recorder.writeAll(
      itemLines(recorder.mode, conversationId, recovery.turnId, toCoreItem(item, true), item.startedAtMs, now),
    );
  }
  for (const item of history) recorder.write('response_item', item);
  const turn = { id: recovery.turnId, startedAt: recovery.startedAt };
  const durationMs = Math.max(0, now - recovery.startedAt * 1000);
  const end =
    error === null
      ? turnAbortedPayload(turn, now, durationMs)
      : taskCompletePayload({ ...turn, ...UNKNOWN, startedAtMs: now - durationMs }, now, toRecordedError(error));
  recorder.write('event_msg', end, error !== null);
  journal.forgetRecovered();
  journal.clear();
}

/** What only the lost session knew. */
const UNKNOWN = { lastAgentMessage: null, firstTokenAtMs: null };

function toOpenItem(partial: PartialItem): OpenItem {
  if (partial.type === 'reasoning') {
    return {
      kind: 'reasoning',
      id: partial.id,
      startedAtMs: partial.startedAtMs,
      half: '',
      summary: partial.summary,
      content: partial.content,
      summaryPrefix: '',
      contentPrefix: '',
    };
  }
  return {
    kind: 'message',
    id: partial.id,
    phase: partial.phase,
    startedAtMs: partial.startedAtMs,
    half: '',
    text: partial.text,
    deltaPrefix: '',
  };
}
