import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { parseRolloutName } from '../../src/rollout/file-name.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { fixturePath, fixtureTurns, ROLLOUT_FIXTURES } from '../support/rollout-fixtures.js';
import type { RolloutFixture } from '../support/rollout-fixtures.js';
import { agentTexts, areConsecutive, conversationTexts } from './wire-story.js';

const TEXT_OF_USERS = /^<(environment_context|user_instructions|turn_aborted)/;

describe('a conversation that Codex wrote', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
  });
  after(() => rig.close());

  /** Puts the fixture where Codex would have it. */
  function place(name: RolloutFixture): { id: string; file: string } {
    const { id, timestamp } = readLines(fixturePath(name))[0]!['payload'];
    const time = (timestamp as string).slice(0, 19);
    const folder = join(rig.home.path, 'sessions', ...time.slice(0, 10).split('-'));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `rollout-${time.replaceAll(':', '-')}-${id}.jsonl`);
    copyFileSync(fixturePath(name), file);
    return { id, file };
  }

  for (const name of ROLLOUT_FIXTURES) {
    it(`is listed, read, and continued in its file and its manner: ${name}`, async () => {
      const { id, file } = place(name);
      expect(parseRolloutName(file.slice(dirname(file).length + 1))?.id).to.equal(id);
      const before = readFileSync(file);
      const client = await rig.client();
      const { data } = await client.call('thread/list', {
        modelProviders: [],
        sourceKinds: ['vscode', 'exec'],
        limit: 100,
      });
      expect(data.map((thread: { id: string }) => thread.id)).to.include(id);
      const turns = fixtureTurns(name);
      const read = await client.call('thread/read', { threadId: id, includeTurns: true });
      expect(read.thread.turns.map((turn: any) => [turn.items.length, turn.status])).to.deep.equal(
        turns.map((turn) => [turn.items.length, turn.status]),
      );
      const resumed = await client.call('thread/resume', { threadId: id, modelProvider: 'mock' });
      expect(resumed.thread.turns.map(agentTexts)).to.deep.equal(turns.map(agentTexts));
      expect(readFileSync(file).equals(before), 'the resume wrote nothing').to.equal(true);

      const done = await client.runTurn(id, 'and go on');
      expect([done.status, agentTexts(done)]).to.deep.equal(['completed', ['echo: and go on']]);
      const after = readFileSync(file);
      expect(after.subarray(0, before.length).equals(before)).to.equal(true);
      const words = conversationTexts(rig.model.requests.at(-1)!.input).filter((text) => !TEXT_OF_USERS.test(text));
      const shown = turns.flatMap((turn) =>
        turn.items.flatMap((item: any) =>
          item.type === 'userMessage' ? item.content[0].text : item.type === 'agentMessage' ? item.text : [],
        ),
      );
      expect(words).to.deep.equal([...shown, 'and go on']);
      const { thread } = await client.call('thread/read', { threadId: id, includeTurns: true });
      expect(thread.turns).to.have.length(turns.length + 1);
      const last = thread.turns.at(-1);
      expect([last.id, last.status, agentTexts(last)]).to.deep.equal([done.id, 'completed', ['echo: and go on']]);

      const lines = readLines(file);
      const added = lines.slice(readLines(fixturePath(name)).length);
      if (name.startsWith('legacy')) {
        expect(added.filter((line) => 'ordinal' in line)).to.deep.equal([]);
        const kinds = added.filter(({ type }) => type === 'event_msg').map(({ payload }) => payload.type);
        expect(kinds).to.include.members(['user_message', 'agent_message']).and.not.include('item_completed');
      } else {
        expect(areConsecutive(lines.map(({ ordinal }) => ordinal))).to.equal(true);
      }
      expect(lines.filter(({ type }) => type === 'session_meta')).to.have.length(1);
    });
  }
});
