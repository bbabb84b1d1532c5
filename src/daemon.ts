// The composition root: puts the house together, starts it, and takes it down in order. Main thread.
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { v4 as uuid } from 'uuid';
import { AuthManager } from './auth/auth-manager.js';
import { ensureToken } from './auth/token-file.js';
import { toConfigReadResponse } from './config/config-response.js';
import type { LoadedConfig } from './config/config.js';
import { listModels } from './config/list-models.js';
import type { ListedModel } from './config/list-models.js';
import { loadConfig } from './config/load-config.js';
import { loadEnvironment } from './config/load-environment.js';
import { LocalModels } from './config/local-models.js';
import { resolveProvider } from './config/resolve-provider.js';
import type { ResolvedProvider } from './config/resolve-provider.js';
import { toSandboxPolicy } from './config/sandbox-policy.js';
import { resolveSessionSettings, secretNamesOf } from './config/session-settings.js';
import { IndexClient } from './index/index-client.js';
import { createLog } from './log.js';
import type { Log, LogLevel } from './log.js';
import { ConversationRegistry } from './registry/conversation-registry.js';
import { WriterLocks } from './registry/writer-lock.js';
import { WriterThread } from './rollout/writer-thread.js';
import { CommandDesk } from './server/command-desk.js';
import { Connection } from './server/connection.js';
import { Dispatcher } from './server/dispatch.js';
import { createHandlerTable } from './server/handlers/handler-table.js';
import { Lifecycle } from './server/lifecycle.js';
import { startListener } from './server/listener.js';
import { settlesWithin } from './registry/settles-within.js';
import { CommandThread } from './session/command-thread.js';
import { SessionPool } from './session/session-pool.js';
import { WorkerWatch } from './session/worker-watch.js';
import { readVersion } from './version.js';

const MIB = 1024 * 1024;

export interface DaemonOptions {
  home: string;
  /** `ws://IP:PORT`, port 0 picks one; null takes the configuration's. */
  listen: string | null;
  authMode: 'token' | 'none';
  /** `key=value`, above all configuration files. */
  configOverrides: string[];
  logLevel?: LogLevel;
  /** False keeps the log off stderr. */
  logToConsole?: boolean;
  env: NodeJS.ProcessEnv;
}

export interface Daemon {
  /** `ws://IP:PORT` as bound. */
  url: string;
  registry: ConversationRegistry;
  /** Which threads run what, at this moment. */
  threads: () => ThreadIds;
  /** Resolves when a client has had the daemon drained: nothing runs, nothing new begins, it is to be closed. */
  drained: Promise<void>;
  /** Longest that close() takes, in milliseconds. */
  closeLimitMs: number;
  /**
   * Lets turns end for as long as it is configured, ends sessions, flushes rollouts, frees locks, closes sockets. What
   * does not come to its end in time is named in the log and left behind. May be called twice.
   */
  close(): Promise<void>;
}

/**
 * How long each part of a close may take, in milliseconds; together less than CLOSE_LIMIT_MS. Sessions have a limit of
 * their own (ConversationRegistry.close).
 */
const PATIENCE = { commands: 3_000, doors: 1_100, log: 300 } as const;

/** Longest that a close takes after the turns had their time. */
const CLOSE_LIMIT_MS = 5_000;

/** Ids as `worker_threads` gives them. */
export interface ThreadIds {
  /** The registry's and the server's. */
  main: number;
  /** The only thread that writes rollouts; null before the first conversation. */
  writer: number | null;
  /** By conversation id. */
  sessions: Record<string, number>;
}

export interface RegistryHostOptions {
  home: string;
  /** `key=value`, above all configuration files. */
  configOverrides: string[];
  env: NodeJS.ProcessEnv;
  /** Stays the caller's to close. */
  log: Log;
}

/** The registry of a home with everything behind it; whoever made it closes it. */
export interface RegistryHost {
  registry: ConversationRegistry;
  index: IndexClient;
  /** Reads the configuration afresh; throws config_invalid. */
  readConfig: (cwd: string | null) => LoadedConfig;
  /** Of one provider, or null for all that are known; rejects with config_invalid and provider_unknown. */
  listModels: (provider: string | null) => Promise<ListedModel[]>;
  threads: () => ThreadIds;
  /**
   * Ends sessions, flushes rollouts, frees locks, ends all threads. What does not end in time is named in the log and left
   * behind. May be called twice.
   */
  close(): Promise<void>;
}

