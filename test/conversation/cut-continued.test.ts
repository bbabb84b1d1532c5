// A daemon on rollouts that were cut: resumed, continued, unloaded, read again. TEST_EVERY_CUT=1 takes every byte.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { rolloutPathFor } from '../../src/rollout/file-name.js';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { createdAtOf, idOf } from '../support/rollout-home.js';
import { makeRandom } from '../faults/random.js';
import { SAMPLES, sampleText, WORDS, writeSource } from './cut-samples.js';
import type { Sample } from './cut-samples.js';
import { agentTexts, conversationTexts } from './wire-story.js';

const EVERY_CUT = process.env['TEST_EVERY_CUT'] === '1';
/** How many cuts there are beside those at the ends of lines. */
const RANDOM_CUTS = 12;
/** Conversations at work at the same time. */
const LANES = 8;
/** A client keeps all that it was told: after so many conversations another takes over. */
const CUTS_OF_CLIENT = 10;
const NAMES = ['one', 'two', 'and this', 'three'];

interface Cut {
  sample: Sample;
  size: number;
  /** Counts conversations. */
  count: number;
}

const textOf = (name: string): string => `${name} ${WORDS}`;

describe('a conversation whose rollout was cut', function () {
  this.timeout(EVERY_CUT ? 0 : 60_000);
  let rig: DaemonRig;
  let source: string;
  let number = 0;
  before(async () => {
    rig = await DaemonRig.start();
    source = writeSource(rig.home.path);
  });
  after(() => rig.close());

  /** Around the ends of all lines, and a few from a seed. */
  function cutsOf(sample: Sample, content: Buffer): number[] {
    const all = Array.from({ length: content.length + 1 }, (_, size) => size);
    if (EVERY_CUT) return all;
    const random = makeRandom(7, sample);
    const drawn = new Set(Array.from({ length: RANDOM_CUTS }, () => random.int(0, content.length)));
    return all.filter((size) => drawn.has(size) || content.subarray(Math.max(0, size - 2), size + 1).includes(0x0a));
  }

  for (const sample of SAMPLES) {
    it(`has what was whole, takes what is said next, and keeps both (${sample})`, async () => {
      const cuts = cutsOf(sample, Buffer.from(sampleText(sample, 1, source)));
      const lanes = Array.from({ length: LANES }, async () => {
        while (cuts.length > 0) {
          const client = await rig.client();
          for (const size of cuts.splice(-CUTS_OF_CLIENT)) {
            number += 1;
            await checkCut(client, { sample, size, count: number });
          }
          await client.close();
        }
      });
      await Promise.all(lanes);
    });
  }

  async function checkCut(client: CheckedClient, { sample, size, count }: Cut): Promise<void> {
    const at = `cut at ${size}`;
    const threadId = idOf(count);
    const path = rolloutPathFor(rig.home.path, createdAtOf(count), threadId);
    const content = Buffer.from(sampleText(sample, count, source)).subarray(0, size);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    const expectKept = (): void =>
      void expect(readFileSync(path).subarray(0, size).equals(content), `${at}: former bytes`).to.equal(true);
    const readTurns = async (): Promise<any[]> =>
      (await client.call('thread/read', { threadId, includeTurns: true })).thread.turns;
    if (!content.toString().includes('"cli_version"') || !isWhole(content.toString().split('\n')[0]!)) {
      const refused = await client.ask('thread/resume', { threadId });
      expect(refused.error?.data.reason, at).to.equal('rollout_unreadable');
      expect(readFileSync(path).equals(content), at).to.equal(true);
      return;
    }
    const turns = await readTurns();
    const known = namesIn(turns);
    const resumed = await client.call('thread/resume', { threadId });
    expect(resumed.thread.turns, at).to.deep.equal(turns);
    expect(readFileSync(path).equals(content), `${at}: the resume wrote nothing`).to.equal(true);

    // The client sends again what it may not have sent, and finds it there or not.
    const send = async (name: string): Promise<string> => {
      const input = [{ type: 'text', text: textOf(name) }];
      return (await client.call('turn/start', { threadId, input, clientUserMessageId: name })).turn.id;
    };
    const last = known.at(-1);
    if (last !== undefined) expect(await send(last), at).to.equal(turns.findLast((turn) => hasName(turn, last)).id);
    const next = NAMES.find((name) => !known.includes(name)) ?? 'further';
    const turnId = await send(next);
    await client.notification('turn/completed', ({ turn }) => turn.id === turnId);
    expectKept();

    const after = await readTurns();
    expect(after.slice(0, -1).map(asBefore(turns)), `${at}: the turns of before`).to.deep.equal(turns);
    expect([after.at(-1)!.id, agentTexts(after.at(-1))], at).to.deep.equal([turnId, [`echo: ${textOf(next)}`]]);
    expect(namesIn(after), at).to.deep.equal([...known, next]);
    const { input } = rig.model.requests.findLast(({ cacheKey }) => cacheKey === threadId)!;
    const given = conversationTexts(input);
    const said = [...known, next].map(textOf);
    expect(
      given.filter((text) => said.includes(text)).slice(-said.length),
      `${at}: what the model is given`,
    ).to.deep.equal(said);
    const wasOpen = turns.at(-1)?.status === 'interrupted' && turns.at(-1).completedAt === null;
    if (wasOpen && !isClosed(content)) expect(given.at(-2), at).to.match(/^<turn_aborted>/);

    await rig.daemon.registry.removeConversation(threadId);
    expect((await client.call('thread/resume', { threadId })).thread.turns, `${at}: loaded again`).to.deep.equal(after);
    await rig.daemon.registry.removeConversation(threadId);
    expectKept();
    rmSync(path);
  }
});

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    // Cut within it.
    return false;
  }
}

/** Whether the last mark of a turn among the whole lines is an end. */
function isClosed(content: Buffer): boolean {
  const marks = content
    .toString()
    .split('\n')
    .filter(isWhole)
    .flatMap((line) => /"type":"(task_started|task_complete|turn_aborted)"/.exec(line)?.[1] ?? []);
  return marks.at(-1) !== 'task_started';
}

function hasName(turn: { items: any[] }, name: string): boolean {
  return turn.items.some(({ clientId }) => clientId === name);
}

function namesIn(turns: readonly { items: any[] }[]): string[] {
  return turns.flatMap(({ items }) => items.flatMap(({ clientId }) => clientId ?? []));
}

/** A turn that was broken off is closed before the next: it has an end then, and the calls that were open. */
function asBefore(turns: readonly any[]): (turn: any, index: number) => unknown {
  return (turn, index) => {
    const before = turns[index];
    if (before?.status !== 'interrupted' || before.completedAt !== null) return turn;
    const { completedAt, durationMs } = before;
    // Where a legacy file shows a call, its output was not there yet.
    const items = before.items.map((item: any, place: number) =>
      Object.fromEntries(
        Object.entries(turn.items[place]).map(([key, field]) => [key, item[key] === null ? null : field]),
      ),
    );
    return { ...turn, completedAt, durationMs, items };
  };
}
