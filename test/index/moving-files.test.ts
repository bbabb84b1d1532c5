import { mkdirSync, renameSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { IndexService } from '../../src/index/index-service.js';
import type { IndexMethod, IndexRequest, ListResult, ReadResult } from '../../src/index/index-messages.js';
import { movedPathOf } from '../../src/rollout/file-name.js';
import { WHOLE_LIST } from '../support/lister.js';
import { idOf } from '../support/rollout-home.js';
import { turnLines } from '../support/rollout-lines.js';
import { baseAt, writeSegment } from '../support/rollout-segments.js';
import { useTempFolder } from '../support/temp-folder.js';

/** At how many moments of each question a file moves. */
const MOMENTS = 150;

describe('conversations whose files are archived and taken back while somebody asks for them', () => {
  const home = useTempFolder();
  let source: string;
  let fork: string;

  beforeEach(() => {
    source = writeSegment(home(), { number: 1, lines: turnLines('a', 'first', 'answer') });
    fork = writeSegment(home(), { number: 2, base: baseAt(source), lines: turnLines('b', 'second', 'answer') });
    mkdirSync(join(home(), 'archived_sessions'));
  });

  async function ask<Result>(method: IndexMethod, params: unknown): Promise<Result> {
    // A thread that knows nothing yet has to look for everything.
    const reply = await new IndexService(home()).answer({ requestId: 1, method, params } as IndexRequest);
    if ('error' in reply) throw new Error(`${method}: ${reply.error.code}: ${reply.error.message}`);
    return reply.result as Result;
  }

  /** Asks again and again; the file moves to its other place a little later in the question each time. */
  async function whileItMoves(file: string, question: () => Promise<unknown>): Promise<void> {
    let place = file;
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const move = async (): Promise<void> => {
        for (let turn = 0; turn < moment / 2; turn += 1) await setImmediate();
        const other = movedPathOf(place)!;
        mkdirSync(dirname(other), { recursive: true });
        await rename(place, other);
        place = other;
      };
      await Promise.all([question(), move()]);
    }
  }

  it('are found by their id', async () => {
    await whileItMoves(source, async () => {
      expect(basename((await ask<string | null>('find', { id: idOf(1) })) ?? 'nowhere')).to.equal(basename(source));
    });
  });

  it('leave the list and come back to it, and what goes on from them stays in it', async () => {
    await whileItMoves(source, async () => {
      const { data } = await ask<ListResult>('list', WHOLE_LIST);
      expect(data.map(({ id }) => id)).to.deep.include(idOf(2));
    });
  });

  it('are read by the path that they had, with all that they go on from', async () => {
    const turnsOf = async (path: string): Promise<string[]> => {
      const read = await ask<ReadResult>('read', { path, includeTurns: true, liveTurnId: null });
      return (JSON.parse(read.turnsJson!) as { id: string }[]).map(({ id }) => id);
    };
    await whileItMoves(source, async () => expect(await turnsOf(source)).to.deep.equal(['a']));
    await whileItMoves(source, async () => expect(await turnsOf(fork)).to.deep.equal(['a', 'b']));
  });

  it('are cut for a fork, and name what depends on them', async () => {
    await whileItMoves(source, async () => {
      const { kept } = await ask<{ kept: unknown[] }>('cut', { path: fork, at: { type: 'end' } });
      expect(kept).to.have.length(2);
    });
    await whileItMoves(fork, async () => {
      const dependents = await ask<{ id: string }[]>('dependents', { id: idOf(1) });
      expect(dependents.map(({ id }) => id)).to.deep.equal([idOf(2)]);
    });
  });

  it('are described as archived by the path that they had before', async () => {
    const archived = movedPathOf(source)!;
    renameSync(source, archived);
    const { summary } = await ask<{ summary: unknown }>('describe', { path: source });
    expect(summary).to.include({ path: archived, archived: true });
  });
});
