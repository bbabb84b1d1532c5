// What a client that resumes a loaded conversation asks to be otherwise: done where nobody else is at work, told where not.
// Main thread.
import { isDeepStrictEqual } from 'node:util';
import type { SessionSettings, SettingsPatch } from '../session/messages.js';
import type { Conversation } from './conversation.js';
import { toRecordedSettings } from './recorded-settings.js';
import type { ConversationRequest, SettingsResolver } from './seams.js';

/** The settings behind each field of a request, as the wire names the field. */
const FIELDS: readonly (readonly [field: keyof ConversationRequest, settings: readonly (keyof SettingsPatch)[]])[] = [
  ['model', ['model']],
  // A provider of this machine comes with a model that it has.
  ['modelProvider', ['provider', 'providerProblem', 'model']],
  ['cwd', ['cwd']],
  ['approvalPolicy', ['approvalPolicy']],
  ['sandbox', ['sandboxPolicy']],
  ['developerInstructions', ['developerInstructions']],
  ['config', ['model', 'provider', 'approvalPolicy', 'sandboxPolicy', 'reasoningEffort', 'reasoningSummary']],
];

/**
 * Applies what the request asks for when the conversation is idle and has no subscriber, else leaves it as it is. Resolves
 * to the fields of the request that hold nothing of what they ask for. Throws config_invalid, provider_unknown.
 */
export async function applyToLoaded(
  conversation: Conversation,
  request: ConversationRequest,
  resolveSettings: SettingsResolver,
): Promise<string[]> {
  const asked = FIELDS.filter(([field]) => request[field] !== null);
  const fixed = request.baseInstructions === null ? [] : ['baseInstructions'];
  if (asked.length === 0) return fixed;
  const { settings } = await resolveSettings(request, toRecordedSettings(conversation.settings));
  const patch = changesOf(conversation.settings, settings, new Set(asked.flatMap(([, keys]) => keys)));
  const changed = Object.keys(patch);
  if (changed.length === 0) return fixed;
  const isAlone = conversation.fanOut.subscriberCount === 0 && conversation.activeTurnId === null;
  if (isAlone) {
    await conversation.carryOut({ type: 'updateSettings', settings: patch });
    return fixed;
  }
  const ignored = asked.filter(([, keys]) => keys.some((key) => changed.includes(key)));
  return [...ignored.map(([field]) => field), ...fixed];
}

function changesOf(from: SessionSettings, to: SessionSettings, keys: ReadonlySet<keyof SettingsPatch>): SettingsPatch {
  return Object.fromEntries(
    [...keys].filter((key) => !isDeepStrictEqual(from[key], to[key])).map((key) => [key, to[key]]),
  );
}
