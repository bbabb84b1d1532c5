// The names that users gave their conversations, as session_index.jsonl records them. Index thread.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readLines } from '../rollout/line-reader.js';

const NAMES_FILE = 'session_index.jsonl';

/** Reads the file anew only when it has changed. Lines are `{id, thread_name, updated_at}`; the last one of an id counts. */
export class ConversationNames {
  readonly #path: string;
  #version = '';
  #names: ReadonlyMap<string, string> = new Map();

  constructor(home: string) {
    this.#path = join(home, NAMES_FILE);
  }

  /** Names by id. Throws what reading throws; a missing file holds no names. */
  async read(): Promise<ReadonlyMap<string, string>> {
    try {
      const { size, mtimeMs } = await stat(this.#path);
      const version = `${size}:${mtimeMs}`;
      if (version === this.#version) return this.#names;
      const names = new Map<string, string>();
      await readLines(this.#path, ({ value }) => addName(names, value));
      this.#names = names;
      this.#version = version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#names = new Map();
      this.#version = '';
    }
    return this.#names;
  }
}

function addName(names: Map<string, string>, value: unknown): void {
  const { id, thread_name: name } = (value ?? {}) as { id?: unknown; thread_name?: unknown };
  if (typeof id !== 'string') return;
  if (typeof name === 'string' && name !== '') names.set(id, name);
  else names.delete(id);
}
