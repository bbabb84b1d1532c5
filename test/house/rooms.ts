// The import rules of the house as data: which room may use what of which other. docs/architecture.md shows the same.

/**
 * `values`: everything. `types`: only `import type`. A list: the values of these modules, and the types of all; they are
 * plain functions and constants that load nothing else, but where it is said.
 */
export type Reach = 'values' | 'types' | readonly string[];

/** A room is a folder of src/, or a file that lies directly in it. */
export interface Room {
  thread: string;
  may: Readonly<Record<string, Reach>>;
}

/** Passed in by the composition root, never reached for. */
const PASSED_IN = { auth: 'types', config: 'types', log: 'types' } as const;

export const ROOMS: Readonly<Record<string, Room>> = {
  errors: { thread: 'any', may: {} },
  log: { thread: 'main', may: { auth: ['private-file'], 'log-redaction': 'values' } },
  'log-redaction': { thread: 'main', may: {} },
  version: { thread: 'any', may: {} },
  protocol: { thread: 'any', may: { errors: 'values' } },
  rollout: { thread: 'any', may: { errors: 'values', protocol: 'types' } },
  session: {
    thread: 'both sides',
    may: { agent: 'types', errors: 'values', log: 'types', protocol: 'types', rollout: ['serialize-line'] },
  },
  agent: {
    thread: 'session worker',
    may: { errors: 'values', protocol: ['notification-names'], rollout: 'values', session: 'values' },
  },
  registry: {
    thread: 'main',
    may: {
      ...PASSED_IN,
      errors: 'values',
      index: 'types',
      protocol: 'values',
      rollout: ['file-name', 'truncate-history'],
      session: 'values',
    },
  },
  index: {
    thread: 'index thread, client on main',
    may: { errors: 'values', log: 'types', protocol: 'types', rollout: 'values' },
  },
  server: {
    thread: 'main',
    may: {
      ...PASSED_IN,
      config: ['config-response'],
      errors: 'values',
      index: 'types',
      protocol: 'values',
      registry: 'values',
      rollout: ['serialize-line'],
      session: ['frame-text'],
    },
  },
  client: { thread: 'clients', may: { protocol: 'types' } },
  supervisor: { thread: 'own process, clients', may: { auth: ['private-file'] } },
  cli: {
    thread: 'clients',
    may: {
      auth: 'values',
      client: 'values',
      daemon: 'values',
      errors: 'values',
      log: 'types',
      // Loads zod and the tables: imported when it is asked for, never at the start.
      protocol: ['json-schema'],
      // `start` locks the home for the supervisor, which then needs no library for it.
      registry: ['flock'],
      server: ['listen-address'],
      supervisor: 'values',
      version: 'values',
    },
  },
  web: { thread: 'clients', may: { client: 'values', protocol: 'types' } },
  config: {
    thread: 'main',
    may: {
      agent: 'types',
      auth: 'types',
      errors: 'values',
      index: 'types',
      log: 'types',
      protocol: 'types',
      registry: 'types',
      session: 'types',
    },
  },
  auth: { thread: 'main', may: { errors: 'values', log: 'types' } },
  daemon: {
    thread: 'main',
    may: {
      auth: 'values',
      config: 'values',
      errors: 'values',
      index: 'values',
      log: 'values',
      protocol: 'values',
      registry: 'values',
      rollout: 'values',
      server: 'values',
      session: 'values',
      version: 'values',
    },
  },
  workers: {
    thread: 'worker',
    may: { agent: 'values', errors: 'values', index: 'values', log: 'types', rollout: 'values', session: 'values' },
  },
};

/** Whether a room is a single file that lies directly in src/. */
export function isFile(room: string): boolean {
  return ['daemon', 'errors', 'log', 'log-redaction', 'version'].includes(room);
}

/** Where each library may be imported at runtime: paths under the project's root, folders with a slash at the end. */
export const LIBRARY_HOMES: Readonly<Record<string, readonly string[]>> = {
  commander: ['src/cli/'],
  diff: ['src/agent/'],
  'eventsource-parser': ['src/agent/model/'],
  koffi: ['src/agent/exec/system-calls.ts', 'src/registry/flock.ts'],
  piscina: ['src/session/session-pool.ts'],
  'smol-toml': ['src/config/'],
  unbash: ['src/agent/'],
  uuid: ['src/agent/', 'src/registry/', 'src/rollout/', 'src/session/', 'src/server/', 'src/daemon.ts'],
  winston: ['src/log.ts'],
  'winston-daily-rotate-file': ['src/log.ts'],
  ws: ['src/client/', 'src/server/'],
  zod: ['src/auth/', 'src/config/', 'src/protocol/', 'src/registry/', 'src/server/'],
  zstddec: ['src/rollout/zstd-library.ts'],
};

/** What no worker thread may load, not even by way of others: each costs every worker megabytes and milliseconds. */
export const NEVER_IN_WORKERS: readonly string[] = ['piscina', 'winston', 'winston-daily-rotate-file', 'ws', 'zod'];

/** The room of a file given by its path under the project's root, or null outside src/ and workers/. */
export function roomOf(file: string): string | null {
  const [top, second] = file.split('/');
  if (top === 'workers') return 'workers';
  if (top !== 'src' || second === undefined) return null;
  return second.replace(/\.[jt]s$/, '');
}

/** Whether a file of `room` may import values from `target`, both given by their paths under the project's root. */
export function mayImportValues(room: string, target: string): boolean {
  const other = roomOf(target);
  if (other === room) return true;
  const reach = other === null ? undefined : ROOMS[room]?.may[other];
  if (reach === undefined || reach === 'types') return false;
  if (reach === 'values') return true;
  return reach.some((module) => target.replace(/\.[jt]s$/, '') === `src/${other}/${module}`);
}

/** A room's reach as docs/architecture.md words it: `agent, protocol (types), rollout (types, file-name)`. */
export function describeReach(may: Readonly<Record<string, Reach>>): string {
  const words = Object.keys(may)
    .sort()
    .map((other) => {
      const reach = may[other];
      if (reach === 'values' || reach === undefined) return other;
      return reach === 'types' ? `${other} (types)` : `${other} (types, ${reach.join(', ')})`;
    });
  return words.length === 0 ? '–' : words.join(', ');
}
