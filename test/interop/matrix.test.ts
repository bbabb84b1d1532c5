import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JointHome, InteropServer } from './joint-home.js';
import { SUBJECTS } from './matrix-subjects.js';
import type { Subject } from './matrix-subjects.js';
import { spokenTo } from './rollout-growth.js';
import type { ThreadClient } from './thread-client.js';
import { useJointHome } from './use-joint-home.js';

/** What one side finds of a conversation that the other wrote, and went on with. */
interface Found {
  /** null: the list does not have it. */
  listed: { preview: string; name: string | null; forked: boolean } | null;
  /** First words of each turn, once resumed. */
  turns: string[];
  /** What the model was told by the next turn. */
  told: string[];
}

const BY_THE_OTHER = 'by the other';
const BACK_HOME = 'back home';

const said = (words: readonly string[]): string[] =>
  words.flatMap((text, index) => (index === words.length - 1 ? [text] : [text, `echo: ${text}`]));

/** Without any limit of either side. */
const whole = ({ words, preview, name, forked }: Subject, next: string): Found => ({
  listed: { preview, name, forked },
  turns: [...words],
  told: said([...words, next]),
});

/**
 * Known limits of the peer as a reader, each by what it finds instead: it lists names and lineage from its databases
 * alone, takes the preview from a conversation's own file, and shows the turns of that file alone.
 */
type Limits = Partial<Record<string, (found: Found) => Found>>;

const row = (preview: string) => ({ preview, name: null, forked: false });
const PEER_READS: Limits = {
  fork: (found) => ({ ...found, listed: row('in the fork'), turns: ['in the fork'] }),
  'fork of a fork': (found) => ({ ...found, listed: row('grandchild one'), turns: ['grandchild one'] }),
  revert: (found) => ({ ...found, listed: row('instead'), turns: ['instead'] }),
  name: (found) => ({ ...found, listed: row('called something') }),
  'legacy fork': (found) => ({ ...found, listed: row('old one') }),
};

/** By writer and databases. We have none. */
const LIMITS: Readonly<Record<string, Limits>> = {
  'ours, kept': PEER_READS,
  'ours, removed': PEER_READS,
};

async function findAndGoOn(home: JointHome, client: ThreadClient, id: string, subject: Subject): Promise<Found> {
  const list = async (archived: boolean) => {
    const { data } = await client.rpc.request('thread/list', { modelProviders: [], limit: 100, archived });
    // Every file of a reverted conversation is a row of its own at the peer: the newest comes first.
    return data.find((thread) => thread.id === id) ?? null;
  };
  const listed = await list(subject.archived);
  if (subject.archived) await client.rpc.requestUntyped('thread/unarchive', { threadId: id });
  await client.resume(id);
  const read = await client.readTurns(id);
  const turns = read.map((turn) => turn.said[0]!.replace('user: ', ''));
  await client.runTurn(id, BY_THE_OTHER);
  const told = spokenTo(home.model.requests.at(-1)!.input).map((line) => line.replace(/^\w+: /, ''));
  const summary = listed && { preview: listed.preview, name: listed.name, forked: listed.forkedFromId !== null };
  return { listed: summary, turns, told };
}

async function removeDatabases(home: JointHome): Promise<void> {
  const names = await readdir(home.path);
  const databases = names.filter((name) => name.includes('.sqlite'));
  expect(databases, 'the databases of the peer').to.not.deep.equal([]);
  for (const name of databases) await rm(join(home.path, name));
}

describe('conversations of every kind, handed over and back', function () {
  const { home, binary } = useJointHome();

  const start = (side: string): Promise<InteropServer> =>
    side === 'ours' ? home().startOurs() : home().startPeer(binary());

  for (const writer of ['ours', 'the peer']) {
    for (const databases of ['kept', 'removed']) {
      const reader = writer === 'ours' ? 'the peer' : 'ours';
      it(`${writer === 'ours' ? 'we write, the peer reads' : 'the peer writes, we read'}; its databases are ${databases}`, async () => {
        // So that there are databases to keep or to remove. Right after its start a signal would end it at once.
        const maker = await home().startPeer(binary());
        await maker.client.rpc.request('thread/list', {});
        await maker.stop();
        const first = await start(writer);
        const ids: Record<string, string> = {};
        for (const [name, subject] of Object.entries(SUBJECTS)) {
          ids[name] = await subject.make(first.client, home().workspace);
        }
        await first.stop();
        if (databases === 'removed') await removeDatabases(home());
        const second = await start(reader);
        const found: Record<string, Found> = {};
        const expected: Record<string, Found> = {};
        const limits = LIMITS[`${writer}, ${databases}`] ?? {};
        for (const [name, subject] of Object.entries(SUBJECTS)) {
          found[name] = await findAndGoOn(home(), second.client, ids[name]!, subject);
          const ideal = whole(subject, BY_THE_OTHER);
          expected[name] = limits[name]?.(ideal) ?? ideal;
        }
        await second.stop();
        expect(found).to.deep.equal(expected);
        const back = await start(writer);
        for (const [name, subject] of Object.entries(SUBJECTS)) {
          if (subject.archived && writer === 'the peer' && databases === 'kept') {
            // A known limit: its databases still have it in the archive, wherever its file lies.
            const refusal = await back.client.refusal('thread/resume', { threadId: ids[name] });
            expect(refusal.message).to.contain('is archived');
            continue;
          }
          await back.client.resume(ids[name]!);
          await back.client.runTurn(ids[name]!, BACK_HOME);
          const told = spokenTo(home().model.requests.at(-1)!.input).map((line) => line.replace(/^\w+: /, ''));
          expect(told, `${name}, back home`).to.deep.equal(said([...subject.words, BY_THE_OTHER, BACK_HOME]));
        }
      });
    }
  }
});
