// What the model is told of its surroundings before the first words of the user. Pure but for the clock. Session worker.
import type { SessionSettings } from '../session/messages.js';
import type { ResponseItem } from '../rollout/response-item.js';
import { hostResponseItem } from './turn-lines.js';

/** The messages that open a conversation: how it may act (developer), where it is (user). */
export function initialContextItems(settings: SessionSettings, turnId: string): ResponseItem[] {
  const developer = [permissionsText(settings), settings.developerInstructions]
    .filter((text): text is string => text !== null && text !== '')
    .map((text) => ({ type: 'input_text', text }));
  const environment = [{ type: 'input_text', text: environmentText(settings) }];
  return [
    hostResponseItem('developer', turnId, developer, 'permissions.instructions'),
    hostResponseItem('user', turnId, environment, 'environments.environment_context'),
  ];
}

function permissionsText(settings: SessionSettings): string {
  const sandbox = {
    dangerFullAccess: 'commands run without a sandbox',
    readOnly: 'files may be read, not written',
    workspaceWrite: 'files may be written below the working directory and the writable roots',
    externalSandbox: 'a sandbox outside of this program holds',
  }[settings.sandboxPolicy.type];
  const approval = typeof settings.approvalPolicy === 'string' ? settings.approvalPolicy : 'granular';
  return `<permissions instructions>\nSandbox: ${sandbox}. Approval policy: ${approval}.\n</permissions instructions>`;
}

function environmentText(settings: SessionSettings): string {
  const now = new Date();
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0'));
  return [
    '<environment_context>',
    `  <cwd>${settings.cwd}</cwd>`,
    `  <current_date>${date.join('-')}</current_date>`,
    `  <timezone>${Intl.DateTimeFormat().resolvedOptions().timeZone}</timezone>`,
    '</environment_context>',
  ].join('\n');
}
