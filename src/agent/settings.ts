// The settings of a conversation: how a turn changes them, and how they look on the wire. Session worker.
import { isDeepStrictEqual } from 'node:util';
import type { SessionSettings, SettingsPatch } from '../session/messages.js';
import type { NotificationParams } from '../protocol/notifications.js';
import { pushNotification } from './frame.js';
import type { SessionState } from './session-state.js';

/** The settings with what was asked for, or the same object when nothing changes. */
export function applySettings(settings: SessionSettings, patch: SettingsPatch): SessionSettings {
  const changes = Object.entries(patch).filter(
    ([key, value]) => value !== undefined && !isDeepStrictEqual(value, settings[key as keyof SessionSettings]),
  );
  if (changes.length === 0) return settings;
  const next: SessionSettings = { ...settings, ...Object.fromEntries(changes) };
  return next.cwd === settings.cwd ? next : { ...next, workspaceRoots: [next.cwd] };
}

/** `threadSettings` of thread/settings/updated. */
function toThreadSettings(settings: SessionSettings): NotificationParams<'thread/settings/updated'>['threadSettings'] {
  return {
    disabledPluginIds: [],
    cwd: settings.cwd,
    environments: [{ environmentId: 'local', cwd: settings.cwd, runtimeWorkspaceRoots: settings.workspaceRoots }],
    approvalPolicy: settings.approvalPolicy,
    approvalsReviewer: 'user',
    sandboxPolicy: settings.sandboxPolicy,
    activePermissionProfile: null,
    model: settings.model,
    modelProvider: settings.provider.id,
    serviceTier: null,
    effort: settings.reasoningEffort,
    summary: settings.reasoningSummary as never,
    collaborationMode: {
      mode: 'default',
      settings: {
        model: settings.model,
        reasoning_effort: settings.reasoningEffort,
        developer_instructions: null,
      },
    },
    multiAgentMode: 'explicitRequestOnly',
    personality: null,
  };
}

/** To the main thread and to clients, in order with everything else. */
export function announceSettings({ outbox, conversationId, settings }: SessionState): void {
  outbox.push({ type: 'state', patch: { settings } });
  const params = { threadId: conversationId, threadSettings: toThreadSettings(settings) };
  pushNotification(outbox, 'thread/settings/updated', params);
}
