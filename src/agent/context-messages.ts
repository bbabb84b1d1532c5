// What the model is told of its surroundings: before the first words of the user, and when they change. Pure but for the
// clock. Session worker.
import { isDeepStrictEqual } from 'node:util';
import type { SessionSettings } from '../session/messages.js';
import type { ResponseItem } from '../rollout/response-item.js';
import { environmentText } from './context/environment-text.js';
import { permissionsText } from './context/permissions-text.js';
import { instructionsText } from './context/project-instructions.js';
import type { ProjectInstructions } from './context/project-instructions.js';
import { hostResponseItem } from './turn-lines.js';

/** What is known beside the settings. */
export interface ContextFacts {
  /** Bare name of the shell that runs commands. */
  shell: string;
  /** Null before they were looked for. */
  instructions: ProjectInstructions | null;
}

const BARE_FACTS: ContextFacts = { shell: 'bash', instructions: null };

/** The messages that open a conversation: how it may act (developer), what is asked of it and where it is (user). */
export function initialContextItems(
  settings: SessionSettings,
  turnId: string,
  { shell, instructions }: ContextFacts = BARE_FACTS,
): ResponseItem[] {
  const developer = [permissionsText(settings), settings.developerInstructions]
    .filter((text): text is string => text !== null && text !== '')
    .map((text) => ({ type: 'input_text', text }));
  const asked = instructions === null ? null : instructionsText(instructions);
  return [
    hostResponseItem('developer', turnId, developer, 'permissions.instructions'),
    ...(asked === null ? [] : [instructionsItem(turnId, asked)]),
    environmentItem(settings, turnId, shell),
  ];
}

/** What is said before a turn whose surroundings are not those of the turn before it; nothing when they are the same. */
export function changedContextItems(
  before: { settings: SessionSettings; facts: ContextFacts },
  now: { settings: SessionSettings; facts: ContextFacts },
  turnId: string,
): ResponseItem[] {
  const items: ResponseItem[] = [];
  const isSame = (...keys: (keyof SessionSettings)[]): boolean =>
    keys.every((key) => isDeepStrictEqual(before.settings[key], now.settings[key]));
  const { instructions } = now.facts;
  if (instructions !== null && !isDeepStrictEqual(before.facts.instructions, instructions)) {
    const had = (before.facts.instructions?.body ?? null) !== null;
    const asked = instructionsText(instructions, had);
    if (asked !== null) items.push(instructionsItem(turnId, asked));
  }
  if (!isSame('sandboxPolicy', 'approvalPolicy')) {
    const content = [{ type: 'input_text', text: permissionsText(now.settings) }];
    items.push(hostResponseItem('developer', turnId, content, 'permissions.instructions'));
  }
  if (!isSame('cwd', 'workspaceRoots', 'sandboxPolicy') || before.facts.shell !== now.facts.shell) {
    items.push(environmentItem(now.settings, turnId, now.facts.shell));
  }
  return items;
}

function instructionsItem(turnId: string, text: string): ResponseItem {
  return hostResponseItem('user', turnId, [{ type: 'input_text', text }], 'agents_md.instructions');
}

function environmentItem(settings: SessionSettings, turnId: string, shell: string): ResponseItem {
  const text = environmentText({ settings, shell, now: new Date() });
  return hostResponseItem('user', turnId, [{ type: 'input_text', text }], 'environments.environment_context');
}
