// The settings of a conversation: how a turn changes them, and how they look on the wire. Pure. Session worker.
import type { SessionSettings, TurnOverrides } from '../session/messages.js';
import type { NotificationParams } from '../protocol/notifications.js';

/** The settings with what a turn asked for, or the same object when nothing changes. */
export function applyOverrides(settings: SessionSettings, overrides: TurnOverrides): SessionSettings {
  const { outputSchema: _oneTurnOnly, ...lasting } = overrides;
  const changes = Object.entries(lasting).filter(
    ([key, value]) =>
      value !== undefined && JSON.stringify(value) !== JSON.stringify(settings[key as keyof SessionSettings]),
  );
  if (changes.length === 0) return settings;
  const next: SessionSettings = { ...settings, ...Object.fromEntries(changes) };
  return next.cwd === settings.cwd ? next : { ...next, workspaceRoots: [next.cwd] };
}

/** `threadSettings` of thread/settings/updated. */
export function toThreadSettings(
  settings: SessionSettings,
): NotificationParams<'thread/settings/updated'>['threadSettings'] {
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
