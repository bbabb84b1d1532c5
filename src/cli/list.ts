// `rolloutd list`: the conversations of a home as a small table. Clients.
import type { RpcClient } from '../client/rpc-client.js';
import type { ParamsOf } from '../protocol/methods.js';
import type { Thread } from '../protocol/thread.js';
import { connectClient } from './connect-client.js';
import type { DaemonChoice } from './connect-client.js';
import { cutOff, oneLine } from './terminal-text.js';

export interface ListOptions extends DaemonChoice {
  limit: number;
  json: boolean;
}

/** Largest page that a daemon gives. */
const PAGE = 100;

/** Left out, a daemon would show only what some kinds of clients started. */
const EVERY_SOURCE: NonNullable<ParamsOf<'thread/list'>['sourceKinds']> = [
  'cli',
  'vscode',
  'exec',
  'appServer',
  'subAgent',
  'subAgentReview',
  'subAgentCompact',
  'subAgentThreadSpawn',
  'subAgentOther',
  'unknown',
];

/** The conversations that changed last, of every provider and source, newest first. Rejects with RpcClientError. */
export async function listThreads(client: RpcClient, limit: number): Promise<Thread[]> {
  const threads: Thread[] = [];
  let cursor: string | null = null;
  do {
    const page: { data: Thread[]; nextCursor: string | null } = await client.request('thread/list', {
      cursor,
      limit: Math.min(PAGE, limit - threads.length),
      sortKey: 'updated_at',
      sortDirection: 'desc',
      modelProviders: [],
      sourceKinds: EVERY_SOURCE,
    });
    threads.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null && threads.length < limit);
  return threads;
}

/** Prints the table, or one JSON object a line. Throws CliFailure or RpcClientError. */
export async function runList(options: ListOptions): Promise<void> {
  const client = await connectClient(options);
  try {
    const threads = await listThreads(client, options.limit);
    const lines = options.json
      ? threads.map((thread) => JSON.stringify(thread))
      : formatTable(threads, Date.now(), process.stdout.columns ?? 120);
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    if (threads.length === 0) process.stderr.write('no conversations yet; start one with: rolloutd ask TEXT\n');
  } finally {
    await client.close();
  }
}

/** One line a conversation under a heading, none for none; `now` in Unix milliseconds. */
export function formatTable(threads: readonly Thread[], now: number, width: number): string[] {
  if (threads.length === 0) return [];
  const rows = threads.map((thread) => [
    thread.id,
    formatAge(now / 1000 - thread.updatedAt),
    thread.status.type,
    oneLine(thread.cwd, 30),
    oneLine(thread.name ?? thread.preview, 200),
  ]);
  const table = [['CONVERSATION', 'CHANGED', 'STATUS', 'FOLDER', 'FIRST WORDS'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row) => {
    const line = row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
    return cutOff(line.trimEnd(), width);
  });
}

/** Seconds as a person would say them. */
function formatAge(seconds: number): string {
  if (seconds < 60) return 'just now';
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  const days = Math.floor(seconds / 86_400);
  return days === 1 ? 'yesterday' : `${days} days ago`;
}
