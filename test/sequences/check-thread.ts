// One conversation as a daemon shows it, against the model. Main thread.
import type { CheckedClient } from '../support/checked-client.js';
import { compare } from './difference.js';
import type { Difference } from './difference.js';
import { shownPreview, shownTurns, threadOf, turnsOf } from './model.js';
import type { Model, Thread, Turn } from './model.js';
import type { World } from './world.js';

/** A turn as far as it is compared. */
export interface TurnView {
  id: string;
  status: string;
  items: string[];
}

export function expectedTurns(world: World, turns: readonly Turn[]): TurnView[] {
  return turns.map(({ label, status, messages }) => ({
    id: world.turnIdOf(label),
    status,
    items: messages.filter(({ shown }) => shown).map(({ role, text }) => `${role}: ${text}`),
  }));
}

export function viewTurns(turns: readonly any[]): TurnView[] {
  return turns.map(({ id, status, items }) => ({ id, status, items: items.map(viewItem) }));
}

export function viewItem(item: any): string {
  if (item.type === 'userMessage') return `user: ${item.content.map((part: any) => part.text).join('')}`;
  return item.type === 'agentMessage' ? `assistant: ${item.text}` : `${item.type}`;
}

/** What a Thread object says beside its turns. */
export function expectedFacts(world: World, thread: Thread) {
  const { ephemeral, mode, name, forkedFrom, running, loaded, place } = thread;
  return {
    ephemeral,
    historyMode: mode,
    name,
    preview: shownPreview(thread),
    forkedFromId: forkedFrom === null ? null : world.idOf(forkedFrom),
    status: loaded ? (running === null ? 'idle' : 'active') : 'notLoaded',
    folder: ephemeral ? null : place === 'archive' ? 'archived_sessions' : 'sessions',
  };
}

export function viewFacts(thread: any) {
  const { ephemeral, historyMode, name, preview, forkedFromId, status, path } = thread;
  const folder = path === null ? null : path.includes('/archived_sessions/') ? 'archived_sessions' : 'sessions';
  return { ephemeral, historyMode, name, preview, forkedFromId, status: status.type, folder };
}

/** By thread/read alone. */
export async function checkThread(
  world: World,
  model: Model,
  label: number,
  reader: CheckedClient = world.witness,
): Promise<Difference[]> {
  const thread = threadOf(model, label);
  const threadId = world.idOf(label);
  const { error, result } = await reader.ask('thread/read', { threadId, includeTurns: true });
  if (thread.place === 'gone') {
    return compare(`thread/read of t${label}, which is gone`, 'conversation_not_loaded', error?.data?.reason ?? result);
  }
  const turnsTold = !thread.ephemeral && thread.materialized;
  if (!turnsTold) {
    const reason = error?.data?.reason ?? result;
    const found = compare(`the turns of t${label}, which has no file`, 'history_not_materialized', reason);
    const plain = await reader.ask('thread/read', { threadId });
    if (plain.error !== undefined) return compare(`thread/read of t${label}`, 'an answer', plain.error);
    return [...found, ...compare(`facts of t${label}`, expectedFacts(world, thread), viewFacts(plain.result.thread))];
  }
  if (error !== undefined) return compare(`thread/read of t${label}`, 'an answer', error);
  return [
    ...compare(`facts of t${label}`, expectedFacts(world, thread), viewFacts(result.thread)),
    ...compare(`turns of t${label}`, expectedTurns(world, shownTurns(thread)), viewTurns(result.thread.turns)),
    ...result.thread.turns.flatMap((turn: any) => compareItemIds(world, thread, turn)),
  ];
}

/** An item keeps its id, in all who inherit it too; but where ids only count the items of a file. */
function compareItemIds(world: World, { label, mode }: Thread, turn: any): Difference[] {
  if (mode === 'legacy') return [];
  const ids: string[] = turn.items.map(({ id }: { id: string }) => id);
  const known = world.itemIds.get(turn.id) ?? [];
  world.itemIds.set(turn.id, ids.length > known.length ? ids : known);
  const count = Math.min(ids.length, known.length);
  return compare(`ids of items in turn ${turn.id} of t${label}`, known.slice(0, count), ids.slice(0, count));
}

/**
 * After a kill: sees what is left of the text that streamed, in every turn where that is open, and returns the model
 * that goes on from there; the differences are of what can not be left of it.
 */
export async function seeWhatIsLeft(world: World, model: Model): Promise<{ next: Model; differences: Difference[] }> {
  const threads = new Map(model.threads);
  const differences: Difference[] = [];
  for (const thread of model.threads.values()) {
    const open = turnsOf(thread).find(({ atMost }) => atMost !== null);
    if (open === undefined || thread.place === 'gone') continue;
    const params = { threadId: world.idOf(thread.label), includeTurns: true };
    const { thread: shown } = await world.witness.call('thread/read', params);
    const turn = viewTurns(shown.turns).find(({ id }) => id === world.turnIdOf(open.label));
    const known = open.messages.filter((message) => message.shown).length;
    const more = turn?.items.slice(known) ?? [];
    const text = more[0]?.replace(/^assistant: /, '') ?? '';
    if (more.length > 1 || !open.atMost!.startsWith(text)) {
      const what = `what is left of the answer in turn #${open.label} of t${thread.label}`;
      differences.push({ what, expected: `a beginning of ${open.atMost}, or nothing`, found: more });
    }
    threads.set(thread.label, { ...thread, entries: thread.entries.map((entry) => settleEntry(entry, text)) });
  }
  return { next: { ...model, threads }, differences };
}

function settleEntry(entry: Thread['entries'][number], text: string): Thread['entries'][number] {
  if (entry.type !== 'turn' || entry.turn.atMost === null) return entry;
  const left = text === '' ? [] : [{ role: 'assistant' as const, text, shown: true }];
  return { ...entry, turn: { ...entry.turn, atMost: null, messages: [...entry.turn.messages, ...left] } };
}
