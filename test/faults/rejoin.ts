// Comes back to conversations after a kill: what thread/resume and thread/read show, and whether they go on. Main thread.
import { checkBounded } from './check-bounded.js';
import { checkAgreement, checkFacts } from './check-facts.js';
import type { ReadRollout } from './check-files.js';
import { foundByRead, foundInFile } from './found.js';
import type { FoundThread } from './found.js';
import type { WireTurn } from './items.js';
import { checkModelHistory } from './model-history.js';
import type { ModelHistory } from './model-history.js';
import { makeRandom } from './random.js';
import type { SeenStream } from './streams.js';
import type { ToldThread } from './told.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';
import { RequestRefused } from './wire-client.js';
import type { WireClient } from './wire-client.js';
import { startTurn } from './workload.js';
import type { Conversation } from './workload.js';

/** What the final table says about text that was cut off. */
export interface BoundedTotals {
  streamsCut: number;
  lostMsMax: number;
  lostCharactersMax: number;
}

/** When text of a stream must have arrived to have to be there: `boundMs` before the end of the daemon. */
export interface Cut {
  killedAtMs: number;
  boundMs: number;
}

export class Rejoin {
  readonly #seed: number;
  readonly #totals: BoundedTotals;
  /** Streams that a kill cut off, by thread, until a read has shown what is left of them. */
  readonly #cut = new Map<string, { stream: SeenStream; cut: Cut }[]>();

  constructor(seed: number, totals: BoundedTotals) {
    this.#seed = seed;
    this.#totals = totals;
  }

  /** What clients saw streaming when the daemon ended. */
  expect(streams: readonly SeenStream[], cut: Cut): void {
    for (const stream of streams) {
      if (stream.completed) continue;
      const ofThread = this.#cut.get(stream.threadId) ?? [];
      ofThread.push({ stream, cut });
      this.#cut.set(stream.threadId, ofThread);
    }
  }

  /** True while nobody has looked for what is left of a stream of this thread that was cut off. */
  awaits(threadId: string): boolean {
    return this.#cut.has(threadId);
  }

  /**
   * Resumes and reads a conversation. `rollout` is its file as the kill left it, null when there is none; `gone` says
   * that the daemon knows it no more, rightly.
   */
  async check(
    client: WireClient,
    told: ToldThread,
    rollout: ReadRollout | null,
    kill: number,
  ): Promise<{ gone: boolean; violations: Violation[] }> {
    const { threadId } = told;
    // A kill between the creation of a file and its first record leaves it empty: nobody had been told of an input.
    if (!told.hasFacts && (rollout === null || rollout.file.lines.length === 0)) return { gone: true, violations: [] };
    const violations: Violation[] = [];
    try {
      if (makeRandom(this.#seed, 'read first', kill, threadId).chance(0.25)) {
        violations.push(...checkFacts(told, await read(client, threadId)));
      }
      const resumed = await client.request('thread/resume', { threadId });
      const turns = await readTurns(client, threadId);
      const found = foundByRead(turns);
      violations.push(...checkFacts(told, found));
      if (rollout !== null) violations.push(...checkAgreement(threadId, found, foundInFile(rollout.file)));
      const shown = describeTurns((resumed.thread as { turns: WireTurn[] }).turns);
      if (shown !== describeTurns(turns)) {
        const what = 'thread/resume and thread/read differ';
        violations.push({
          kind: 'broken',
          threadId,
          what,
          told: shorten(shown, 800),
          found: shorten(describeTurns(turns), 800),
        });
      }
      violations.push(...this.#checkCut(threadId, found));
      told.noteRead(turns, { by: '', kill, connection: -1, atMs: performance.now() });
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      violations.push({ kind: 'broken', threadId, what: 'resume or read was refused', found: error.message });
    }
    return { gone: false, violations };
  }

  /** Reads a conversation that nobody resumed. */
  async checkUnloaded(client: WireClient, told: ToldThread, kill: number): Promise<Violation[]> {
    const random = makeRandom(this.#seed, 'unloaded', kill, told.threadId);
    if (random.chance(0.5)) await client.request('thread/resume', { threadId: told.threadId });
    return checkFacts(told, await read(client, told.threadId));
  }

  /** A last turn, for which the model gets the whole conversation. */
  async checkModel(client: WireClient, conversation: Conversation, told: ToldThread): Promise<Violation[]> {
    const { threadId } = told;
    const turnId = await startTurn(conversation, told, client, 'history');
    await client.turnEnd(turnId);
    const found = await read(client, threadId);
    const answer = [...found.items.values()].findLast((item) => item.turnId === turnId && item.type === 'agentMessage');
    if (answer === undefined) {
      return [
        { kind: 'broken', threadId, what: `turn ${turnId} got no answer`, found: found.turns.get(turnId) ?? 'no turn' },
      ];
    }
    return checkModelHistory(threadId, JSON.parse(answer.text) as ModelHistory, found);
  }

  /** Every conversation with a turn is listed, once. */
  async checkList(client: WireClient, threads: ReadonlyMap<string, ToldThread>): Promise<Violation[]> {
    const counts = new Map<string, number>();
    let cursor: unknown = null;
    do {
      const page = await client.request('thread/list', { cursor, limit: 50 });
      for (const { id } of page.data as { id: string }[]) counts.set(id, (counts.get(id) ?? 0) + 1);
      cursor = page.nextCursor;
    } while (cursor !== null && cursor !== undefined);
    return [...threads.values()]
      .filter((told) => told.hasFacts && counts.get(told.threadId) !== 1)
      .map(({ threadId }) => {
        const found = `${counts.get(threadId) ?? 0} times`;
        return {
          kind: counts.has(threadId) ? 'doubled' : 'lost',
          threadId,
          what: 'in thread/list',
          told: 'once',
          found,
        };
      });
  }

  #checkCut(threadId: string, found: FoundThread): Violation[] {
    const violations: Violation[] = [];
    for (const { stream, cut } of this.#cut.get(threadId) ?? []) {
      const { loss, violation } = checkBounded(stream, found, cut.killedAtMs, cut.boundMs);
      this.#totals.streamsCut += 1;
      this.#totals.lostMsMax = Math.max(this.#totals.lostMsMax, loss.lostMs);
      this.#totals.lostCharactersMax = Math.max(this.#totals.lostCharactersMax, loss.lostCharacters);
      if (violation !== null) violations.push(violation);
    }
    this.#cut.delete(threadId);
    return violations;
  }
}

async function readTurns(client: WireClient, threadId: string): Promise<WireTurn[]> {
  const { thread } = await client.request('thread/read', { threadId, includeTurns: true });
  return (thread as { turns: WireTurn[] }).turns;
}

async function read(client: WireClient, threadId: string): Promise<FoundThread> {
  return foundByRead(await readTurns(client, threadId));
}

function describeTurns(turns: readonly WireTurn[]): string {
  return JSON.stringify(turns.map(({ id, status, items }) => ({ id, status, items })));
}
