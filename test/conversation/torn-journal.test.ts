import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { JournalRecord } from '../../src/rollout/journal.js';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import type { ModelReply } from '../support/model-reply.js';
import { journalPathOf, waitForJournal } from './journal-watch.js';
import { agentTexts, conversationTexts } from './wire-story.js';

const TEXT = 'once upon a time';

/** What a daemon leaves on disk that is killed while it writes the line of a message that was just completed. */
interface Remains {
  threadId: string;
  turnId: string;
  /** The rollout up to before that line. */
  rollout: string;
  /** The lines that come next: the visible item, what the model remembers of it. */
  nextLines: string[];
  journal: JournalRecord[];
}

describe('text that only the journal holds when the daemon dies', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let left: Remains;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    left = await collect();
  });
  afterEach(() => rig.close());

  const fileOf = (threadId: string): string => rig.rolloutFiles().find((file) => file.includes(threadId))!;
  const journalPath = (): string => journalPathOf(rig.home.path, left.threadId);

  /** Runs a turn whose answer streams; keeps the files of that moment, and the lines that end it. The daemon is closed. */
  async function collect(): Promise<Remains> {
    let reply!: ModelReply;
    rig.model.script(async ({ lastUserText }, held) => {
      if (lastUserText !== 'tell me') return false;
      reply = held;
      reply.create();
      reply.startMessage();
      reply.delta(TEXT);
      await reply.closed;
      return undefined;
    });
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'hello');
    const { turnId, done } = await client.startTurn(threadId, 'tell me');
    const path = journalPathOf(rig.home.path, threadId);
    await waitForJournal(path, TEXT);
    const rollout = readFileSync(fileOf(threadId), 'utf8');
    const journal = readFileSync(path, 'utf8').trimEnd().split('\n');
    reply.endMessage(`msg_${reply.id}`, TEXT);
    reply.complete();
    await done;
    await rig.daemon.close();
    const nextLines = readFileSync(fileOf(threadId), 'utf8')
      .slice(rollout.length)
      .split(/(?<=\n)/);
    const records = journal.map((line) => JSON.parse(line) as JournalRecord);
    return { threadId, turnId, rollout, nextLines, journal: records };
  }

  /** Starts a daemon on these files. */
  async function startOn(rollout: string, journal: readonly JournalRecord[]): Promise<void> {
    await rig.daemon.close();
    writeFileSync(fileOf(left.threadId), rollout);
    writeFileSync(journalPath(), journal.map((record) => `${JSON.stringify(record)}\n`).join(''));
    await rig.restart();
    client = await rig.client();
  }

  async function readTurns(): Promise<any[]> {
    return (await client.call('thread/read', { threadId: left.threadId, includeTurns: true })).thread.turns;
  }

  /** Status, texts, and which of them are marked as cut short. */
  const storyOf = (turns: any[]): unknown[] =>
    turns.map((turn) => [
      turn.status,
      agentTexts(turn),
      turn.items.filter((item: any) => item.partial === true).map((item: any) => item.text),
    ]);

  function warnings(): string[] {
    return client.received.filter(({ method }) => method === 'warning').map(({ params }) => params!['message']);
  }

  async function resume(): Promise<any[]> {
    return (await client.call('thread/resume', { threadId: left.threadId })).thread.turns;
  }

  const hello = ['completed', ['echo: hello'], []];
  const again = ['completed', ['echo: again'], []];

  it('is read after the restart, and stays, wherever the line that should hold it was torn', async () => {
    const [line] = left.nextLines as [string];
    expect(JSON.parse(line)).to.have.nested.property('payload.item.content[0].text', TEXT);
    for (const length of [0, Math.floor(line.length / 2), line.length - 2]) {
      await startOn(left.rollout + line.slice(0, length), left.journal);
      const recovered = [hello, ['interrupted', [TEXT], [TEXT]]];
      expect(storyOf(await readTurns()), `torn after ${length} characters`).to.deep.equal(recovered);
      expect(storyOf(await resume())).to.deep.equal(recovered);
      expect(storyOf(await readTurns())).to.deep.equal(recovered);
      await client.runTurn(left.threadId, 'again');
      expect(conversationTexts(rig.model.requests.at(-1)!.input).filter((text) => text === TEXT)).to.have.length(1);
      expect(storyOf(await readTurns())).to.deep.equal([...recovered, again]);
      expect(existsSync(journalPath()), 'the journal is not needed any more').to.equal(false);
      expect(readFileSync(fileOf(left.threadId), 'utf8').startsWith(left.rollout + line.slice(0, length))).to.equal(
        true,
      );
      await rig.daemon.registry.removeConversation(left.threadId);
      expect(storyOf(await resume())).to.deep.equal([...recovered, again]);
    }
  });

  it('is shown once when its line was whole and only later ones were lost', async () => {
    const [line, next] = left.nextLines as [string, string];
    await startOn(left.rollout + line + next.slice(0, 20), left.journal);
    const whole = [hello, ['interrupted', [TEXT], []]];
    expect(storyOf(await readTurns())).to.deep.equal(whole);
    expect(storyOf(await resume())).to.deep.equal(whole);
    await client.runTurn(left.threadId, 'again');
    const given = (): string[] => conversationTexts(rig.model.requests.at(-1)!.input).filter((text) => text === TEXT);
    expect(given(), 'the model sees what people saw').to.deep.equal([TEXT]);
    expect(storyOf(await readTurns())).to.deep.equal([...whole, again]);
    await rig.daemon.registry.removeConversation(left.threadId);
    await resume();
    await client.runTurn(left.threadId, 'again');
    expect(given(), 'also from the file').to.deep.equal([TEXT]);
    expect(warnings()[0]).to.equal('1 damaged line(s) of the rollout were set aside; they stay in the file');
  });

  it('stays also when settings are changed before anybody says anything', async () => {
    await startOn(left.rollout, left.journal);
    const recovered = [hello, ['interrupted', [TEXT], [TEXT]]];
    expect(storyOf(await resume())).to.deep.equal(recovered);
    await client.call('thread/settings/update', { threadId: left.threadId, model: 'gpt-other' });
    expect(storyOf(await readTurns())).to.deep.equal(recovered);
    await rig.daemon.registry.removeConversation(left.threadId);
    expect(storyOf(await resume())).to.deep.equal(recovered);
    expect(warnings()).to.deep.equal([]);
  });

  it('is ignored without a word when it is of another turn', async () => {
    const journal = left.journal.map((record) => ({ ...record, turnId: 'another' }));
    await startOn(left.rollout, journal);
    const without = [hello, ['interrupted', [], []]];
    expect(storyOf(await readTurns())).to.deep.equal(without);
    expect(storyOf(await resume())).to.deep.equal(without);
    await client.runTurn(left.threadId, 'again');
    expect(storyOf(await readTurns())).to.deep.equal([...without, again]);
    expect(conversationTexts(rig.model.requests.at(-1)!.input)).to.not.include(TEXT);
    expect(warnings()).to.deep.equal([]);
  });

  it('is set aside, with a warning that says where, when it does not fit the rollout', async () => {
    const journal = left.journal.map((record) => ({ ...record, rolloutSize: record.rolloutSize - 1 }));
    await startOn(left.rollout, journal);
    const without = [hello, ['interrupted', [], []]];
    expect(storyOf(await readTurns())).to.deep.equal(without);
    expect(storyOf(await resume())).to.deep.equal(without);
    const folder = dirname(journalPath());
    const [aside, ...more] = readdirSync(folder);
    expect(more).to.deep.equal([]);
    expect(aside!.startsWith(basename(journalPath(), '.jsonl'))).to.equal(true);
    const [warning, ...others] = warnings();
    expect([warning!.includes('was set aside as'), warning!.includes(aside!), others]).to.deep.equal([true, true, []]);
    expect(readFileSync(`${folder}/${aside!}`, 'utf8')).to.contain(TEXT);
    await client.runTurn(left.threadId, 'again');
    expect(storyOf(await readTurns())).to.deep.equal([...without, again]);
    expect(readdirSync(folder), 'it stays').to.deep.equal([aside]);
  });
});

describe('text that streams', () => {
  let rig: DaemonRig;
  beforeEach(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.close());

  it('stays in the journal when something else is recorded and nothing more comes', async () => {
    let reply!: ModelReply;
    rig.model.script(async (_request, held) => {
      reply = held;
      reply.create();
      reply.startMessage();
      reply.delta(TEXT);
      await reply.closed;
    });
    const client = await rig.client();
    const threadId = await client.startThread();
    const { turnId } = await client.startTurn(threadId, 'tell me');
    const journal = journalPathOf(rig.home.path, threadId);
    await waitForJournal(journal, TEXT);
    const [rollout] = rig.rolloutFiles();
    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'by the way' }] };
    await client.call('thread/inject_items', { threadId, items: [item] });
    await waitForJournal(journal, TEXT, rollout);
    await client.call('thread/settings/update', { threadId, model: 'gpt-other' });
    await waitForJournal(journal, TEXT, rollout);
    await client.call('turn/interrupt', { threadId, turnId });
  });
});