/** Puts the registry together, without a server. Throws config_invalid. Threads start when they are first needed. */
export function createRegistry(options: RegistryHostOptions): RegistryHost {
  const home = path.resolve(options.home);
  const { env, configOverrides, log } = options;
  const readConfig = (cwd: string | null): LoadedConfig =>
    loadConfig({ home, cliOverrides: configOverrides, requestOverrides: null, env, cwd });
  const { config, warnings } = readConfig(null);
  makePrivateFolders(home);
  const told = new Set<string>();
  const warnOnce = (message: string): void => {
    if (told.has(message)) return;
    told.add(message);
    log.warn(message);
  };
  for (const warning of warnings) warnOnce(warning.message);
  const auth = new AuthManager({ home, onWarning: warnOnce });
  const localModels = new LocalModels({ log });
  const pool = new SessionPool({
    maxThreads: config.daemon.maxThreads,
    sessionsPerWorker: config.daemon.sessionsPerWorker,
    maxHeapBytes: config.daemon.workerHeapMb * MIB,
    onError: (error) => log.error('session pool error', { error: String(error) }),
  });
  const stuckMs = config.daemon.workerStuckSecs * 1000;
  const watch = new WorkerWatch({
    stuckMs,
    maxMemoryBytes: config.daemon.memoryLimitMb * MIB,
    log,
  });
  const writers = new WriterThread({
    stuckMs,
    isNeeded: () => !registry.activity().isQuiet,
    onReplaced: (conversationId, port) => registry.replaceWriter(conversationId, port),
    onDied: (error) => log.error('the rollout writer died, starting another', { error: error.message }),
    onParked: (error) => {
      log.error('the rollout writer keeps dying', { error: error.message });
      registry.loseWriters(error);
    },
  });
  const index = new IndexClient({ home, stuckMs });
  const unsafe = env['ROLLOUTD_UNSAFE_PUBLISH_FIRST'] === '1';
  if (unsafe) log.warn('publishing before recording: for testing only');
  const registry: ConversationRegistry = new ConversationRegistry({
    home,
    version: readVersion(),
    epoch: uuid().slice(0, 8),
    replayBytes: config.daemon.replayBytes,
    pool,
    watch,
    writers,
    locks: new WriterLocks(home),
    lookup: {
      find: (conversationId) => index.find(conversationId),
      describe: (rolloutPath) => index.describe(rolloutPath),
      lastTurn: (conversationId, rolloutPath) => index.lastTurn(conversationId, rolloutPath),
      cut: (params) => index.cut(params),
      files: (conversationId) => index.files(conversationId),
      dependents: (conversationId) => index.dependents(conversationId),
      restore: (rolloutPath) => index.restore(rolloutPath),
    },
    followers: index,
    resolveSettings: (request, recorded) =>
      resolveSessionSettings(
        {
          home,
          cliOverrides: configOverrides,
          env,
          auth,
          onWarning: warnOnce,
          askModels: (provider) => localModels.ask(provider),
          onSecret: (secret) => log.addSecret(secret),
        },
        request,
        recorded,
      ),
    log,
    recordBeforePublish: !unsafe,
  });
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    localModels.close();
    const left = await registry.close();
    if (left.length > 0) log.warn('left behind: sessions that did not end in time', { conversationIds: left });
    await closeAll({ sessionWorkers: pool.close(), rolloutWriter: writers.close(), index: index.close() }, log);
  };
  const listOffered = (provider: string | null): Promise<ListedModel[]> => {
    const loaded = readConfig(null);
    const environment = loadEnvironment(home, env).env;
    const resolve = (id: string): ResolvedProvider => {
      const resolved = resolveProvider(loaded.config, environment, auth, id);
      for (const secret of resolved.secrets) log.addSecret(secret);
      return resolved;
    };
    return listModels({ loaded, local: localModels, resolve }, provider);
  };
  return {
    registry,
    index,
    readConfig,
    listModels: listOffered,
    threads: () => ({ main: threadId, writer: writers.threadId, sessions: registry.sessionThreads() }),
    close: () => (closing ??= close()),
  };
}

