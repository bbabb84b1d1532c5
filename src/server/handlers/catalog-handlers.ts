// What a client asks at its start: models, configuration, account, skills. Main thread.
import type { Config } from '../../config/config.js';
import type { ResultOf } from '../../protocol/methods.js';
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';

const EFFORTS = ['low', 'medium', 'high'].map((reasoningEffort) => ({
  reasoningEffort,
  description: `${reasoningEffort[0]!.toUpperCase()}${reasoningEffort.slice(1)} reasoning effort`,
}));

/** The configured model first; the built-in one is always there. */
export function modelListHandler(context: HandlerContext): Handler<'model/list'> {
  return (params, respond) => {
    const config = context.readConfig(null);
    const models = [...new Set([config.model, 'offline'])];
    const start = params.cursor == null ? 0 : Math.max(0, models.indexOf(params.cursor) + 1);
    const page = models.slice(start, start + Math.max(1, params.limit ?? models.length));
    const isLast = start + page.length >= models.length;
    respond.result({
      data: page.map((model) => toModel(model, config)),
      nextCursor: isLast ? null : (page.at(-1) ?? null),
    });
  };
}

function toModel(model: string, config: Config): ResultOf<'model/list'>['data'][number] {
  const offline = model === 'offline';
  return {
    id: model,
    model,
    upgrade: null,
    upgradeInfo: null,
    availabilityNux: null,
    displayName: model,
    description: offline
      ? 'Built in: answers without a network and says how to configure a model'
      : 'From the configuration',
    modelSpecialty: null,
    hidden: false,
    supportedReasoningEfforts: offline ? [] : EFFORTS,
    defaultReasoningEffort: config.modelReasoningEffort ?? 'medium',
    inputModalities: offline ? ['text'] : ['text', 'image'],
    supportsPersonality: false,
    multiAgentVersion: null,
    additionalSpeedTiers: [],
    serviceTiers: [],
    defaultServiceTier: null,
    availableAccessPrograms: null,
    isDefault: model === config.model,
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
