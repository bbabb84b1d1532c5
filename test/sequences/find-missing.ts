// Which operations and checks a daemon cannot do yet, because it does not have their methods. Main thread.
import { compressFiles } from './compress-files.js';
import type { OperationType } from './operation.js';
import { World } from './world.js';

const UNKNOWN = '01a206e8-4e40-7260-a3ca-59d0fa1ced00';

const METHODS: readonly [OperationType | 'pages', string, object][] = [
  ['fork', 'thread/fork', {}],
  ['revert', 'thread/revert', { beforeTurnId: UNKNOWN }],
  ['archive', 'thread/archive', {}],
  ['unarchive', 'thread/unarchive', {}],
  ['delete', 'thread/delete', {}],
  ['name', 'thread/name/set', { name: 'x' }],
  ['inject', 'thread/inject_items', { items: [] }],
  ['settings', 'thread/settings/update', {}],
  ['pages', 'thread/turns/list', {}],
  ['pages', 'thread/items/list', {}],
];

export type Missing = OperationType | 'pages' | 'legacy';

export async function findMissing(): Promise<Set<Missing>> {
  const world = await World.start('embedded');
  const missing = new Set<Missing>();
  try {
    for (const [kind, method, params] of METHODS) {
      const { error } = await world.witness.ask(method, { threadId: UNKNOWN, ...params });
      const isBuilt = error?.code !== -32601 && !/not built yet/.test(error?.message ?? '');
      if (!isBuilt) missing.add(kind);
    }
    const { thread } = await world.witness.call('thread/start', { historyMode: 'legacy' });
    if (thread.historyMode !== 'legacy') missing.add('legacy');
    if (!(await readsCompressed(world))) missing.add('compress');
  } finally {
    await world.close();
  }
  return missing;
}

async function readsCompressed(world: World): Promise<boolean> {
  const client = world.clients[0]!;
  const threadId = await client.startThread();
  await client.runTurn(threadId, 'words');
  await world.host.unload!(threadId);
  await compressFiles(world.home.path, threadId, true);
  return (await client.ask('thread/read', { threadId })).error === undefined;
}
