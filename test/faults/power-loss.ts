// Takes from the files of a home what no sync had reached, as a loss of power may. Main thread, while no daemon runs.
import { existsSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { appendFile, readdir, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSyncLog } from './inject/sync-log.js';
import type { Durable } from './inject/sync-log.js';
import type { Random } from './random.js';

export interface LossTotals {
  /** Bytes that were written and not synced, and are gone. */
  bytesTaken: number;
  /** Files that were made and whose names were not synced. */
  filesTaken: number;
  /** Files whose unsynced bytes became zeros. */
  zeroed: number;
  journalsTaken: number;
}

/** What becomes of bytes that no sync had reached. */
type Fate = 'gone' | 'kept' | 'partly' | 'zeros';

/** Of one home, over many losses. What is there when a daemon starts again was read from the disk: it stays. */
export class PowerLoss {
  readonly totals: LossTotals = { bytesTaken: 0, filesTaken: 0, zeroed: 0, journalsTaken: 0 };
  readonly #home: string;
  readonly #syncLog: string;
  #settled = new Map<string, number>();

  constructor(home: string, syncLog: string) {
    this.#home = home;
    this.#syncLog = syncLog;
  }

  async strike(random: Random): Promise<void> {
    const durable = readSyncLog(this.#syncLog);
    const sessions = join(this.#home, 'sessions');
    for (const path of await listFiles(sessions)) {
      if (this.#settled.has(path) || isNamed(path, this.#home, durable, this.#settled)) {
        await this.#takeBytes(path, durable, random);
      } else {
        await rm(path);
        this.totals.filesTaken += 1;
      }
    }
    // Nobody ever syncs them: anything may be left.
    for (const path of await listFiles(join(this.#home, 'rolloutd', 'journal'))) {
      await this.#takeJournal(path, random);
    }
    truncateIfThere(this.#syncLog);
  }

  /** To be called before a daemon starts. */
  settle(): void {
    const sessions = join(this.#home, 'sessions');
    const left = existsSync(sessions) ? readdirSync(sessions, { recursive: true, withFileTypes: true }) : [];
    const files = left.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    this.#settled = new Map(files.map((path) => [path, statSync(path).size]));
  }

  async #takeBytes(path: string, { sizes }: Durable, random: Random): Promise<void> {
    const { size } = await stat(path);
    const safe = Math.min(size, Math.max(sizes.get(path) ?? 0, this.#settled.get(path) ?? 0));
    if (safe === size) return;
    const fate = random.pick<Fate>(['gone', 'gone', 'gone', 'partly', 'partly', 'zeros', 'kept']);
    if (fate === 'kept') return;
    const kept = fate === 'partly' ? safe + random.int(0, size - safe) : safe;
    await truncate(path, kept);
    if (fate === 'zeros') {
      await appendFile(path, Buffer.alloc(size - safe));
      this.totals.zeroed += 1;
    }
    this.totals.bytesTaken += size - kept;
  }

  async #takeJournal(path: string, random: Random): Promise<void> {
    const { size } = await stat(path);
    const fate = random.pick<Fate | 'missing'>(['missing', 'missing', 'gone', 'partly', 'zeros', 'kept']);
    if (fate === 'kept') return;
    this.totals.journalsTaken += 1;
    if (fate === 'missing') return rm(path);
    const kept = fate === 'gone' ? 0 : random.int(0, size);
    await truncate(path, kept);
    if (fate === 'zeros') await appendFile(path, Buffer.alloc(size - kept));
  }
}

/** True when every name on the way from the home to the file was synced, or had settled before. */
function isNamed(path: string, home: string, { names }: Durable, settled: ReadonlyMap<string, number>): boolean {
  for (let at = path; at !== home; at = dirname(at)) {
    const isOld = [...settled.keys()].some((known) => known.startsWith(at));
    const isSynced = names.get(dirname(at))?.has(at.slice(dirname(at).length + 1)) === true;
    if (!isOld && !isSynced) return false;
  }
  return true;
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function truncateIfThere(path: string): void {
  try {
    truncateSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
