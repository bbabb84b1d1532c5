// The boundary between the main thread and a session: what each side may send. Types only, any thread.
import type { MessagePort } from 'node:worker_threads';
import type { DaemonErrorData } from '../errors.js';
import type { ProviderSettings } from '../agent/model/model.js';
import type { HistoryMode, RolloutLine, SessionMetaPayload } from '../rollout/line.js';
import type { PartialItem } from '../rollout/journal.js';
import type { RolloutRange } from '../rollout/lineage.js';
import type { ProcessReport } from './process-report.js';
import type { ServerRequestName } from '../protocol/server-requests.js';
import type {
  AskForApproval,
  SandboxPolicy,
  ThreadItem,
  ThreadStatus,
  TokenUsage,
  TurnError,
  UserInput,
} from '../protocol/thread.js';

/**
 * What a conversation starts from. Resumed keeps id and file and appends; all others get a fresh file: with nothing in it,
 * with a copy of what came before, or with a reference to the files that hold it.
 */
export type InitialHistory =
  | { type: 'new'; mode: HistoryMode }
  /** `sources` precede the file, oldest first. */
  | { type: 'resumed'; conversationId: string; rolloutPath: string; sources: RolloutRange[] }
  /** The lines are copied into the new file. */
  | { type: 'forked'; forkedFromId: string | null; items: RolloutLine[] }
  /** The same, with lines that the session reads from a file; for `partialItems` see ContinuedHistory. */
  | { type: 'copied'; forkedFromId: string; source: RolloutRange; partialItems: PartialItem[] }
  | ContinuedHistory;

/** A fork by reference (fresh id), or a conversation that was reverted (its own id, a new segment). */
export interface ContinuedHistory {
  type: 'continued';
  forkedFromId: string | null;
  /** As session_meta will say it; null goes on from nothing. */
  base: NonNullable<SessionMetaPayload['history_base']> | null;
  /** What the base stands for, oldest first. */
  sources: RolloutRange[];
  /** What a turn that runs in the source, or was broken off there, has said so far: it ends here as interrupted. */
  partialItems: PartialItem[];
}

/** The effective settings of a conversation; a turn may change some, and they stick. */
export interface SessionSettings {
  model: string;
  provider: ProviderSettings;
  /** Why the provider cannot be used (a missing key), or null: turns fail with it. */
  providerProblem: string | null;
  cwd: string;
  workspaceRoots: string[];
  approvalPolicy: AskForApproval;
  sandboxPolicy: SandboxPolicy;
  reasoningEffort: string | null;
  reasoningSummary: string | null;
  contextWindow: number | null;
  baseInstructions: string | null;
  developerInstructions: string | null;
  /** Milliseconds after which a question that nobody answered lapses; 0 never. */
  approvalTimeoutMs: number;
  /** Names of environment variables that hold secrets: commands do not get them. */
  secretNames: string[];
  /** The provider's own search, where it has one: off, in what it has stored, in the web as it is. */
  webSearch: 'disabled' | 'cached' | 'live';
  /** Of AGENTS.md of the project, together; 0 reads none. */
  projectDocMaxBytes: number;
  projectDocFallbackNames: string[];
}

/** Facts that go into session_meta when the file is created. */
export interface SessionMeta {
  /** ISO time of creation; the rollout's name carries the same second. */
  createdAt: string;
  originator: string;
  cliVersion: string;
  /** `vscode` for what clients start, so that other tools of the format list it. */
  source: string;
  git: { commit_hash?: string; branch?: string; repository_url?: string } | null;
}

/** All that a session worker gets; the ports travel in the transfer list. */
export interface SessionInit {
  conversationId: string;
  /** Of the daemon; absolute. */
  home: string;
  /** Id of the start request: sessionConfigured must carry it back. */
  submitId: string;
  history: InitialHistory;
  settings: SessionSettings;
  meta: SessionMeta;
  /** null: ephemeral, nothing is written. */
  /** null: ephemeral. Otherwise the first command is replaceWriter. */
  rolloutPath: string | null;
  journalPath: string | null;
  port: MessagePort;
  /** Shared: the session writes here, before anything else, in which thread it runs. */
  workerThreadId: Int32Array;
  /** False only in the oracle's own test: publishes before the record is written. */
  recordBeforePublish: boolean;
}

/** Settings that hold from now on. What is absent stays as it is. */
export type SettingsPatch = Partial<
  Pick<
    SessionSettings,
    | 'model'
    | 'provider'
    | 'providerProblem'
    | 'cwd'
    | 'approvalPolicy'
    | 'sandboxPolicy'
    | 'reasoningEffort'
    | 'reasoningSummary'
    | 'developerInstructions'
  >
>;

/** Settings that a turn brings along; the schema of its answer is for that turn alone. */
export type TurnOverrides = SettingsPatch & { outputSchema?: unknown };

