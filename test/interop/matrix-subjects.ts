// The conversations that the matrix hands over: how each is made, and what must be found of it afterwards. Main thread.
import type { ThreadClient } from './thread-client.js';

export interface Subject {
  /** Makes it; resolves to its id. */
  make(client: ThreadClient, cwd: string): Promise<string>;
  /** What its turns say, oldest first. */
  words: readonly string[];
  /** What a list says of it. */
  preview: string;
  name: string | null;
  forked: boolean;
  archived: boolean;
}

const runTurns = async (client: ThreadClient, id: string, texts: readonly string[]): Promise<string[]> => {
  const ids: string[] = [];
  for (const text of texts) ids.push((await client.runTurn(id, text)).id);
  return ids;
};

async function fork(client: ThreadClient, threadId: string, more: Record<string, unknown> = {}): Promise<string> {
  const { thread } = (await client.rpc.requestUntyped('thread/fork', { threadId, ...more })) as {
    thread: { id: string };
  };
  return thread.id;
}

async function startLegacy(client: ThreadClient, cwd: string): Promise<string> {
  const result = await client.rpc.requestUntyped('thread/start', { cwd, historyMode: 'legacy' });
  return (result as { thread: { id: string } }).thread.id;
}

const PLAIN = { name: null, forked: false, archived: false };

export const SUBJECTS: Readonly<Record<string, Subject>> = {
  plain: {
    ...PLAIN,
    words: ['plain one', 'plain two'],
    preview: 'plain one',
    async make(client, cwd) {
      const id = await client.start(cwd);
      await runTurns(client, id, this.words);
      return id;
    },
  },
  fork: {
    ...PLAIN,
    words: ['fork one', 'fork two', 'in the fork'],
    preview: 'fork one',
    forked: true,
    async make(client, cwd) {
      const source = await client.start(cwd);
      await runTurns(client, source, this.words.slice(0, 2));
      const id = await fork(client, source);
      await runTurns(client, id, this.words.slice(2));
      return id;
    },
  },
  'fork of a fork': {
    ...PLAIN,
    words: ['root one', 'child one', 'grandchild one'],
    preview: 'root one',
    forked: true,
    async make(client, cwd) {
      const root = await client.start(cwd);
      const [first] = await runTurns(client, root, ['root one', 'root two']);
      const child = await fork(client, root, { lastTurnId: first });
      await runTurns(client, child, ['child one']);
      const id = await fork(client, child);
      await runTurns(client, id, ['grandchild one']);
      return id;
    },
  },
  revert: {
    ...PLAIN,
    words: ['kept', 'instead'],
    preview: 'kept',
    async make(client, cwd) {
      const id = await client.start(cwd);
      const [, undone] = await runTurns(client, id, ['kept', 'undone']);
      await client.rpc.requestUntyped('thread/revert', { threadId: id, beforeTurnId: undone });
      await runTurns(client, id, ['instead']);
      return id;
    },
  },
  name: {
    ...PLAIN,
    words: ['called something'],
    preview: 'called something',
    name: 'A name',
    async make(client, cwd) {
      const id = await client.start(cwd);
      await runTurns(client, id, this.words);
      await client.rpc.requestUntyped('thread/name/set', { threadId: id, name: 'A name' });
      return id;
    },
  },
  archive: {
    ...PLAIN,
    words: ['put away'],
    preview: 'put away',
    archived: true,
    async make(client, cwd) {
      const id = await client.start(cwd);
      await runTurns(client, id, this.words);
      await client.rpc.requestUntyped('thread/archive', { threadId: id });
      return id;
    },
  },
  legacy: {
    ...PLAIN,
    words: ['legacy one'],
    preview: 'legacy one',
    async make(client, cwd) {
      const id = await startLegacy(client, cwd);
      await runTurns(client, id, this.words);
      return id;
    },
  },
  'legacy fork': {
    ...PLAIN,
    words: ['old one', 'in the copy'],
    preview: 'old one',
    forked: true,
    async make(client, cwd) {
      const source = await startLegacy(client, cwd);
      await runTurns(client, source, ['old one']);
      const id = await fork(client, source);
      await runTurns(client, id, ['in the copy']);
      return id;
    },
  },
};
