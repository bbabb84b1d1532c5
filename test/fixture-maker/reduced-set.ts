// A set of rollouts that refer to each other, reduced together: what names a byte of another file names the new one. Any thread.
import { parseRolloutName } from '../../src/rollout/file-name.js';
import type { SessionMetaPayload } from '../../src/rollout/line.js';
import type { IndexEntry } from '../support/rollout-set.js';
import { reduceRollout } from './reduce-rollout.js';
import type { PathNames } from './reduce-rollout.js';

export interface RecordedRollout {
  /** Of the fixture, without its ending. */
  name: string;
  /** Path in the home. */
  original: string;
  text: string;
}

export interface ReducedRollout extends RecordedRollout {
  index: IndexEntry;
}

/** Throws when a file is not there that another goes on from. */
export function reduceSet(recorded: readonly RecordedRollout[], paths: PathNames): ReducedRollout[] {
  const bySegment = new Map(recorded.map((rollout) => [segmentOf(rollout.original), rollout]));
  const done = new Map<RecordedRollout, ReducedRollout>();
  const reduce = (rollout: RecordedRollout): ReducedRollout => {
    const known = done.get(rollout);
    if (known !== undefined) return known;
    const meta = firstMeta(rollout.text);
    let text = reduceRollout(rollout.text, paths);
    let base: IndexEntry['base'] = null;
    if (meta.history_base) {
      const source = bySegment.get(meta.history_base.thread_id);
      if (source === undefined) throw new Error(`${rollout.name} goes on from a file that is not in the set`);
      const { end_byte_offset: offset } = meta.history_base;
      const lines = Buffer.from(source.text).subarray(0, offset).toString().split('\n').length - 1;
      const kept = reduce(source).text.split('\n').slice(0, lines);
      const newOffset = Buffer.byteLength(kept.map((line) => `${line}\n`).join(''));
      text = text.replace(`"end_byte_offset":${offset}`, `"end_byte_offset":${newOffset}`);
      base = { ...meta.history_base, source_file: `${source.name}.jsonl`, end_byte_offset: newOffset };
    }
    const reduced = { ...rollout, text, index: { ...describe(meta), base, original: rollout.original } };
    done.set(rollout, reduced);
    return reduced;
  };
  return recorded.map(reduce);
}

function segmentOf(path: string): string {
  const name = parseRolloutName(path.split('/').at(-1)!);
  if (name === null) throw new Error(`not the name of a rollout: ${path}`);
  return name.segmentId ?? name.id;
}

function firstMeta(text: string): SessionMetaPayload {
  return (JSON.parse(text.slice(0, text.indexOf('\n'))) as { payload: SessionMetaPayload }).payload;
}

function describe(meta: SessionMetaPayload): Omit<IndexEntry, 'base' | 'original'> {
  return {
    id: meta.id,
    cli_version: meta.cli_version,
    history_mode: meta.history_mode ?? null,
    forked_from_id: meta.forked_from_id ?? null,
  };
}
