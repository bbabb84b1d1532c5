// What a loaded configuration is made of. Types only, any thread.
import type { LogLevel } from '../log.js';
import type { AskForApproval, SandboxMode } from '../protocol/thread.js';

/** A parsed TOML table, or the same from JSON; has no prototype. */
export type ConfigTable = { [key: string]: unknown };

/** The wire's name of a layer; of the peer's kinds these four are used. */
export type ConfigLayerSource =
  { type: 'packagedDefaults'; file: string } | { type: 'user'; file: string; profile: null } | { type: 'sessionFlags' };

/** Lowest first: shipped defaults, CODEX_OSS_*, HOME/config.toml, HOME/rolloutd/config.toml, -c, the request. */
export type ConfigLayerKind = 'defaults' | 'environment' | 'shared' | 'own' | 'flags' | 'request';

export interface ConfigLayer {
  kind: ConfigLayerKind;
  source: ConfigLayerSource;
  /** Absolute path of the layer's file; null where there is none. */
  file: string | null;
  /** What was written there, as it was written: holds secrets. */
  table: ConfigTable;
  /** `sha256:` over the table as JSON with sorted keys, as the peer computes it. */
  version: string;
  /** Relative paths in this layer start here. */
  baseDir: string;
  /** 1-based line of the key, or of the nearest table around it; null where there is no text. */
  lineOf(path: readonly string[]): number | null;
}

/** Something odd that does not stop anything. `message` already names file, line and key. */
export interface ConfigWarning {
  message: string;
  file: string | null;
  line: number | null;
  key: string | null;
}

export interface WorkspaceWriteConfig {
  /** Absolute paths. */
  writableRoots: string[];
  networkAccess: boolean;
  excludeTmpdirEnvVar: boolean;
  excludeSlashTmp: boolean;
}

/** One entry of model_providers, defaults filled in. Holds secrets. */
export interface ProviderConfig {
  id: string;
  name: string;
  baseUrl: string | null;
  envKey: string | null;
  envKeyInstructions: string | null;
  bearerToken: string | null;
  requiresOpenaiAuth: boolean;
  httpHeaders: Record<string, string>;
  /** Header name → name of the environment variable that holds its value. */
  envHttpHeaders: Record<string, string>;
  queryParams: Record<string, string>;
  requestMaxRetries: number;
  streamMaxRetries: number;
  streamIdleTimeoutMs: number;
}

/** Keys of the daemon as a whole: read once at its start, a conversation cannot change them. */
export interface DaemonConfig {
  /** `ws://IP:PORT`; port 0 picks one. */
  listen: string;
  allowedOrigins: string[];
  /** Beside the loopback names. */
  allowedHosts: string[];
  logLevel: LogLevel;
  sessionsPerWorker: number;
  /** Session workers at most; already resolved, 2 or more unless set to 1. */
  maxThreads: number;
  /** MiB of JavaScript objects that a session worker may hold; already resolved. */
  workerHeapMb: number;
  /** Seconds after which a session worker that does not answer is ended; 0 never. */
  workerStuckSecs: number;
  /** MiB that the daemon may hold before the session worker that holds most is ended; already resolved. */
  memoryLimitMb: number;
  /** Of notifications that a conversation keeps for clients that come back; 0 keeps none. */
  replayBytes: number;
  /** How long running turns may come to their own end when the daemon is told to stop. */
  shutdownGraceSecs: number;
}

/** The effective configuration. */
export interface Config {
  /** null: the first that the provider has, which is one of this machine then, or `oss`. */
  model: string | null;
  /** Id of a provider, or `oss`; whether it exists is found out by resolveProvider. */
  modelProvider: string;
  /** The ids that conversations of that provider are recorded with: several for `oss`. */
  recordedProviders: string[];
  /** Id of the one provider that `oss` stands for; null: whichever answers. Not checked. */
  ossProvider: string | null;
  modelProviders: Record<string, ProviderConfig>;
  modelReasoningEffort: string | null;
  modelReasoningSummary: 'auto' | 'concise' | 'detailed' | 'none' | null;
  modelVerbosity: 'low' | 'medium' | 'high' | null;
  /** Tokens. */
  modelContextWindow: number | null;
  instructions: string | null;
  developerInstructions: string | null;
  /** Absolute path. */
  modelInstructionsFile: string | null;
  /** Absolute path of a rollout to resume at thread/start. */
  experimentalResume: string | null;
  approvalPolicy: AskForApproval;
  sandboxMode: SandboxMode;
  sandboxWorkspaceWrite: WorkspaceWriteConfig;
  threadUnloadDelaySecs: number;
  /** Seconds after which a question that nobody answered lapses; 0 never. */
  approvalTimeoutSecs: number;
  webSearch: 'disabled' | 'cached' | 'live';
  /** Of AGENTS.md of the project, together; 0 reads none. */
  projectDocMaxBytes: number;
  projectDocFallbackNames: string[];
  daemon: DaemonConfig;
}

export interface LoadedConfig {
  config: Config;
  warnings: ConfigWarning[];
  /** Highest precedence first. */
  layers: ConfigLayer[];
  /** All layers merged, in the files' own key names; holds secrets. */
  table: ConfigTable;
  /** Dotted path of each leaf → the layer it comes from. */
  origins: Map<string, ConfigLayer>;
}
