// The life of recorded conversations in a daemon: listed, read, resumed, continued, read again. Main thread.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Turn } from '../../src/protocol/thread.js';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { viewOfModel } from '../support/model-view.js';
import { currentFiles, placeRollouts } from '../support/rollout-set.js';
import type { RecordedFile, RecordedHome } from '../support/rollout-set.js';
import { agentTexts, areConsecutive } from './wire-story.js';

/** What is known of a recorded conversation from elsewhere. */
export interface Witness {
  /** Fails when the turns are not those that Codex showed. */
  expectTurns(file: RecordedFile, turns: Turn[]): void;
  /** What Codex gave the model when it went on; null when nobody has seen that. */
  modelView(file: RecordedFile): string[] | null;
}

const EVERY_SOURCE = ['cli', 'vscode', 'exec', 'appServer', 'subAgent', 'unknown'];

/** A turn that was broken off is closed before the next: it may then have an end, and the calls that were open. */
function asBefore(turns: readonly Turn[]): (turn: Turn, index: number) => Turn {
  return (turn, index) => {
    const before = turns[index];
    if (before === undefined || before.status !== 'interrupted' || before.completedAt !== null) return turn;
    const { completedAt, durationMs } = before;
    return { ...turn, completedAt, durationMs, items: turn.items.slice(0, before.items.length) };
  };
}

/** The last name of a conversation counts. */
function namesIn({ names }: RecordedHome): [string, string][] {
  return names
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: string; thread_name: string })
    .map(({ id, thread_name }) => [id, thread_name]);
}

/** One test for each conversation. Their files are all in one home, as forks need it. */
export function describeContinuedRollouts(home: RecordedHome, witness: Witness): void {
  let rig: DaemonRig;
  let client: CheckedClient;
  before(async () => {
    rig = await DaemonRig.start();
    placeRollouts(home, rig.home.path);
    client = await rig.client();
  });
  after(() => rig.close());

  const current = currentFiles(home);
  const pathOf = (file: RecordedFile): string => join(rig.home.path, file.original);
  const readTurns = async (threadId: string): Promise<Turn[]> =>
    (await client.call('thread/read', { threadId, includeTurns: true })).thread.turns as Turn[];

  it('lists each conversation once, by its name', async () => {
    const listed: { id: string; name: string | null }[] = [];
    for (let cursor: string | null = null; ;) {
      const page = await client.call('thread/list', {
        modelProviders: [],
        sourceKinds: EVERY_SOURCE,
        limit: 100,
        cursor,
      });
      listed.push(...page.data);
      cursor = page.nextCursor as string | null;
      if (cursor === null) break;
    }
    const names = new Map(namesIn(home));
    expect(listed.map(({ id, name }) => ({ id, name }))).to.have.deep.members(
      current.map(({ id }) => ({ id, name: names.get(id) ?? null })),
    );
  });

  for (const file of current.filter(home.isChecked)) {
    it(`reads, resumes and continues ${file.name} where it ends, and changes nothing before`, async () => {
      const { id: threadId, bytes } = file;
      const turns = await readTurns(threadId);
      witness.expectTurns(file, turns);
      const { data } = await client.call('thread/turns/list', {
        threadId,
        sortDirection: 'asc',
        itemsView: 'full',
        limit: 100,
      });
      expect(data, 'a page of turns').to.deep.equal(turns);

      const resumed = await client.call('thread/resume', { threadId });
      expect(resumed.thread.turns, 'the resume').to.deep.equal(turns);
      expect(readFileSync(pathOf(file)).equals(bytes), 'the resume wrote nothing').to.equal(true);

      const done = await client.runTurn(threadId, 'and go on');
      expect([done.status, agentTexts(done)]).to.deep.equal(['completed', ['echo: and go on']]);
      const view = witness.modelView(file);
      if (view !== null) expect(viewOfModel(rig.model.requests.at(-1)!.input), 'the model').to.deep.equal(view);

      const after = await readTurns(threadId);
      expect(after.slice(0, -1).map(asBefore(turns)), 'the old turns').to.deep.equal(turns);
      const last = after.at(-1)!;
      expect([last.id, last.status, agentTexts(last)]).to.deep.equal([done.id, 'completed', ['echo: and go on']]);
      expectGrowth(file, readFileSync(pathOf(file)));
    });
  }

  it('leaves all other files as they are', () => {
    const others = home.files.filter((file) => !current.includes(file));
    const changed = others.filter((file) => !readFileSync(pathOf(file)).equals(file.bytes));
    expect(changed.map(({ name }) => name)).to.deep.equal([]);
    expect(rig.rolloutFiles()).to.have.members(home.files.map(pathOf));
  });

  /** The file goes on in its own manner after its last byte. */
  function expectGrowth(file: RecordedFile, after: Buffer): void {
    expect(after.subarray(0, file.bytes.length).equals(file.bytes), 'the old bytes').to.equal(true);
    const lines = readLines(pathOf(file));
    const old = file.bytes
      .toString()
      .split('\n')
      .filter((line) => line !== '').length;
    const added = lines.slice(old);
    expect(added.filter(({ type }) => type === 'session_meta')).to.deep.equal([]);
    if (file.history_mode === 'paginated') {
      expect(areConsecutive(lines.slice(old - 1).map(({ ordinal }) => ordinal))).to.equal(true);
      return;
    }
    expect(added.filter((line) => 'ordinal' in line)).to.deep.equal([]);
    const kinds = added.filter(({ type }) => type === 'event_msg').map(({ payload }) => payload.type);
    expect(kinds).to.include.members(['user_message', 'agent_message']).and.not.include('item_completed');
  }
}
