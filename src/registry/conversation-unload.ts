// Unloads a conversation for all its clients because one of them asked for it. Main thread.
import { DaemonError } from '../errors.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { Conversation } from './conversation.js';
import { noConversation } from './missing-rollout.js';
import type { ConversationLookup } from './seams.js';

export interface UnloadParts {
  slots: ConversationSlots;
  lookup: Pick<ConversationLookup, 'find'>;
  /** Ends the session; resolves once its lock is free. */
  remove: (id: string) => Promise<unknown>;
}

/**
 * Resolves when the conversation is not loaded any more and its lock is free; one that is not loaded stays so. Waits for
 * whoever is loading it or holds it. Throws turn_running while a turn runs, unless `interrupt` is true, and
 * conversation_not_loaded for what is neither loaded nor on disk: nothing has changed then.
 */
export async function unloadConversation(id: string, interrupt: boolean, parts: UnloadParts): Promise<void> {
  const loaded = await parts.slots.settled(id);
  if (loaded === null) {
    if ((await parts.lookup.find(id)) === null) throw noConversation(id);
    return;
  }
  if (!interrupt) await refuseWhileTurnRuns(loaded.conversation);
  await parts.remove(id);
}

/** The session itself is asked: it knows of turns whose start is not told yet. */
async function refuseWhileTurnRuns(conversation: Conversation): Promise<void> {
  const { id } = conversation;
  // One that has just ended by itself runs nothing.
  const snapshot = await conversation.takeSnapshot().catch(() => null);
  const turnId = snapshot?.activeTurnId ?? null;
  if (turnId === null) return;
  throw new DaemonError('turn_running', `thread ${id} has a running turn: interrupt it, or unload with interrupt`, {
    data: { turnId },
  });
}
