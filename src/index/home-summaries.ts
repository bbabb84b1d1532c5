// Summaries of all conversations of a home: what lists and questions about relations go through. Index thread.
import type { SegmentLocator } from '../rollout/lineage.js';
import type { UnnamedSummary } from './conversation-summary.js';
import { inBatches } from './file-metas.js';
import type { HomeFiles } from './find-conversation.js';
import type { SummaryReader, VersionedSummary } from './read-summary.js';
import { compareRank, groupById } from './rollout-files.js';
import type { RolloutFile } from './rollout-files.js';

export interface SummarizedConversation {
  /** The one that counts of its files. */
  file: RolloutFile;
  /** When it was changed last, in Unix milliseconds. */
  mtimeMs: number;
  summary: UnnamedSummary;
}

/**
 * One for each conversation, in no order, those without a word of a user too. Files that are not archived count before
 * those that are, then newer ones before older ones. What cannot be read is passed over: one file must not hide all
 * others.
 */
export async function summarizeAll(
  files: HomeFiles,
  summaries: SummaryReader,
  locate: SegmentLocator,
): Promise<SummarizedConversation[]> {
  const listed = [...files.archived, ...files.active];
  summaries.keepOnly(listed);
  const groups = [...groupById(listed).values()].map((group) => group.sort(compareRank));
  const read: (VersionedSummary | null | undefined)[] = groups.map((group) => knownOf(group, summaries));
  const missing = [...read.keys()].filter((index) => read[index] === undefined);
  await inBatches(missing, async (index) => {
    read[index] = await readCurrent(groups[index]!, summaries, locate);
  });
  const conversations = new Map<string, SummarizedConversation>();
  for (const [index, group] of groups.entries()) {
    const { version, summary } = read[index] ?? {};
    if (version === undefined || !summary) continue;
    const conversation = { file: group.at(-1)!, mtimeMs: version.mtimeMs, summary };
    const other = conversations.get(summary.id);
    // A copy under another name is no conversation of its own.
    if (other !== undefined && !isBefore(other, conversation)) continue;
    conversations.set(summary.id, conversation);
    if (summary.preview === '' && group.length > 1) {
      const preview = await newestPreview(group.slice(0, -1), summaries, locate);
      conversation.summary = { ...summary, preview };
    }
  }
  return [...conversations.values()];
}

/** Undefined when more than a look at the newest file is needed. */
function knownOf(group: readonly RolloutFile[], summaries: SummaryReader): VersionedSummary | null | undefined {
  try {
    const known = summaries.known(group.at(-1)!.path);
    return known?.summary || group.length === 1 ? known : undefined;
  } catch {
    // Reading it will fail as well, and is passed over.
    return undefined;
  }
}

/** Of files of one conversation, oldest first: files that a killed process had only begun are left off. */
async function readCurrent(
  group: RolloutFile[],
  summaries: SummaryReader,
  locate: SegmentLocator,
): Promise<VersionedSummary | null> {
  for (;;) {
    const read = await summaries.read(group.at(-1)!, locate).catch(() => null);
    if (read?.summary || group.length === 1) return read;
    group.pop();
  }
}

/**
 * The preview of the newest of these files, which are of one conversation, oldest first. When nothing was said since all
 * was reverted, the words of before keep a conversation in sight.
 */
export async function newestPreview(
  files: readonly RolloutFile[],
  summaries: SummaryReader,
  locate: SegmentLocator,
): Promise<string> {
  for (const file of files.toReversed()) {
    const read = await summaries.read(file, locate).catch(() => null);
    const preview = read?.summary?.preview ?? '';
    if (preview !== '') return preview;
  }
  return '';
}

/** True when the second of two that hold the same id is the one that counts: names come first, as for finding. */
function isBefore(a: SummarizedConversation, b: SummarizedConversation): boolean {
  const isNamed = ({ file, summary }: SummarizedConversation): number => Number(file.id === summary.id);
  return isNamed(a) - isNamed(b) < 0 || (isNamed(a) === isNamed(b) && compareRank(a.file, b.file) < 0);
}
