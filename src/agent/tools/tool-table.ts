// All tools of a session, by name: those that the model is offered, and those that it may call. Session worker.
import type { ResponseItem } from '../../rollout/response-item.js';
import type { SessionSettings } from '../../session/messages.js';
import { nameOf } from '../tool-calls.js';
import { APPLY_PATCH } from './apply-patch.js';
import { EXEC_COMMAND } from './exec-command.js';
import { REQUEST_USER_INPUT } from './request-user-input.js';
import { SHELL, SHELL_COMMAND } from './shell-command.js';
import type { Tool } from './tool.js';
import { UPDATE_PLAN } from './update-plan.js';
import { VIEW_IMAGE } from './view-image.js';
import { WRITE_STDIN } from './write-stdin.js';

/** Offered in each request. */
const OFFERED: readonly Tool[] = [EXEC_COMMAND, WRITE_STDIN, APPLY_PATCH, UPDATE_PLAN, VIEW_IMAGE, REQUEST_USER_INPUT];
/** Known to older models by these names. */
const UNDERSTOOD: readonly Tool[] = [...OFFERED, SHELL_COMMAND, SHELL];

const BY_NAME: ReadonlyMap<string, Tool> = new Map(UNDERSTOOD.map((tool) => [tool.name, tool]));

/**
 * In the provider's own shape. Only OpenAI's own service is sure to know what is no function: elsewhere a tool that is a
 * text becomes one with an input, and nothing is searched.
 */
export function toolDefinitions({ provider, webSearch }: SessionSettings): unknown[] {
  const knowsAll = isOpenAi(provider.baseUrl);
  const offered = OFFERED.map(({ definition, asFunction = definition }) => (knowsAll ? definition : asFunction));
  if (!knowsAll || webSearch === 'disabled') return offered;
  return [...offered, { type: 'web_search', external_web_access: webSearch === 'live' }];
}

function isOpenAi(baseUrl: string | null): boolean {
  return (
    baseUrl !== null &&
    /^https:\/\/(?:[\w-]+\.)*(?:openai\.com|openai\.azure\.com|chatgpt\.com)(?::\d+)?(?:\/|$)/i.test(baseUrl)
  );
}

/** Null for a tool that does not exist. */
export function findTool(call: ResponseItem): Tool | null {
  return BY_NAME.get(nameOf(call)) ?? null;
}
