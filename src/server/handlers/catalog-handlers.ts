// What a client asks at its start: models, configuration, account, skills. Main thread.
import type { ListedModel } from '../../config/list-models.js';
import { DaemonError } from '../../errors.js';
import type { ResultOf } from '../../protocol/methods.js';
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';

const EFFORTS = ['low', 'medium', 'high'].map((reasoningEffort) => ({
  reasoningEffort,
  description: `${reasoningEffort[0]!.toUpperCase()}${reasoningEffort.slice(1)} reasoning effort`,
}));

/** The configured model first, then those of this machine; the built-in one is always there. */
export function modelListHandler({ readConfig, listModels }: HandlerContext): Handler<'model/list'> {
  return async (params, respond) => {
    const start = readCursor(params.cursor ?? null);
    const models = await listModels(params.modelProvider ?? null);
    const page = models.slice(start, start + Math.max(1, params.limit ?? models.length));
    const end = start + page.length;
    const effort = readConfig(null).modelReasoningEffort ?? 'medium';
    respond.result({
      data: page.map((model) => toModel(model, effort)),
      nextCursor: end < models.length ? String(end) : null,
    });
  };
}

/** How many rows went before, as the peer counts them: a list that has changed meanwhile still comes to its end. */
function readCursor(cursor: string | null): number {
  if (cursor === null) return 0;
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor);
  throw new DaemonError('invalid_request', `invalid cursor: ${cursor.slice(0, 100)}`);
}

const DESCRIPTIONS: Record<ListedModel['origin'], (providerName: string) => string> = {
  configured: (name) => `From the configuration: ${name}`,
  found: (name) => `On this machine: ${name}`,
  builtIn: () => 'Built in: answers without a network and says how to configure a model',
};

function toModel(listed: ListedModel, effort: string): ResultOf<'model/list'>['data'][number] {
  const { id, model, provider, origin } = listed;
  const offline = provider === 'offline';
  // What a local model can do is not told; this family takes an effort.
  const takesEffort = origin === 'configured' || (origin === 'found' && model.includes('gpt-oss'));
  return {
    id,
    model,
    modelProvider: provider,
    upgrade: null,
    upgradeInfo: null,
    availabilityNux: null,
    displayName: model,
    description: DESCRIPTIONS[offline ? 'builtIn' : origin](listed.providerName),
    modelSpecialty: null,
    hidden: false,
    supportedReasoningEfforts: takesEffort && !offline ? EFFORTS : [],
    defaultReasoningEffort: effort,
    inputModalities: offline ? ['text'] : ['text', 'image'],
    supportsPersonality: false,
    multiAgentVersion: null,
    additionalSpeedTiers: [],
    serviceTiers: [],
    defaultServiceTier: null,
    availableAccessPrograms: null,
    isDefault: listed.isDefault,
  };
}

export function configReadHandler(context: HandlerContext): Handler<'config/read'> {
  return (params, respond) => {
    respond.result(context.describeConfig(params.cwd ?? null, params.includeLayers ?? false));
  };
}

export function configRequirementsReadHandler(): Handler<'configRequirements/read'> {
  return (_params, respond) => respond.result({ supportsIndependentSpeedModes: false, requirements: null });
}

/** No accounts of a vendor: keys come from the configuration. */
export function accountReadHandler(): Handler<'account/read'> {
  return (_params, respond) =>
    respond.result({ account: null, userId: null, requiresOpenaiAuth: false, workspaceRouting: null });
}

/** No skills are loaded: an honest empty list for each folder asked for. */
export function skillsListHandler(): Handler<'skills/list'> {
  return (params, respond) =>
    respond.result({ data: (params.cwds ?? []).map((cwd) => ({ cwd, skills: [], errors: [] })) });
}
