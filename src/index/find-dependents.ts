// Conversations that would lose part of their history with another one. Index thread.
import type { ConversationMetadata } from './conversation-metadata.js';
import type { FileMetas } from './file-metas.js';
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

/** Looks at the first line of every file. Those that were begun first come first. Throws what reading folders throws. */
export async function findDependents(
  id: string,
  { finder, metas, summaries, metadata }: DependentSources,
): Promise<Dependent[]> {
  const segments = new Set((await finder.files(id)).map(({ segmentId }) => segmentId));
  if (segments.size === 0) return [];
  const listed = await finder.listFiles();
  const files = [...listed.active, ...listed.archived];
  const recorded = await metas.readAll(files);
  const dependents = new Set<string>();
  const filesById = new Map<string, RolloutFile[]>();
  for (const [index, meta] of recorded.entries()) {
    if (meta === null || meta.id === id) continue;
    const known = filesById.get(meta.id);
    if (known === undefined) filesById.set(meta.id, [files[index]!]);
    else known.push(files[index]!);
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
