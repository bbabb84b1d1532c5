// Rollouts that somebody wrote by hand, odd in one way each, and what Codex made of them: read, resumed and continued here.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import type { Turn } from '../../src/protocol/thread.js';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { recordedFolder } from './recorded-folder.js';

interface Case {
  case: string;
  id: string;
  path: string;
  text: string;
}

interface Outcome {
  case?: string;
  read: { preview?: string; turns?: string[]; err?: string };
  resume: { turns?: string[]; err?: string };
}

/** What Codex does not read, or not go on with, and we do: the turns that there are. */
const BETTER: Readonly<Record<string, string[]>> = {
  'legacy: session_meta without cwd': ['completed[userMessage:q no cwd,agentMessage:a no cwd]'],
  'legacy: session_meta without originator': ['completed[userMessage:q no originator,agentMessage:a no originator]'],
  'legacy: session_meta without cli_version': ['completed[userMessage:q no cli_version,agentMessage:a no cli_version]'],
  'legacy: session_meta without timestamp': ['completed[userMessage:q no timestamp,agentMessage:a no timestamp]'],
  'legacy: session_meta without outer timestamp': ['completed[userMessage:q x,agentMessage:a x]'],
  'paginated: lines without ordinals': ['completed[userMessage:q noord,agentMessage:a noord]'],
  'paginated: ordinal gap and repeat': ['completed[userMessage:q gap,agentMessage:a gap]'],
  'first line is garbage, meta second': ['completed[userMessage:q g1,agentMessage:a g1]'],
};

const FOLDER = join(recordedFolder(), 'rollouts');
/** Stands for a text of that size. */
const BIG = 'ZZZ[2 MiB of z]';
const cases = (JSON.parse(readFileSync(join(FOLDER, 'hand-written-cases.json'), 'utf8')) as Case[]).map((one) => ({
  ...one,
  text: one.text.replaceAll(BIG, 'z'.repeat(2 * 1024 * 1024)),
}));
const outcomes = readFileSync(join(FOLDER, '..', 'wire', 'hand-written-rollouts.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Outcome);

/** What Codex showed at last. */
function shownOf(name: string): string[] {
  const { read, resume } = outcomes.find((outcome) => outcome.case === name)!;
  return resume.turns ?? read.turns ?? [];
}

function idWithin({ text, id }: Case): string {
  return /"type":"session_meta","payload":\{"id":"([^"]+)"/.exec(text)?.[1] ?? id;
}

/** As the outcomes have them: the beginning of each text. */
function brief(turns: readonly Turn[], length: number): string[] {
  return turns.map(({ status, items }) => `${status}[${items.map((item) => briefItem(item, length)).join(',')}]`);
}

function briefItem(item: Turn['items'][number], length: number): string {
  const said = item.type === 'userMessage' ? item.content : [item];
  const text = said.map((part) => ('text' in part ? part.text : '')).join('');
  return `${item.type}:${text.slice(0, length)}`;
}

describe('a rollout written by hand', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  before(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    for (const { path, text } of cases) {
      const file = join(rig.home.path, path);
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, text, { mode: 0o600 });
    }
  });
  after(() => rig.close());

  it('is listed once a user has said something in it, by the id that it holds itself', async () => {
    expect(cases.length).to.be.greaterThan(30);
    const { data } = await client.call('thread/list', {
      modelProviders: [],
      sourceKinds: ['cli', 'vscode', 'exec', 'unknown'],
      limit: 100,
    });
    const expected = cases.filter(({ case: name }) => (BETTER[name] ?? shownOf(name)).length > 0).map(idWithin);
    expect(data.map(({ id }: { id: string }) => id)).to.have.members([...new Set(expected)]);
  });

  for (const { case: name, id: threadId, path, text } of cases) {
    // Of two files with one id the newer is the conversation.
    if (name === 'duplicate id: first file (older)') continue;
    const { read, resume } = outcomes.find((outcome) => outcome.case === name)!;
    const readTurns = async (): Promise<Turn[]> =>
      (await client.call('thread/read', { threadId, includeTurns: true })).thread.turns as Turn[];

    const better = BETTER[name];
    if (read.err !== undefined && better === undefined) {
      it(`is refused as Codex refuses it: ${name}`, async () => {
        expect((await client.ask('thread/read', { threadId, includeTurns: true })).error).to.be.an('object');
        expect((await client.ask('thread/resume', { threadId })).error).to.be.an('object');
        expect(readFileSync(join(rig.home.path, path), 'utf8')).to.equal(text);
      });
      continue;
    }

    it(`is read and continued: ${name}`, async () => {
      const turns = await readTurns();
      // The second of two was continued before it was read.
      const theirs = name.startsWith('duplicate id') ? shownOf(name).slice(0, 1) : shownOf(name);
      expect(brief(turns, better === undefined ? 12 : 100)).to.deep.equal(better ?? theirs);
      if (resume.err !== undefined && better === undefined) {
        expect((await client.ask('thread/resume', { threadId })).error?.code).to.equal(Number.parseInt(resume.err, 10));
        return;
      }
      const resumed = await client.call('thread/resume', { threadId });
      expect(resumed.thread.turns).to.deep.equal(turns);
      // By the id that the file holds itself, whichever it was asked for by.
      const done = await client.runTurn(resumed.thread.id, 'and go on');
      expect(done.status).to.equal('completed');
      const after = await readTurns();
      expect(after.slice(0, -1)).to.deep.equal(turns);
      expect(brief(after.slice(-1), 100)).to.deep.equal([
        'completed[userMessage:and go on,agentMessage:echo: and go on]',
      ]);
      expect(readFileSync(join(rig.home.path, path), 'utf8').startsWith(text), basename(path)).to.equal(true);
    });
  }
});
