// The settings of a live conversation in the form in which a rollout records them. Pure. Main thread.
import type { SessionSettings } from '../session/messages.js';
import type { RecordedSettings } from './seams.js';

export function toRecordedSettings(settings: SessionSettings): RecordedSettings {
  return {
    cwd: settings.cwd,
    model: settings.model,
    modelProvider: settings.provider.id,
    approvalPolicy: settings.approvalPolicy,
    sandboxPolicy: settings.sandboxPolicy,
    reasoningEffort: settings.reasoningEffort,
    reasoningSummary: settings.reasoningSummary,
    developerInstructions: settings.developerInstructions,
    workspaceRoots: settings.workspaceRoots,
  };
}
