// The payloads of the lines that a session writes, in the format of docs/rollout-format.md. Pure. Session worker.
import { v7 as uuid } from 'uuid';
import type { SessionInit, SessionSettings } from '../session/messages.js';
import type { ThreadItem, TurnError, UserInput } from '../protocol/thread.js';
import type { CoreItem, CoreUserInput, EventOfType, EventPayload } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { HistoryMode } from '../rollout/line.js';
import type { LineBody } from './recorder.js';
import { toCoreSandboxPolicy, toPermissionProfile } from './sandbox-lines.js';
import type { ActiveTurn } from './active-turn.js';

export function sessionMetaPayload(
  init: SessionInit,
  mode: HistoryMode,
  baseInstructions: string | null,
  windowId: string,
): unknown {
  const { meta, settings, history } = init;
  const forkedFrom = 'forkedFromId' in history ? history.forkedFromId : null;
  const base = history.type === 'continued' ? history.base : null;
  return {
    session_id: init.conversationId,
    id: init.conversationId,
    ...(forkedFrom === null ? {} : { forked_from_id: forkedFrom }),
    ...(forkedFrom === null || base === null ? {} : { forked_from_ordinal_exclusive: base.end_ordinal_exclusive }),
    timestamp: meta.createdAt,
    cwd: settings.cwd,
    runtime_workspace_roots: settings.workspaceRoots,
    originator: meta.originator,
    cli_version: meta.cliVersion,
    source: meta.source,
    model_provider: settings.provider.id,
    ...(baseInstructions === null ? {} : { base_instructions: { text: baseInstructions } }),
    history_mode: mode,
    ...(base === null ? {} : { history_base: base }),
    context_window: { window_id: windowId },
    ...(meta.git === null ? {} : { git: meta.git }),
  };
}

export function taskStartedPayload(turn: ActiveTurn, contextWindow: number | null): unknown {
  return {
    type: 'task_started',
    turn_attribution: {
      turn_id: turn.id,
      turn_trigger: null,
      parent_turn_id: null,
      initiating_agent_path: null,
      root_turn_id: turn.id,
    },
    turn_id: turn.id,
    root_turn_id: turn.id,
    started_at: turn.startedAt,
    model_context_window: contextWindow,
    collaboration_mode_kind: 'default',
  };
}

export function turnContextPayload(turnId: string, settings: SessionSettings): unknown {
  return {
    turn_id: turnId,
    root_turn_id: turnId,
    disabled_plugin_ids: [],
    cwd: settings.cwd,
    approval_policy: settings.approvalPolicy,
    approvals_reviewer: 'user',
    permission_profile: toPermissionProfile(settings.sandboxPolicy, settings.cwd),
    model: settings.model,
    ...(settings.reasoningEffort === null ? {} : { effort: settings.reasoningEffort }),
    collaboration_mode: collaborationMode(settings),
    summary: settings.reasoningSummary ?? 'none',
    sandbox_policy: toCoreSandboxPolicy(settings.sandboxPolicy),
  };
}

export function settingsAppliedPayload(conversationId: string, settings: SessionSettings): unknown {
  return {
    type: 'thread_settings_applied',
    thread_id: conversationId,
    thread_settings: {
      model: settings.model,
      model_provider_id: settings.provider.id,
      approval_policy: settings.approvalPolicy,
      approvals_reviewer: 'user',
      requested_approvals_reviewer: 'user',
      permission_profile: toPermissionProfile(settings.sandboxPolicy, settings.cwd),
      cwd: settings.cwd,
      runtime_workspace_roots: settings.workspaceRoots,
      collaboration_mode: collaborationMode(settings),
      disabled_plugin_ids: [],
      // Ours alone: what the fields above do not tell, for a resume that finds no later turn.
      sandbox_policy: toCoreSandboxPolicy(settings.sandboxPolicy),
      effort: settings.reasoningEffort,
      summary: settings.reasoningSummary,
      developer_instructions: settings.developerInstructions,
    },
  };
}

function collaborationMode(settings: SessionSettings): unknown {
  return {
    mode: 'default',
    settings: { model: settings.model, reasoning_effort: settings.reasoningEffort, developer_instructions: null },
  };
}

/**
 * A message to the model that the model did not write. `kind` says where its parts come from (`user.text`,
 * `generic.turn_aborted`...): readers tell a person's words from the host's by it.
 */
export function hostResponseItem(
  role: 'user' | 'developer',
  turnId: string,
  content: unknown[],
  kind: string,
): ResponseItem {
  return {
    type: 'message',
    id: `msg_${uuid()}`,
    role,
    content,
    internal_chat_message_metadata_passthrough: {
      turn_id: turnId,
      create_time: Date.now() / 1000,
      content_item_kinds: content.map(() => kind),
    },
  };
}

