// Closing what a former session left open: a turn without an end, calls without outputs, text only the journal has.
// Found at load, written at the next input: a resume alone appends nothing. Session worker.
import type { TurnError } from '../protocol/thread.js';
import type { PartialItem } from '../rollout/journal.js';
import type { ApprovalRequestedEvent } from '../rollout/approval-events.js';
import type { CoreItem, CoreItemOfType } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';
import { resolvedEvent } from './approvals.js';
import { brokenTool } from '../rollout/broken-tool.js';
import { brokenCallItem } from './broken-call.js';
import type { OpenItem } from './open-items.js';
import { toCoreItem, toPartialResponseItem } from './open-items.js';
import type { SessionSettings } from '../session/messages.js';
import type { SessionState } from './session-state.js';
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
    if (kept !== undefined && textLengthOf(kept) >= textLengthOf(item)) continue;
    const core = kept?.type === 'tool' ? kept.core : null;
    items.set(item.id, item.type === 'tool' ? { ...item, core } : item);
  }
  return { ...recovery, partialItems: [...items.values()] };
}

function textLengthOf(item: PartialItem): number {
  const texts = item.type !== 'reasoning' ? [item.text] : [...item.summary, ...item.content];
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** What the model shall see of it, in addition to the recorded history: at once at load, so that it is never asked without. */
export function recoveredHistory(recovery: PendingRecovery): ResponseItem[] {
  const partials = recovery.partialItems.flatMap((item) =>
    item.type === 'tool' ? [] : (toPartialResponseItem(toOpenItem(item), recovery.turnId) ?? []),
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

type RecoveredState = Pick<SessionState, 'conversationId' | 'recorder' | 'journal'> & {
  settings: Pick<SessionSettings, 'cwd'>;
};

/**
 * Writes the lines that close the turn, in the order in which a live session would have written them: as interrupted, or
 * as failed with `error`.
 */
export function writeRecovery(
  recovery: PendingRecovery,
  history: readonly ResponseItem[],
  { conversationId, recorder, journal, settings }: RecoveredState,
  error: TurnError | null,
): void {
  const now = Date.now();
  const by = error === null ? 'broken_off' : 'session_lost';
  for (const question of recovery.openQuestions) {
    recorder.writeAside(resolvedEvent(question, 'expired', { by }));
  }
  const write = (item: CoreItem, startedAtMs: number): void =>
    recorder.writeAll(itemLines(recorder.mode, conversationId, recovery.turnId, item, startedAtMs, now));
  const tools = new Map(recovery.partialItems.flatMap((item) => (item.type === 'tool' ? [[item.id, item]] : [])));
  for (const output of recovery.danglingOutputs) {
    const { call_id: callId, output: told } = output as { call_id: string; output: string };
    const tool = tools.get(callId);
    const call = recovery.unseenCalls.get(callId);
    if (call !== undefined && (tool === undefined || tool.core === null)) {
      tools.delete(callId);
      const facts = { cwd: settings.cwd, told, output: tool?.text ?? '' };
      write(brokenCallItem(call, callId, facts), tool?.startedAtMs ?? now);
    } else if (tool !== undefined && tool.core !== null) {
      tools.delete(callId);
      write(brokenTool(tool.core, tool.text), tool.startedAtMs);
    }
    recorder.write('response_item', output);
  }
  // Their calls had an output: they went on in the background.
  for (const { core, text, startedAtMs } of tools.values())
    if (core !== null) write(brokenTool(core, text), startedAtMs);
  for (const partial of recovery.partialItems) {
    if (partial.type === 'tool') continue;
    const item = toOpenItem(partial);
    write(toCoreItem(item, true), item.startedAtMs);
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

function toOpenItem(partial: Exclude<PartialItem, { type: 'tool' }>): OpenItem {
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
