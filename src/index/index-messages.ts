// What the main thread asks of the index thread, and what it is told. Types only, any thread.
import type { DaemonErrorData } from '../errors.js';
import type { AskForApproval, GitInfo, SandboxPolicy, SessionSource, ThreadItem } from '../protocol/thread.js';
import type { HistoryMode } from '../rollout/line.js';
import type { TurnTokenUsage } from '../rollout/turns.js';

/** What a rollout tells about its conversation. Times are Unix seconds. */
export interface ConversationSummary {
  /** From the session_meta, which wins over the file's name. */
  id: string;
  /** Absolute, under the home. */
  path: string;
  archived: boolean;
  sessionId: string;
  forkedFromId: string | null;
  historyMode: HistoryMode;
  /** The first words of the user; empty before the first message. */
  preview: string;
  /** As the user named it, or null. */
  name: string | null;
  /** null in files older than the field. */
  modelProvider: string | null;
  createdAt: number;
  updatedAt: number;
  cliVersion: string;
  originator: string;
  source: SessionSource;
  threadSource: string | null;
  gitInfo: GitInfo | null;
  /** The folder of the last turn, else the one it was started in. */
  cwd: string;
  /** The rest of the last turn's settings; null when none is recorded. */
  model: string | null;
  reasoningEffort: string | null;
  reasoningSummary: string | null;
  approvalPolicy: AskForApproval | null;
  sandboxPolicy: SandboxPolicy | null;
}

export type ListSortKey = 'created_at' | 'updated_at' | 'recency_at' | 'section_position';
export type SortDirection = 'asc' | 'desc';

/** Filters apply before paging. */
export interface ListParams {
  /** `TIMESTAMP|ID` or `TIMESTAMP`, as a former page gave it; null starts at the first row. */
  cursor: string | null;
  /** At most 100; 0 counts as 1. */
  limit: number;
  sortKey: ListSortKey;
  sortDirection: SortDirection;
  /** Occurs in the preview or the name, whatever the case. Empty finds all. */
  searchTerm: string | null;
  /** Folders, compared as they are but for slashes at the end. null or empty: any. */
  cwd: readonly string[] | null;
  /** null or empty: any. A conversation that names no provider passes. */
  modelProviders: readonly string[] | null;
  /** null or empty: what people start themselves, cli and vscode. */
  sourceKinds: readonly string[] | null;
  archived: boolean;
}

export interface ListResult {
  data: ConversationSummary[];
  nextCursor: string | null;
  /** For the opposite direction: it starts with this page's first row. */
  backwardsCursor: string | null;
}

export interface ReadParams {
  path: string;
  /** Bytes to read, the end of a line. Default: all. */
  end?: number;
  includeTurns: boolean;
  /** The turn that a session is at; every other unfinished turn reads as interrupted. */
  liveTurnId?: string | null;
  /** Items of the live turn that the file does not hold yet: they are added at its end. */
  runningItems?: readonly ThreadItem[];
}

export interface ReadResult {
  summary: ConversationSummary;
  /** JSON text of the array of turns, ready for a reply; null when they were not asked for. */
  turnsJson: string | null;
  tokenUsage: TurnTokenUsage | null;
}

/** Each kind of request with its answer. */
export interface IndexCalls {
  list: { params: ListParams; result: ListResult };
  read: { params: ReadParams; result: ReadResult };
  find: { params: { id: string }; result: string | null };
}

export type IndexMethod = keyof IndexCalls;

/** Main thread → index thread. Requests run side by side; each is answered exactly once. */
export type IndexRequest = {
  [M in IndexMethod]: { requestId: number; method: M; params: IndexCalls[M]['params'] };
}[IndexMethod];

/** Index thread → main thread. */
export type IndexReply =
  { requestId: number; result: IndexCalls[IndexMethod]['result'] } | { requestId: number; error: DaemonErrorData };