/** What the model is told when a turn ended before its end. The tag is the format's; readers know it by that. */
export function abortedMarkerItem(turnId: string): ResponseItem {
  const text =
    '<turn_aborted>\nThis turn ended early: it was interrupted. What was said or started before may be incomplete.\n</turn_aborted>';
  return hostResponseItem('user', turnId, [{ type: 'input_text', text }], 'generic.turn_aborted');
}

/** The lines that record a finished visible item, in the mode of the file. */
export function itemLines(
  mode: HistoryMode,
  conversationId: string,
  turnId: string,
  item: CoreItem,
  startedAtMs: number,
  completedAtMs: number,
): LineBody[] {
  if (mode === 'legacy') return legacyItemLines(item);
  const payload = {
    type: 'item_completed',
    thread_id: conversationId,
    turn_id: turnId,
    item,
    started_at_ms: startedAtMs,
    completed_at_ms: completedAtMs,
  };
  return [{ type: 'event_msg', payload }];
}

function legacyItemLines(item: CoreItem): LineBody[] {
  const event = (payload: EventPayload): LineBody => ({ type: 'event_msg', payload });
  switch (item.type) {
    case 'UserMessage':
      return [event(legacyUserMessage(item.content, item.client_id))];
    case 'AgentMessage': {
      const message = item.content.map((part) => part.text).join('');
      return [event({ type: 'agent_message', message, phase: item.phase ?? null, memory_citation: null })];
    }
    case 'Reasoning':
      return item.summary_text.map((text) => event({ type: 'agent_reasoning', text }));
    default:
      // The mode has no line for it: what the model saw of it is in the response items.
      return [];
  }
}

/** What the line of the mode tells of a user's words. */
export function legacyUserMessage(
  content: readonly CoreUserInput[],
  clientId?: string | null,
): EventOfType<'user_message'> {
  return {
    type: 'user_message',
    ...(clientId == null ? {} : { client_id: clientId }),
    message: content.map((part) => (part.type === 'text' ? part.text : '')).join(''),
    images: content.flatMap((part) => (part.type === 'image' && part.image_url !== undefined ? [part.image_url] : [])),
    local_images: content.flatMap((part) => (part.type === 'local_image' ? [part.path] : [])),
    text_elements: content.flatMap((part) => (part.type === 'text' ? (part.text_elements ?? []) : [])),
  };
}

/** `durationMs` counts from the turn's start; `error` null for a turn that ended well. */
export function taskCompletePayload(
  turn: Pick<ActiveTurn, 'id' | 'startedAt' | 'startedAtMs' | 'firstTokenAtMs' | 'lastAgentMessage'>,
  completedAtMs: number,
  error: RecordedError | null,
): unknown {
  return {
    type: 'task_complete',
    root_turn_id: turn.id,
    turn_id: turn.id,
    last_agent_message: turn.lastAgentMessage,
    ...(error === null ? {} : { error }),
    started_at: turn.startedAt,
    completed_at: Math.floor(completedAtMs / 1000),
    duration_ms: completedAtMs - turn.startedAtMs,
    ...(turn.firstTokenAtMs === null ? {} : { time_to_first_token_ms: turn.firstTokenAtMs - turn.startedAtMs }),
  };
}

export function turnAbortedPayload(turn: { id: string; startedAt: number }, completedAtMs: number, durationMs: number) {
  return {
    type: 'turn_aborted',
    root_turn_id: turn.id,
    turn_id: turn.id,
    reason: 'interrupted',
    started_at: turn.startedAt,
    completed_at: Math.floor(completedAtMs / 1000),
    duration_ms: durationMs,
  };
}

/** A visible user message on the wire. */
export function userThreadItem(
  id: string,
  clientId: string | null,
  content: readonly UserInput[],
  startedAtMs: number,
  completedAtMs: number | null,
): ThreadItem {
  return { type: 'userMessage', id, clientId, content, startedAtMs, completedAtMs } as ThreadItem;
}

/** An error as the end of a turn holds it. */
export interface RecordedError {
  message: string;
  codex_error_info: unknown;
}

export function toRecordedError(error: TurnError): RecordedError {
  return { message: error.message, codex_error_info: toCoreErrorInfo(error) };
}

/** The rollout's spelling of an error's kind (snake_case, or an object with the HTTP status). */
function toCoreErrorInfo(error: TurnError): unknown {
  const info = error.codexErrorInfo;
  if (info === null || info === undefined) return 'other';
  if (typeof info === 'string') return toSnake(info);
  return Object.fromEntries(
    Object.entries(info).map(([kind, detail]) => [
      toSnake(kind),
      { http_status_code: (detail as { httpStatusCode?: number | null } | null)?.httpStatusCode ?? null },
    ]),
  );
}

function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
