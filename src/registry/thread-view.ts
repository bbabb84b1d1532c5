// How a conversation looks on the wire: the Thread object. Pure. Main thread.
import type { Thread, ThreadStatus } from '../protocol/thread.js';

/** What is known of a conversation, live or not. Times in Unix seconds. */
export interface ConversationFacts {
  id: string;
  path: string | null;
  ephemeral: boolean;
  historyMode: 'paginated' | 'legacy';
  preview: string;
  modelProvider: string;
  model: string | null;
  reasoningEffort: string | null;
  createdAt: number;
  updatedAt: number;
  cwd: string;
  cliVersion: string;
  originator: string | null;
  source: unknown;
  gitInfo: Thread['gitInfo'];
  name: string | null;
  forkedFromId: string | null;
  threadSource: string | null;
}

/**
 * `turns` are left empty: whoever has them as JSON text puts them in their place. `isOurs` is false for one that another
 * process may have loaded.
 */
export function toThread(facts: ConversationFacts, status: ThreadStatus, isOurs = true): Thread {
  const loaded = status.type !== 'notLoaded' && isOurs;
  return {
    id: facts.id,
    environments: loaded ? [{ environmentId: 'local', cwd: facts.cwd, runtimeWorkspaceRoots: [facts.cwd] }] : null,
    extra: null,
    sessionId: facts.id,
    forkedFromId: facts.forkedFromId,
    attachedToThreadId: null,
    parentThreadId: null,
    preview: facts.preview,
    ephemeral: facts.ephemeral,
    section: null,
    sectionEnteredAt: null,
    projectId: null,
    historyMode: facts.historyMode,
    modelProvider: facts.modelProvider,
    model: facts.model,
    reasoningEffort: facts.reasoningEffort,
    createdAt: facts.createdAt,
    updatedAt: facts.updatedAt,
    recencyAt: facts.updatedAt,
    status,
    path: facts.path,
    cwd: facts.cwd,
    cliVersion: facts.cliVersion,
    originator: facts.originator,
    source: facts.source,
    canAcceptDirectInput: loaded ? true : isOurs ? null : false,
    threadSource: facts.threadSource,
    agentNickname: null,
    agentRole: null,
    gitInfo: facts.gitInfo,
    name: facts.name,
    daybreakEnabled: null,
    turns: [],
  } as Thread;
}
