// What people say of conversations beside their rollouts: names, in the file that Codex uses, and git information that a
// client corrected, in one of our own. The last line of an id counts. Main thread.
import path from 'node:path';
import type { GitInfo } from '../protocol/thread.js';
import { NotesFile } from './notes-file.js';

/** Names and notes are written when a call resolves. All throw rollout_write_failed. */
export class ConversationNotes {
  readonly #names: NotesFile;
  readonly #metadata: NotesFile;

  constructor(home: string) {
    this.#names = new NotesFile(path.join(home, 'session_index.jsonl'));
    this.#metadata = new NotesFile(path.join(home, 'rolloutd', 'thread-metadata.jsonl'));
  }

  setName(id: string, name: string): Promise<void> {
    return this.#names.change(() => {
      this.#names.append({ id, thread_name: name, updated_at: new Date().toISOString() });
    });
  }

  /** null says that nothing is known. */
  setGitInfo(id: string, gitInfo: GitInfo | null): Promise<void> {
    return this.#metadata.change(() => {
      this.#metadata.append({ id, gitInfo, updated_at: new Date().toISOString() });
    });
  }

  /** Takes out every line about these conversations. */
  async forget(ids: readonly string[]): Promise<void> {
    for (const file of [this.#names, this.#metadata]) await file.change(() => file.drop(new Set(ids)));
  }
}
