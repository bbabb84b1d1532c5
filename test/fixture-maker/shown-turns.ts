// What 0.169 shows of the conversations in a home, turn by turn. Test process.
import type { Turn } from '../../src/protocol/thread.js';
import type { AppServer } from './app-server.js';

/** It shows a conversation only after it was resumed, and inherited turns only after their source was: sources first. */
export async function showTurns(server: AppServer, ids: readonly string[]): Promise<Map<string, Turn[]>> {
  for (const threadId of ids) await server.call('thread/resume', { threadId, excludeTurns: true });
  const shown = new Map<string, Turn[]>();
  for (const threadId of ids) shown.set(threadId, await listTurns(server, threadId));
  return shown;
}

async function listTurns(server: AppServer, threadId: string): Promise<Turn[]> {
  const turns: Turn[] = [];
  for (let cursor: string | null = null; ;) {
    const page: { data: Turn[]; nextCursor: string | null } = await server.call('thread/turns/list', {
      threadId,
      cursor,
      limit: 100,
      sortDirection: 'asc',
      itemsView: 'full',
    });
    turns.push(...page.data);
    cursor = page.nextCursor;
    if (cursor === null) return turns;
  }
}
