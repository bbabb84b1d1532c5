// Waits until a journal holds what a daemon that is killed now must not lose. Main thread.
import { once } from 'node:events';
import { mkdirSync, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { applyJournal, readJournal } from '../../src/rollout/journal.js';

/** Resolves once the journal holds this text of an agent's message, and is one of the rollout as it is by then. */
export async function waitForJournal(journal: string, text: string, rollout: string): Promise<void> {
  mkdirSync(dirname(journal), { recursive: true, mode: 0o700 });
  const watcher = watch(dirname(journal));
  try {
    for (;;) {
      const content = readJournal(journal);
      const { items } = content === null ? { items: [] } : applyJournal(content, statSync(rollout).size, new Set());
      if (items.some((item) => item.type === 'agentMessage' && item.text === text)) return;
      await once(watcher, 'change');
    }
  } finally {
    watcher.close();
  }
}
