// Summaries for lists, from the two ends of rollouts: what lies between is not read. Index thread.
import { DaemonError } from '../errors.js';
import type { SessionMetaPayload } from '../rollout/line.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { resolveLineage } from '../rollout/lineage.js';
import type { RolloutRange, SegmentLocator } from '../rollout/lineage.js';
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import { statStored } from '../rollout/stored-file.js';
import type { StoredStats } from '../rollout/stored-file.js';
import type { ConversationHistory } from './conversation-history.js';
import { FactsGatherer, SETTINGS_LINE_KINDS, SUMMARY_LINE_KINDS, toSummary } from './conversation-summary.js';
import type { FileFacts, UnnamedSummary } from './conversation-summary.js';
import { dropUnlisted } from './rollout-files.js';
import type { RolloutFile } from './rollout-files.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Small reads: the head of a file is over soon. A file no larger is read whole at once. */
const HEAD_CHUNK_BYTES = 64 * KIB;
/** A file that says nothing of a user within this much is not listed. */
const MAX_HEAD_BYTES = 64 * MIB;
/** How far back from the end the last turn's settings are looked for; beyond, the first turn's stand for them. */
const TAIL_WINDOWS = [64 * KIB, MIB, 8 * MIB];
/** A compressed file can only be read from its start: no larger one (on disk) is read to its end for a list. */
const MAX_COMPRESSED_BYTES = 16 * MIB;

const HEAD_KINDS: ReadonlySet<LineKind> = new Set(SUMMARY_LINE_KINDS);
const TAIL_KINDS: ReadonlySet<LineKind> = new Set(SETTINGS_LINE_KINDS);

export interface VersionedSummary {
  version: StoredStats;
  /** null for a file without session_meta. */
  summary: UnnamedSummary | null;
}

/** Keeps what it read: a file is read again when its size or time of change differ. */
export class SummaryReader {
  readonly #cache = new Map<string, VersionedSummary>();

  /** What was read of the file before, if it has not changed since; null when it is gone, undefined when it must be read. */
  known(path: string): VersionedSummary | null | undefined {
    const version = statStored(path);
    const cached = this.#cache.get(path);
    if (version === null) {
      this.#cache.delete(path);
      return null;
    }
    const isSame = cached?.version.size === version.size && cached.version.mtimeMs === version.mtimeMs;
    return isSame ? cached : undefined;
  }

  /** null for a file that is gone. A source that is missing is passed over. Throws what reading throws. */
  async read({ path, archived }: RolloutFile, locate: SegmentLocator): Promise<VersionedSummary | null> {
    const known = this.known(path);
    if (known !== undefined) return known;
    const version = statStored(path);
    if (version === null) return null;
    const own = await readEnds(path, version.compressed ? Infinity : version.size, TAIL_WINDOWS);
    if (own.meta === null) return this.#keep(path, { version, summary: null });
    const sources = await findSources(own.meta, locate);
    const facts = await readSources(sources ?? [], TAIL_WINDOWS);
    const summary = toSummary({ path, archived, mtimeMs: version.mtimeMs }, own.meta, own, facts);
    // A source that is missing may come back.
    return sources === null ? { version, summary } : this.#keep(path, { version, summary });
  }

  /** Forgets all other files, once it knows more than these. */
  keepOnly(files: readonly RolloutFile[]): void {
    dropUnlisted(this.#cache, files);
  }

  #keep(path: string, read: VersionedSummary): VersionedSummary {
    this.#cache.set(path, read);
    return read;
  }
}

/** As exact as a reading of everything: no settings line is passed over. Throws what reading throws. */
export async function readWholeSummary(history: ConversationHistory): Promise<UnnamedSummary> {
  const own = await readEnds(history.path, Infinity, [Infinity]);
  return toSummary(history, history.meta, own, await readSources(history.sources, [Infinity]));
}

async function findSources(meta: SessionMetaPayload, locate: SegmentLocator): Promise<RolloutRange[] | null> {
  try {
    return await resolveLineage(meta, locate);
  } catch (error) {
    if (error instanceof DaemonError && error.code === 'lineage_broken') return null;
    throw error;
  }
}

function readSources(sources: readonly RolloutRange[], windows: readonly number[]): Promise<FileFacts[]> {
  return Promise.all(sources.map(({ path, end }) => readEnds(path, end, windows)));
}

/** The facts of a file up to byte `end`. */
async function readEnds(path: string, end: number, windows: readonly number[]): Promise<FileFacts> {
  const gatherer = new FactsGatherer();
  const isSmall = end <= HEAD_CHUNK_BYTES;
  const headEnd = windows.includes(Infinity) ? end : Math.min(end, MAX_HEAD_BYTES);
  const head = await readRolloutLines(
    path,
    (line) => {
      gatherer.add(line);
      return isSmall || !gatherer.hasHead;
    },
    { kinds: HEAD_KINDS, chunkBytes: HEAD_CHUNK_BYTES, end: headEnd },
  );
  const isAllRead = head.size >= end || (!head.stopped && head.size < headEnd);
  // Where the head was cut off within a line, that line is still to be read.
  if (!isAllRead) await addLastSettings(gatherer, path, head.completeSize, end, passesFor(path, windows));
  return gatherer.facts;
}

/** For a compressed file one window: each is a reading from the file's start. */
function passesFor(path: string, windows: readonly number[]): readonly number[] {
  const stats = statStored(path);
  if (stats?.compressed !== true) return windows;
  return windows.includes(Infinity) || stats.size <= MAX_COMPRESSED_BYTES ? [Infinity] : [];
}

/**
 * Looks for a turn's settings from `start` on, in windows that grow from the end until what matters most is known; what
 * changed them since is with them.
 */
async function addLastSettings(
  gatherer: FactsGatherer,
  path: string,
  start: number,
  end: number,
  windows: readonly number[],
): Promise<void> {
  for (const window of windows) {
    const from = window === Infinity ? start : Math.max(start, end - window);
    const tail = new FactsGatherer();
    await readRolloutLines(path, (line) => tail.add(line), { kinds: TAIL_KINDS, start: from, end });
    const isLast = from === start || window === windows.at(-1);
    const { model, cwd, approvalPolicy } = tail.facts.settings;
    const isKnown = model !== undefined && cwd !== undefined && approvalPolicy !== undefined;
    if (!isKnown && !isLast) continue;
    Object.assign(gatherer.facts.settings, tail.facts.settings);
    return;
  }
}
