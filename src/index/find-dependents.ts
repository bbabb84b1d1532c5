// Conversations that would lose part of their history with another one. Index thread.
import type { ConversationMetadata } from './conversation-metadata.js';
import type { FileMeta, FileMetas } from './file-metas.js';
import { inBatches } from './file-metas.js';
import type { ConversationFinder } from './find-conversation.js';
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

/**
 * Looks at the first line of every file. Those that were begun first come first. A dependent must not be missed: throws
 * DaemonError rollout_unreadable when a file cannot be read that may be one; what reading folders throws.
 */
export async function findDependents(
  id: string,
  { finder, metas, summaries, metadata }: DependentSources,
): Promise<Dependent[]> {
  const listed = await finder.listFiles({ isComplete: true });
  const files = await lookAt(id, [...listed.active, ...listed.archived], metas);
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

/** Those that have gone since they were listed depend on nothing any more. */
async function lookAt(id: string, files: readonly RolloutFile[], metas: FileMetas): Promise<KnownFile[]> {
  const known = await inBatches(files, async (file) => {
    try {
      const meta = await metas.look(file.path);
      return meta === 'gone' ? [] : [{ file, meta }];
    } catch (error) {
      // Nothing depends on itself.
      if (file.id === id) return [{ file, meta: null }];
      throw error;
    }
  });
  return known.flat();
}
