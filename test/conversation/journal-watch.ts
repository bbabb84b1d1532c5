// Waits for what a side journal holds, as a process that dies now would leave it. Main thread.
import { once } from 'node:events';
import { mkdirSync, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { applyJournal, readJournal } from '../../src/rollout/journal.js';

export function journalPathOf(home: string, threadId: string): string {
  return join(home, 'rolloutd', 'journal', `${threadId}.jsonl`);
}

/** Resolves once the journal holds this text of an agent's message, or of a command, where given for this very state of the rollout. */
export async function waitForJournal(journal: string, text: string, rollout: string | null = null): Promise<void> {
  mkdirSync(dirname(journal), { recursive: true, mode: 0o700 });
  const watcher = watch(dirname(journal));
  try {
    for (;;) {
      const content = readJournal(journal);
      const size = rollout === null ? (content?.rolloutSize ?? 0) : statSync(rollout).size;
      const items = content === null ? [] : applyJournal(content, size, new Set()).items;
      if (items.some((item) => item.type !== 'reasoning' && item.text === text)) return;
      await once(watcher, 'change');
    }
  } finally {
    watcher.close();
  }
}
