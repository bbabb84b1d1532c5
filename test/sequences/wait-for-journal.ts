// Waits until a journal holds what a daemon that is killed now must not lose. Main thread.
import { once } from 'node:events';
import { mkdirSync, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { applyJournal, readJournal } from '../../src/rollout/journal.js';

/** Many times what a daemon takes to write what has streamed. */
const LIMIT_MS = 3000;

/**
 * Resolves once the journal holds this text of an agent's message, and is one of the rollout as it is by then. Rejects
 * when that takes too long.
 */
export async function waitForJournal(journal: string, text: string, rollout: string): Promise<void> {
  mkdirSync(dirname(journal), { recursive: true, mode: 0o700 });
  const watcher = watch(dirname(journal));
  const signal = AbortSignal.timeout(LIMIT_MS);
  try {
    for (;;) {
      const content = readJournal(journal);
      const { items } = content === null ? { items: [] } : applyJournal(content, statSync(rollout).size, new Set());
      if (items.some((item) => item.type === 'agentMessage' && item.text === text)) return;
      await once(watcher, 'change', { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Error(`the journal does not hold ${JSON.stringify(text)} of this rollout`, { cause: error });
  } finally {
    watcher.close();
  }
}