/** Main thread → session. Handled in order; those with a requestId are answered exactly once. */
export type SessionCommand =
  | {
      type: 'startTurn';
      requestId: number;
      input: UserInput[];
      clientId: string | null;
      overrides: TurnOverrides;
    }
  | { type: 'steerTurn'; requestId: number; expectedTurnId: string; input: UserInput[]; clientId: string | null }
  | { type: 'interruptTurn'; requestId: number; turnId: string }
  | { type: 'takeSnapshot'; requestId: number }
  /** Sees to it that there is a file; answered once it is written. */
  | { type: 'materialize'; requestId: number }
  | { type: 'updateSettings'; requestId: number; settings: SettingsPatch }
  /** Puts items before the model that belong to no turn. */
  | { type: 'injectItems'; requestId: number; items: unknown[] }
  /** Ends, with this error, the turn in which a former session was lost; answered once that survives a power loss. */
  | { type: 'endLostTurn'; requestId: number; turn: LostTurn }
  /** A command of a person, outside of the sandbox: in the running turn, or in one of its own. Answered before it runs. */
  | { type: 'runShellCommand'; requestId: number; command: string; timeoutMs: number }
  | { type: 'listTerminals'; requestId: number; cursor: string | null; limit: number }
  /** Answered when it has ended. */
  | { type: 'endTerminal'; requestId: number; processId: string }
  | { type: 'endTerminals'; requestId: number }
  /** What a client said to a server request. One that is not pending any more is passed over. */
  | { type: 'answerServerRequest'; requestKey: number; answer: ClientAnswer; by: string }
  /** Answered at once by `pong`, whatever else goes on: the worker's thread is not stuck. */
  | { type: 'ping' }
  /** A channel to the writer, in place of the former one; comes first of all to a session that records. */
  | { type: 'replaceWriter'; port: MessagePort }
  /** No writer will come any more. */
  | { type: 'loseWriter'; error: DaemonErrorData }
  | { type: 'endSession' };

/** A command of the model that runs on by itself. */
export interface BackgroundTerminal {
  itemId: string;
  processId: string;
  command: string;
  cwd: string;
  osPid: number;
  cpuPercent: number | null;
  rssKb: number | null;
}

/** `refused`: an error, or something that is no answer to this question. Whatever was asked for was not granted. */
export type ClientAnswer = { type: 'result'; result: unknown } | { type: 'refused'; message: string };

/** A turn whose session died, as far as clients were told of it. */
export interface LostTurn {
  turnId: string;
  error: TurnError;
  /** What had begun and not ended, with the text so far. */
  toldItems: PartialItem[];
}

/** The state of a live conversation at one point in its order of events. */
export interface SessionSnapshot {
  /** Bytes of the rollout that hold everything before this point; turns are read from there. */
  rolloutSize: number;
  activeTurnId: string | null;
  /** Items still running, with their text so far. */
  runningItems: ThreadItem[];
  /** The same as `item/started` notification texts, open-ended like every frame. */
  runningItemFrames: string[];
  tokenUsage: TokenUsage | null;
  /** The turn that it was last told of; null when no answer has ended in this session. */
  tokenUsageTurnId: string | null;
}

/** What the main thread keeps about a live conversation, sent with the events that change it. */
export interface SessionStatePatch {
  status?: ThreadStatus;
  activeTurnId?: string | null;
  preview?: string;
  /** Unix seconds. */
  updatedAt?: number;
  materialized?: boolean;
  /** A turn that ended with a result: it is unread, and clients are to be told at this place in the order of events. */
  unreadTurnId?: string;
  /** What changed of the settings, and holds from now on. */
  settings?: Partial<SessionSettings>;
}

/**
 * Session → main thread, batched: `parts` in order. Frames are notification texts without their closing brace, so that
 * the main thread can add `epoch` and `seq` without parsing; `ends` are end offsets in UTF-16 units of `text`,
 * `methods` indices into NOTIFICATION_METHODS.
 */
export type SessionPart =
  | { type: 'frames'; text: string; ends: number[]; methods: number[] }
  | { type: 'reply'; requestId: number; /** JSON text of the result. */ result: string }
  | { type: 'error'; requestId: number; error: DaemonErrorData }
  | { type: 'snapshot'; requestId: number; snapshot: SessionSnapshot }
  | { type: 'state'; patch: SessionStatePatch }
  /** A question for all clients of the conversation; `params` is JSON text. `requestKey` names it within this session. */
  | { type: 'serverRequest'; requestKey: number; method: ServerRequestName; params: string }
  /** The question was answered, or has lapsed (`answered` false): to be told at this place in the order of events. */
  | { type: 'serverRequestResolved'; requestKey: number; answered: boolean };

export interface SessionConfigured {
  type: 'sessionConfigured';
  submitId: string;
  conversationId: string;
  threadId: number;
  /** What was found in the rollout (resumed) or carried over (forked). */
  history: { mode: HistoryMode; preview: string; rolloutSize: number; warnings: string[] };
  /** Files of which the model is told what is asked of it. */
  instructionSources: string[];
}

export type SessionEvent =
  | SessionConfigured
  | { type: 'batch'; parts: SessionPart[] }
  | { type: 'warning'; message: string }
  /** A command was started, or has ended. Not in the order of the parts. */
  | { type: 'process'; report: ProcessReport }
  /** Bytes that the worker's thread holds, all its sessions together. */
  | { type: 'pong'; heapBytes: number; bufferBytes: number }
  | { type: 'ended'; error: DaemonErrorData | null };
