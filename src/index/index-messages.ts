// What the main thread asks of the index thread, and what it is told. Types only, any thread.
import type { DaemonErrorData } from '../errors.js';
import type { AskForApproval, GitInfo, SandboxPolicy, SessionSource, ThreadItem } from '../protocol/thread.js';
import type { HistoryMode } from '../rollout/line.js';
import type { PartialItem } from '../rollout/journal.js';
import type { RolloutRange } from '../rollout/lineage.js';
import type { TurnTokenUsage } from '../rollout/turns.js';
import type { RecordedEvent } from './recorded-news.js';

/** What a rollout tells about its conversation. Times are Unix seconds. */
export interface ConversationSummary {
  /** From the session_meta, which wins over the file's name. */
  id: string;
  /** Absolute, under the home. */
  path: string;
  archived: boolean;
  sessionId: string;
  forkedFromId: string | null;
  /** The conversation whose sub-agent this one is. */
  parentId: string | null;
  historyMode: HistoryMode;
  /**
   * The first words of the user, also when they lie in a file that this one goes on from; empty before the first message.
   * After everything was reverted, those of before.
   */
  preview: string;
  /** As the user named it, or null. */
  name: string | null;
  /** As the last settings name it, else the first line; null in files older than the field. */
  modelProvider: string | null;
  /** When the current file was begun: after a revert that is the time of the revert. */
  createdAt: number;
  updatedAt: number;
  cliVersion: string;
  originator: string;
  source: SessionSource;
  threadSource: string | null;
  /** As somebody changed it since, else as it was when the conversation was made. */
  gitInfo: GitInfo | null;
  /** The folder of the last settings, else the one it was started in. */
  cwd: string;
  workspaceRoots: string[] | null;
  /** The rest of the last settings, each as the last line says that says it; null when none is recorded. */
  model: string | null;
  reasoningEffort: string | null;
  reasoningSummary: string | null;
  approvalPolicy: AskForApproval | null;
  sandboxPolicy: SandboxPolicy | null;
  developerInstructions: string | null;
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
  /**
   * Occurs in the name, in the preview, or in what user or agent say in the current file, whatever the case. Empty finds
   * all.
   */
  searchTerm: string | null;
  /** Folders, compared as they are but for slashes at the end. null or empty: any. */
  cwd: readonly string[] | null;
  /** null or empty: any. A conversation that names no provider passes. */
  modelProviders: readonly string[] | null;
  /** null or empty: what people start themselves, cli and vscode; with a parent or an ancestor any. */
  sourceKinds: readonly string[] | null;
  archived: boolean;
  /** Ids that are left out. */
  excludedIds: readonly string[];
  /** Conversations spawned by this one: directly, or at any depth. */
  parentId: string | null;
  ancestorId: string | null;
}

export interface ListResult {
  /** Newest file of each conversation. */
  data: ConversationSummary[];
  nextCursor: string | null;
  /** For the opposite direction: it starts with this page's first row. */
  backwardsCursor: string | null;
  /**
   * Conversations that all filters but `modelProviders` and `sourceKinds` let through, and those two kept back; on pages
   * before and after too. Of these the search term is looked for in name and preview only.
   */
  hiddenCount: number;
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
  /** Damaged lines of all files read; those of kinds that turns are not made of are not looked into. */
  setAside: number;
}

/** One conversation without its turns, and the files that its history goes back to. */
export interface DescribeResult {
  summary: ConversationSummary;
  /** What precedes the file, oldest first; empty for a history that lies in one file. */
  sources: RolloutRange[];
}

/** Where the history ends that a fork or a revert keeps. */
export type CutPoint = { type: 'end' } | { type: 'before'; turnId: string } | { type: 'through'; turnId: string };

export interface CutParams {
  path: string;
  /** Bytes of the file that count, the end of a line. Default: all. */
  end?: number;
  at: CutPoint;
}

export interface CutResult {
  historyMode: HistoryMode;
  /** What a new file's session_meta says of the history it goes on from; null when nothing is kept, or in legacy mode. */
  base: HistoryBase | null;
  /** All that is kept, oldest first, the file itself (up to the cut) included. */
  kept: RolloutRange[];
  /** What only the side journal holds of a last turn that was broken off, where that turn is kept. */
  partialItems: PartialItem[];
}

/** As session_meta.history_base holds it. `threadId` names the file: its segment id, else its conversation's. */
export interface HistoryBase {
  threadId: string;
  endOrdinalExclusive: number;
  endByteOffset: number;
}

/** What both kinds of page are taken from: the same as for a read. */
export interface PageSource {
  path: string;
  end?: number;
  liveTurnId?: string | null;
  runningItems?: readonly ThreadItem[];
}

