// What is known of a conversation before its session says more: fresh, or from what the index read. Pure. Main thread.
import type { ConversationSummary } from '../index/index-messages.js';
import type { HistoryMode } from '../rollout/line.js';
import type { SessionMeta, SessionSettings } from '../session/messages.js';
import type { ConversationRequest } from './seams.js';
import type { ConversationFacts } from './thread-view.js';

export interface FreshConversation {
  id: string;
  /** null: ephemeral. */
  path: string | null;
  forkedFromId: string | null;
  mode: HistoryMode;
  preview: string;
  name: string | null;
  createdAt: Date;
  version: string;
  git: SessionMeta['git'];
}

/** Facts of a conversation that begins now. */
export function freshFacts(
  fresh: FreshConversation,
  settings: SessionSettings,
  request: ConversationRequest,
): ConversationFacts {
  const { id, path, git, version, forkedFromId, mode, preview, name } = fresh;
  const seconds = Math.floor(fresh.createdAt.getTime() / 1000);
  return {
    id,
    path,
    ephemeral: path === null,
    historyMode: mode,
    preview,
    ...settingFacts(settings),
    createdAt: seconds,
    updatedAt: seconds,
    cliVersion: version,
    originator: request.originator,
    source: 'vscode',
    gitInfo:
      git === null
        ? null
        : { sha: git.commit_hash ?? null, branch: git.branch ?? null, originUrl: git.repository_url ?? null },
    name,
    forkedFromId,
    threadSource: request.threadSource,
  };
}

/** Facts of a conversation that is loaded again, with the settings it goes on with. */
export function resumedFacts(summary: ConversationSummary, settings: SessionSettings): ConversationFacts {
  return { ...toFacts(summary, settings.provider.id), ...settingFacts(settings) };
}

/** What a conversation's settings say of it in lists and replies. */
export function settingFacts(settings: SessionSettings) {
  const { model, reasoningEffort, cwd } = settings;
  return { model, reasoningEffort, cwd, modelProvider: settings.provider.id };
}

/** What the index knows of an unloaded conversation, in the form of a loaded one. Old files name no provider. */
export function toFacts(summary: ConversationSummary, configuredProvider: string): ConversationFacts {
  return {
    id: summary.id,
    path: summary.path,
    ephemeral: false,
    historyMode: summary.historyMode,
    preview: summary.preview,
    modelProvider: summary.modelProvider ?? configuredProvider,
    model: summary.model,
    reasoningEffort: summary.reasoningEffort,
    createdAt: summary.createdAt,
    updatedAt: summary.updatedAt,
    cwd: summary.cwd,
    cliVersion: summary.cliVersion,
    originator: summary.originator,
    source: summary.source,
    gitInfo: summary.gitInfo,
    name: summary.name,
    forkedFromId: summary.forkedFromId,
    threadSource: summary.threadSource,
  };
}
