// What the registry asks of the rest of the house: the owner lease, the rollout's sink and source, the settings. Types.
import type { MessagePort } from 'node:worker_threads';
import type {
  ConversationFile,
  ConversationSummary,
  CutParams,
  CutResult,
  Dependent,
  DescribeResult,
  FollowedPlace,
  FollowNews,
} from '../index/index-messages.js';
import type { HistoryMode } from '../rollout/line.js';
import type { AskForApproval, SandboxMode, Turn } from '../protocol/thread.js';
import type { DaemonError } from '../errors.js';
import type { SessionSettings } from '../session/messages.js';
import type { ConversationOwner } from './writer-lock.js';

/** What a client may ask for when it starts, resumes or forks a conversation; null leaves it to the configuration. */
export interface ConversationRequest {
  originator: string;
  ephemeral: boolean;
  threadSource: string | null;
  /** Of a conversation that starts from nothing; null as usual. */
  historyMode: HistoryMode | null;
  cwd: string | null;
  model: string | null;
  modelProvider: string | null;
  approvalPolicy: AskForApproval | null;
  sandbox: SandboxMode | null;
  baseInstructions: string | null;
  developerInstructions: string | null;
  /** Configuration keys, dotted or nested, above all other layers. */
  config: Record<string, unknown> | null;
}

export interface ResolvedSettings {
  settings: SessionSettings;
  warnings: string[];
  unloadDelayMs: number;
  /** `experimental_resume` of the configuration: start by resuming this rollout. */
  resumePath: string | null;
}

/** What a rollout says of the settings of its conversation; null where it does not tell. */
export type RecordedSettings = Pick<
  ConversationSummary,
  | 'cwd'
  | 'model'
  | 'modelProvider'
  | 'approvalPolicy'
  | 'sandboxPolicy'
  | 'reasoningEffort'
  | 'reasoningSummary'
  | 'developerInstructions'
  | 'workspaceRoots'
>;

/**
 * Reads configuration and environment afresh. What is recorded goes above it, and a request goes above both. May have to
 * ask a model server, for seconds at most.
 */
export type SettingsResolver = (
  request: ConversationRequest,
  recorded: RecordedSettings | null,
) => ResolvedSettings | Promise<ResolvedSettings>;

/** Ownership of one conversation; release() may be called twice. */
export interface OwnerLease {
  release(): Promise<void>;
}

/** Exclusive ownership of a conversation, across processes. acquire() throws already_has_writer. */
export interface OwnerLocks {
  acquire(conversationId: string): Promise<OwnerLease>;
  /**
   * Who else owns it at this moment, null when nobody does; `known` is a former answer, and comes back when nothing has
   * changed. Throws lock_unavailable.
   */
  ownerOf(conversationId: string, known?: ConversationOwner | null): Promise<ConversationOwner | null>;
}

/** A rollout that is followed; whoever started it closes it. */
export interface FollowedRolloutHandle {
  /** Resolves when all that was in the file at the time of the call is told. */
  catchUp(): Promise<void>;
  close(): void;
}

/** Where what other processes write is heard of, off the main thread. */
export interface RolloutFollowers {
  /** From the end of the file on. Throws what reading a rollout throws; `onLost` is called when it cannot go on. */
  follow(
    of: { conversationId: string; path: string },
    onNews: (news: FollowNews) => void,
    onLost: (error: DaemonError) => void,
  ): Promise<{ place: FollowedPlace; following: FollowedRolloutHandle }>;
}

/** Where rollouts are written. */
export interface RolloutWriters {
  /** The session's end of a fresh channel; the caller transfers it. */
  open(request: { conversationId: string; path: string; journalPath: string | null }): MessagePort;
  /** Resolves once nothing more will be written for this conversation and its file is closed. */
  release(conversationId: string): Promise<void>;
}

/** Where rollouts are found and read, off the main thread. All but find() throw what reading a rollout throws. */
export interface ConversationLookup {
  /** Path of the newest rollout of an id, or null. */
  find(conversationId: string): Promise<string | null>;
  /** Throws rollout_path_not_allowed, rollout_unreadable, lineage_broken. */
  describe(rolloutPath: string): Promise<DescribeResult>;
  /** The last turn of a conversation, with its items; null when there is none. */
  lastTurn(conversationId: string, rolloutPath: string): Promise<Turn | null>;
  /** Throws turn_not_found. */
  cut(params: CutParams): Promise<CutResult>;
  /** All rollouts of an id, oldest first. */
  files(conversationId: string): Promise<ConversationFile[]>;
  /** Conversations that go on from a file of this one. */
  dependents(conversationId: string): Promise<Dependent[]>;
  /** Makes a compressed rollout one that can be appended to. */
  restore(rolloutPath: string): Promise<void>;
}
