// Conversations that would lose part of their history with another one. Index thread.
import { DaemonError } from '../errors.js';
import type { ConversationMetadata } from './conversation-metadata.js';
import type { FileMeta, FileMetas } from './file-metas.js';
import { inBatches } from './file-metas.js';
import type { ConversationFinder, HomeFiles } from './find-conversation.js';
import { newestPreview } from './home-summaries.js';
import type { Dependent } from './index-messages.js';
import type { SummaryReader } from './read-summary.js';
import { compareRank } from './rollout-files.js';
import type { RolloutFile } from './rollout-files.js';

export interface DependentSources {
  finder: ConversationFinder;
  metas: FileMetas;
  summaries: SummaryReader;
  metadata: ConversationMetadata;
}

/** How often the home is listed before the question is given up. */
const MAX_LISTINGS = 20;

/**
 * Looks at the first line of every file. Those that were begun first come first. A dependent must not be missed: throws
 * DaemonError rollout_unreadable when a file cannot be read that may be one; what reading folders throws.
 */
export async function findDependents(
  id: string,
  { finder, metas, summaries, metadata }: DependentSources,
): Promise<Dependent[]> {
  const { listed, files } = await readStable(id, finder, metas);
  const own = files.filter(({ file, meta }) => (meta === null ? file.id : meta.id) === id);
  const segments = new Set(own.map(({ file }) => file.segmentId ?? id));
  const dependents = new Set<string>();
  const filesById = new Map<string, RolloutFile[]>();
  for (const { file, meta } of files) {
    if (meta === null || meta.id === id) continue;
    const known = filesById.get(meta.id);
    if (known === undefined) filesById.set(meta.id, [file]);
    else known.push(file);
    if (meta.baseSegmentId !== null && segments.has(meta.baseSegmentId)) dependents.add(meta.id);
  }
  const locate = finder.locator(() => Promise.resolve(listed));
  const { nameOf } = await metadata.read();
  const found = [...dependents].map(async (dependent): Promise<[RolloutFile, Dependent]> => {
    const ordered = filesById.get(dependent)!.sort(compareRank);
    const preview = await newestPreview(ordered, summaries, locate);
    const current = ordered.at(-1)!;
    return [current, { id: dependent, name: nameOf(dependent), preview, path: current.path }];
  });
  return (await Promise.all(found)).sort(([a], [b]) => compareRank(a, b)).map(([, dependent]) => dependent);
}

interface KnownFile {
  file: RolloutFile;
  meta: FileMeta | null;
}

/**
 * All files of the home. A file that moves between the folders while they are listed and read is in none of its places at
 * the right moment: the home is listed until nothing is new and nothing has gone.
 */
async function readStable(
  id: string,
  finder: ConversationFinder,
  metas: FileMetas,
): Promise<{ listed: HomeFiles; files: KnownFile[] }> {
  let known = new Set<string>();
  for (let count = 0; count < MAX_LISTINGS; count += 1) {
    const listed = await finder.listFiles({ isComplete: true });
    const files: KnownFile[] = [];
    let isStable = true;
    for (const { file, meta } of await lookAt(id, [...listed.active, ...listed.archived], metas)) {
      if (!known.has(file.path) || meta === 'gone') isStable = false;
      if (meta !== 'gone') files.push({ file, meta });
    }
    if (isStable && files.length === known.size) return { listed, files };
    known = new Set(files.map(({ file }) => file.path));
  }
  throw new DaemonError('rollout_unreadable', 'the rollouts keep changing: who depends on which cannot be told');
}

async function lookAt(
  id: string,
  files: readonly RolloutFile[],
  metas: FileMetas,
): Promise<{ file: RolloutFile; meta: FileMeta | null | 'gone' }[]> {
  return inBatches(files, async (file) => {
    try {
      return { file, meta: await metas.look(file.path) };
    } catch (error) {
      // Nothing depends on itself.
      if (file.id === id) return { file, meta: null };
      throw error;
    }
  });
}
