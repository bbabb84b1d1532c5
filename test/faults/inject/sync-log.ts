// Notes what was made durable, for the driver that takes the rest away. Writer thread writes, the driver reads.
import { openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, sep } from 'node:path';

/** A file is durable up to `size`; of a folder these names are durable. Later lines count. */
type SyncLine = { file: string; size: number } | { folder: string; names: string[] };

export interface Durable {
  /** Bytes of each file that was synced. */
  sizes: Map<string, number>;
  /** Names that a folder would still have. */
  names: Map<string, Set<string>>;
}

/** One write for each note: a note is whole or not there, and there before the writer hears of the sync. */
export class SyncLog {
  readonly #fd: number;
  readonly #root: string;

  /** Notes only what lies in the log's own folder or deeper. */
  constructor(path: string) {
    this.#fd = openSync(path, 'a', 0o600);
    this.#root = dirname(path);
  }

  noteFile(file: string, size: number): void {
    this.#note({ file, size });
  }

  covers(folder: string): boolean {
    return folder === this.#root || folder.startsWith(`${this.#root}${sep}`);
  }

  noteFolder(folder: string, names: string[]): void {
    this.#note({ folder, names });
  }

  #note(line: SyncLine): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
  }
}

/** Empty when nothing was synced yet. */
export function readSyncLog(path: string): Durable {
  const durable: Durable = { sizes: new Map(), names: new Map() };
  for (const text of readLines(path)) {
    const line = JSON.parse(text) as SyncLine;
    if ('file' in line) durable.sizes.set(line.file, Math.max(line.size, durable.sizes.get(line.file) ?? 0));
    else durable.names.set(line.folder, new Set(line.names));
  }
  return durable;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
