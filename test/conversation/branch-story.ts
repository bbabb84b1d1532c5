// What tests of forks and reverts ask again and again. Main thread.
import type { CheckedClient } from '../support/checked-client.js';
import type { DaemonRig } from '../support/daemon-rig.js';

/** The first words of the user in each turn, oldest first, as pages of turns have them. */
export async function wordsByPage(client: CheckedClient, threadId: string): Promise<string[]> {
  const { data } = await client.call('thread/turns/list', { threadId, sortDirection: 'asc', limit: 100 });
  return data.map(firstWords);
}

/** The same as a read of everything has them. */
export async function wordsByRead(client: CheckedClient, threadId: string): Promise<string[]> {
  const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
  return thread.turns.map(firstWords);
}

function firstWords(turn: { items: { type: string; content?: { text: string }[] }[] }): string {
  return turn.items.find(({ type }) => type === 'userMessage')?.content?.[0]?.text ?? '';
}

/** What people and the model said, as the last request held it before the model. */
export function wordsBeforeModel(rig: DaemonRig): string[] {
  const input = rig.model.requests.at(-1)!.body!.input as { role?: string; content?: { text?: string }[] }[];
  return input
    .filter(({ role }) => role === 'user' || role === 'assistant')
    .map(({ content }) => (content ?? []).map(({ text }) => text ?? '').join(''))
    .filter((text) => !text.startsWith('<'));
}

/** Runs one turn for each text; resolves to their ids. */
export async function runTurns(client: CheckedClient, threadId: string, texts: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const text of texts) ids.push((await client.runTurn(threadId, text)).id as string);
  return ids;
}
