// Rollouts as they lie on disk, compressed ones too, and compressing them as another program would. Main thread.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Decoder } from '@toondepauw/node-zstd';
import { compressFile } from '../support/compressed-rollout.js';

const decoder = new Decoder();

export interface FileOnDisk {
  /** As it lies there. */
  path: string;
  threadId: string;
  /** That of a conversation's first file is the conversation's. */
  segmentId: string;
  archived: boolean;
  compressed: boolean;
}

const NAME = /^rollout-[\dT-]{19}-([0-9a-f-]{36})(?:_([0-9a-f-]{36}))?\.jsonl(\.zst)?$/;

/** Every file below the two folders, oldest first; what is no rollout is in `strangers`. */
export async function listFiles(home: string): Promise<{ files: FileOnDisk[]; strangers: string[] }> {
  const files: FileOnDisk[] = [];
  const strangers: string[] = [];
  for (const folder of ['sessions', 'archived_sessions']) {
    for (const entry of await readFolder(join(home, folder))) {
      const path = join(entry.parentPath, entry.name);
      const match = NAME.exec(entry.name);
      if (entry.isDirectory()) continue;
      if (match === null) strangers.push(path);
      else {
        const [, threadId = '', segmentId = threadId, zst] = match;
        const archived = folder === 'archived_sessions';
        files.push({ path, threadId, segmentId, archived, compressed: zst !== undefined });
      }
    }
  }
  files.sort((a, b) => (basename(a.path) < basename(b.path) ? -1 : 1));
  return { files, strangers };
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** All plain files of the conversation become compressed ones; `current` says whether the newest does, too. */
export async function compressFiles(home: string, threadId: string, current: boolean): Promise<void> {
  const { files } = await listFiles(home);
  const own = files.filter((file) => file.threadId === threadId);
  const chosen = current ? own : own.slice(0, -1);
  for (const { path, compressed } of chosen) if (!compressed) compressFile(path);
}

/** What the file holds, whether compressed or not. */
export async function readContent({ path, compressed }: FileOnDisk): Promise<Buffer> {
  const content = await readFile(path);
  return compressed ? decoder.decodeSync(content) : content;
}
