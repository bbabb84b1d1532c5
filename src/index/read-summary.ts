// Summaries for lists, from the two ends of a rollout: what lies between is not read. Index thread.
import { stat } from 'node:fs/promises';
import type { RolloutLine } from '../rollout/line.js';
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { SUMMARY_LINE_KINDS, SummaryGatherer } from './conversation-summary.js';
import type { UnnamedSummary } from './conversation-summary.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Small reads: the head of a file is over soon. */
const HEAD_CHUNK_BYTES = 64 * KIB;
/** A file that says nothing of a user within this much is not listed. */
const MAX_HEAD_BYTES = 64 * MIB;
/** How far back from the end the last turn's settings are looked for; beyond, the first turn's stand for them. */
const TAIL_WINDOWS = [64 * KIB, MIB, 8 * MIB];

const HEAD_KINDS: ReadonlySet<LineKind> = new Set(SUMMARY_LINE_KINDS);
const TAIL_KINDS: ReadonlySet<LineKind> = new Set<LineKind>(['turn_context']);

interface CachedSummary {
  version: string;
  summary: UnnamedSummary | null;
}

/** Keeps what it read: a file is read again when its size or time of change differ. */
export class SummaryReader {
  readonly #cache = new Map<string, CachedSummary>();

  /** null for a file without session_meta or that is gone. Throws what reading throws. */
  async read(path: string, archived: boolean): Promise<UnnamedSummary | null> {
    const stats = await stat(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    });
    if (stats === null) {
      this.#cache.delete(path);
      return null;
    }
    const version = `${stats.size}:${stats.mtimeMs}`;
    const cached = this.#cache.get(path);
    if (cached?.version === version) return cached.summary;
    const summary = await readEnds({ path, archived, mtimeMs: stats.mtimeMs }, stats.size);
    this.#cache.set(path, { version, summary });
    return summary;
  }
}

async function readEnds(
  file: { path: string; archived: boolean; mtimeMs: number },
  size: number,
): Promise<UnnamedSummary | null> {
  const gatherer = new SummaryGatherer();
  const head = await readRolloutLines(
    file.path,
    (line) => {
      gatherer.add(line);
      return !gatherer.hasHead;
    },
    { kinds: HEAD_KINDS, chunkBytes: HEAD_CHUNK_BYTES, end: Math.min(size, MAX_HEAD_BYTES) },
  );
  const lastContext = await findLastTurnContext(file.path, head.size, size);
  if (lastContext !== null) gatherer.add(lastContext);
  return gatherer.finish(file);
}

/** Looks for it from `start` on, in windows that grow from the end. */
async function findLastTurnContext(path: string, start: number, end: number): Promise<RolloutLine | null> {
  for (const window of TAIL_WINDOWS) {
    const from = Math.max(start, end - window);
    let last: RolloutLine | null = null;
    await readRolloutLines(path, (line) => void (last = line.type === 'turn_context' ? line : last), {
      kinds: TAIL_KINDS,
      start: from,
      end,
    });
    if (last !== null || from === start) return last;
  }
  return null;
}