/** `summary`: the first message of the user and the last answer. */
export interface TurnsPageParams extends PageSource {
  threadId: string;
  /** As a former page of the same conversation gave it, in whichever direction. */
  cursor: string | null;
  /** At most 100; 0 counts as 1. */
  limit: number;
  sortDirection: SortDirection;
  itemsView: 'notLoaded' | 'summary' | 'full';
}

/**
 * Items in the order in which they completed: one that outlives its turn stands where it ended. `cursor` as a former
 * page gave it, or an item of the turn after (descending: before) which to begin.
 */
export interface ItemsPageParams extends PageSource {
  threadId: string;
  /** null: items of all turns. */
  turnId: string | null;
  cursor: string | { itemId: string } | null;
  /** Types of items whose output is left out of the page; absent: none. */
  deferOutput?: readonly ThreadItem['type'][];
  /** At most 100; 0 counts as 1. */
  limit: number;
  sortDirection: SortDirection;
}

export interface ItemsReadParams extends PageSource {
  turnId: string;
  itemIds: readonly string[];
}

/** A page as JSON text of `{data, nextCursor, backwardsCursor}`, ready for a reply; of itemsRead only `{data}`. */
export interface PageResult {
  json: string;
}

export interface TailCursorsParams extends PageSource {
  threadId: string;
}

/** Descending, these begin with the last turn and the last item; null where there is none. */
export interface TailCursorsResult {
  turns: string | null;
  items: string | null;
}

/** One file of a conversation. */
export interface ConversationFile {
  /** Without `.zst`, whether compressed or not. */
  path: string;
  segmentId: string;
  archived: boolean;
  compressed: boolean;
}

/** A conversation whose history refers to files of another. */
export interface Dependent {
  id: string;
  name: string | null;
  preview: string;
  path: string;
}

export interface FollowParams {
  /** Chosen by whoever follows; news carry it. */
  followId: number;
  conversationId: string;
  path: string;
  /** What comes behind this byte, the end of a line, is news. Default: what comes behind the last whole line there is. */
  end?: number;
}

/** How far a rollout was read that somebody else writes. */
export interface FollowedPlace {
  path: string;
  /** The end of a line, in bytes. */
  end: number;
  /** The turn that is not recorded as ended; whether it still runs the file does not tell. */
  openTurnId: string | null;
  /** When the file was last written, in Unix milliseconds. */
  writtenAtMs: number;
}

/** `replaced`: what was read of it counts no more. `gone`: it was archived or deleted, and is not followed any more. */
export type FollowNews =
  | { type: 'appended'; place: FollowedPlace; events: RecordedEvent[] }
  | { type: 'replaced'; place: FollowedPlace }
  | { type: 'gone' };

/** Each kind of request with its answer. */
export interface IndexCalls {
  list: { params: ListParams; result: ListResult };
  read: { params: ReadParams; result: ReadResult };
  find: { params: { id: string }; result: string | null };
  describe: { params: { path: string }; result: DescribeResult };
  turnsPage: { params: TurnsPageParams; result: PageResult };
  itemsPage: { params: ItemsPageParams; result: PageResult };
  /** In the order of the turn, without those it does not have. */
  itemsRead: { params: ItemsReadParams; result: PageResult };
  tailCursors: { params: TailCursorsParams; result: TailCursorsResult };
  cut: { params: CutParams; result: CutResult };
  /** Every file of a conversation, archived ones first, then oldest first: the last is the current one. */
  files: { params: { id: string }; result: ConversationFile[] };
  /** Conversations (not this one) that go on from a file of this one, directly. */
  dependents: { params: { id: string }; result: Dependent[] };
  /** Makes a compressed rollout a plain one that can be appended to; does nothing to a plain one. */
  restore: { params: { path: string }; result: null };
  /** From now on there is news whenever somebody writes the rollout, until it is let go. */
  follow: { params: FollowParams; result: FollowedPlace };
  /** Answered when all that was in the file at the time of asking is told. */
  catchUp: { params: { followId: number }; result: null };
  unfollow: { params: { followId: number }; result: null };
}

export type IndexMethod = keyof IndexCalls;

/** Main thread → index thread. Requests run side by side; each is answered exactly once. */
export type IndexRequest = {
  [M in IndexMethod]: { requestId: number; method: M; params: IndexCalls[M]['params'] };
}[IndexMethod];

/** Main thread → index thread: answered as soon as the thread is free. */
export interface IndexPing {
  method: 'ping';
}

export interface IndexPong {
  pong: true;
}

/** Index thread → main thread, unasked. */
export interface IndexNews {
  followId: number;
  news: FollowNews;
}

/** Index thread → main thread. */
export type IndexReply =
  { requestId: number; result: IndexCalls[IndexMethod]['result'] } | { requestId: number; error: DaemonErrorData };