/** Rejects with a DaemonError when the daemon cannot start; nothing is left running then. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const home = path.resolve(options.home);
  const { env, configOverrides } = options;
  const { daemon: own } = loadConfig({
    home,
    cliOverrides: configOverrides,
    requestOverrides: null,
    env,
    cwd: null,
  }).config;
  makePrivateFolders(home);
  const level = options.logLevel ?? own.logLevel;
  const log = createLog({ dir: path.join(home, 'rolloutd', 'logs'), level, console: options.logToConsole ?? true });
  const token = options.authMode === 'none' ? null : ensureToken(home);
  if (token !== null) log.addSecret(token);
  const host = createRegistry({ home, configOverrides, env, log });
  const { registry, index, readConfig } = host;
  await registry.recover();
  const version = readVersion();
  const lifecycle = new Lifecycle({ version, registry, refusedRequests: () => dispatcher.refused });
  const commandThread = new CommandThread({
    home,
    onProcess: (group, report) => registry.processes.note(group, report),
    onDied: (error, groups) => {
      log.error('the thread of commands died', { error: error.message });
      for (const group of groups) void registry.processes.endConversation(group);
    },
  });
  const commands = new CommandDesk({
    thread: commandThread,
    readDefaults: (cwd) => {
      const { config } = readConfig(cwd);
      const sandboxPolicy = toSandboxPolicy(config.sandboxMode, config.sandboxWorkspaceWrite);
      return { sandboxPolicy, secretNames: secretNamesOf(config) };
    },
    endGroup: (group) => registry.processes.endConversation(group),
  });
  const dispatcher: Dispatcher = new Dispatcher(
    createHandlerTable({
      home,
      version,
      installationId: uuid(),
      registry,
      index,
      lifecycle,
      readConfig: (cwd) => readConfig(cwd).config,
      listModels: host.listModels,
      commands,
      describeConfig: (cwd, includeLayers) => toConfigReadResponse(readConfig(cwd), includeLayers),
      log,
    }),
    (...answer) => registry.requests.answer(...answer),
    log,
  );

  let closing: Promise<void> | null = null;
  const connections = new Set<Connection>();
  const listener = await startListener({
    listen: options.listen ?? own.listen,
    authMode: options.authMode,
    token,
    allowedOrigins: own.allowedOrigins,
    allowedHosts: own.allowedHosts,
    isReady: () => !lifecycle.isStopping,
    onConnection: (socket, rawSocket) => {
      const connection = new Connection(socket, rawSocket, log);
      connections.add(connection);
      registry.addListener(connection);
      socket.on('message', (data: Buffer, isBinary) =>
        dispatcher.receive(connection, isBinary ? '' : data.toString(), isBinary),
      );
      socket.on('close', () => {
        connections.delete(connection);
        registry.removeListener(connection);
        commands.leave(connection);
      });
    },
    log,
  }).catch(async (error: unknown) => {
    await host.close();
    await log.close();
    throw error;
  });
  log.info('listening', { url: listener.url, home, version, pid: process.pid });

  const graceMs = own.shutdownGraceSecs * 1_000;
  const shutDown = async (): Promise<void> => {
    const beganAt = performance.now();
    lifecycle.stopBeginning();
    listener.stopAccepting();
    if (graceMs > 0) await lifecycle.waitForTurns(graceMs);
    // Clients hear how their turns end before their sockets close.
    await Promise.all([registry.close(), settlesWithin(commandThread.close(), PATIENCE.commands)]);
    for (const connection of connections) connection.close(1001, 'the daemon is stopping');
    await Promise.all([closeAll({ clients: listener.close() }, log), host.close()]);
    log.info('stopped', { pid: process.pid, tookMs: Math.round(performance.now() - beganAt) });
    await settlesWithin(log.close(), PATIENCE.log);
  };
  return {
    url: listener.url,
    registry,
    threads: host.threads,
    drained: lifecycle.drained,
    closeLimitMs: graceMs + CLOSE_LIMIT_MS,
    close: () => (closing ??= shutDown()),
  };
}

/** Waits for all at once, and says in the log which of them were too slow to be waited for. */
async function closeAll(parts: Readonly<Record<string, Promise<void>>>, log: Log): Promise<void> {
  const waiting = Object.entries(parts).map(async ([name, closing]) => {
    closing.catch((error: unknown) => log.error(`closing failed: ${name}`, { error }));
    if (!(await settlesWithin(closing, PATIENCE.doors))) log.warn(`left behind: ${name} did not close in time`);
  });
  await Promise.all(waiting);
}

function makePrivateFolders(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const own = path.join(home, 'rolloutd');
  mkdirSync(own, { recursive: true, mode: 0o700 });
  chmodSync(own, 0o700);
}
