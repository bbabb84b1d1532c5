import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { createRegistry } from '../../src/daemon.js';
import type { RegistryHost } from '../../src/daemon.js';
import { createLog } from '../../src/log.js';
import type { Conversation } from '../../src/registry/conversation.js';
import type { NewConversation } from '../../src/registry/conversation-registry.js';
import type { OutgoingFrame, Subscriber } from '../../src/registry/fan-out.js';
import type { ConversationRequest } from '../../src/registry/seams.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import { readLines } from '../support/daemon-rig.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { conversationTexts } from '../conversation/wire-story.js';

const REQUEST: ConversationRequest = {
  originator: 'embedding',
  ephemeral: false,
  threadSource: null,
  cwd: null,
  model: null,
  modelProvider: null,
  approvalPolicy: null,
  sandbox: null,
  baseInstructions: null,
  developerInstructions: null,
  config: null,
};

/** What a program that embeds the registry has in place of a connection. */
class Program implements Subscriber {
  readonly received: { method: string; params: any }[] = [];
  readonly #waiters: { method: string; matches: (params: any) => boolean; resolve: (params: any) => void }[] = [];

  deliver({ bytes }: OutgoingFrame): void {
    const message = JSON.parse(bytes.toString()) as { method: string; params: any };
    this.received.push(message);
    for (const waiter of this.#waiters) {
      if (waiter.method === message.method && waiter.matches(message.params)) waiter.resolve(message.params);
    }
  }

  next(method: string, matches: (params: any) => boolean = () => true): Promise<any> {
    return new Promise((resolve) => this.#waiters.push({ method, matches, resolve }));
  }

  /** Resolves with the id of the turn once it has started. */
  startTurn(conversation: Conversation, text: string): Promise<string> {
    conversation.addSubscriber(this);
    return new Promise((resolve, reject) => {
      const input = [{ type: 'text' as const, text, text_elements: [] }];
      conversation.request(
        { type: 'startTurn', input, clientId: null, overrides: {} },
        { onResult: (result) => resolve(JSON.parse(result).turn.id), onError: reject },
      );
    });
  }

  async runTurn(conversation: Conversation, text: string): Promise<any> {
    const ended = this.next('turn/completed', ({ threadId }) => threadId === conversation.id);
    await this.startTurn(conversation, text);
    return (await ended).turn;
  }
}

/** The code of the DaemonError that it rejects with. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: { code: string }) => error.code,
  );

describe('ConversationRegistry, embedded without a server', () => {
  const log = createLog({ dir: null, level: 'error', console: false });
  let model: ModelServer;
  let home: TempHome;
  let host: RegistryHost;
  let program: Program;

  function open(): RegistryHost {
    const opened = createRegistry({ home: home.path, configOverrides: [], env: {}, log });
    opened.registry.addListener(program);
    return opened;
  }
  const lockOf = (id: string): string => join(home.path, 'thread-writer-locks', `${id}.lock`);

  beforeEach(async () => {
    model = await startModelServer();
    home = await makeTempHome({ modelBaseUrl: model.baseUrl });
    program = new Program();
    host = open();
  });
  afterEach(async () => {
    await host.close();
    await model.close();
    await home.remove();
  });

  async function reopen(): Promise<void> {
    await host.close();
    host = open();
  }

  /** A conversation with these turns, as a file; its session has ended. */
  async function record(...texts: string[]): Promise<{ id: string; file: string }> {
    const { conversation, conversationId } = await host.registry.newConversation(REQUEST);
    for (const text of texts) await program.runTurn(conversation, text);
    const file = conversation.facts.path!;
    await host.registry.removeConversation(conversationId);
    return { id: conversationId, file };
  }

  function rolloutFiles(): string[] {
    const root = join(home.path, 'sessions');
    if (!existsSync(root)) return [];
    const names = readdirSync(root, { recursive: true }) as string[];
    return names.filter((name) => name.endsWith('.jsonl')).map((name) => join(root, name));
  }

  describe('newConversation', () => {
    it('starts a conversation that getConversation finds, with a lock and no file', async () => {
      const started = await host.registry.newConversation(REQUEST);
      const { conversationId, conversation, sessionConfigured } = started;
      expect(host.registry.getConversation(conversationId)).to.equal(conversation);
      expect([sessionConfigured.type, sessionConfigured.conversationId]).to.deep.equal([
        'sessionConfigured',
        conversationId,
      ]);
      expect(conversation.status).to.deep.equal({ type: 'idle' });
      expect([existsSync(lockOf(conversationId)), rolloutFiles()]).to.deep.equal([true, []]);
    });

    it('runs turns and delivers what happens to the subscriber', async () => {
      const { conversation } = await host.registry.newConversation(REQUEST);
      const turn = await program.runTurn(conversation, 'hello');
      expect([turn.status, turn.items[0].text]).to.deep.equal(['completed', 'echo: hello']);
      expect(program.received.at(-1)!.method).to.equal('turn/completed');
      expect(readLines(conversation.facts.path!)[0]!['payload'].originator).to.equal('embedding');
    });

    it('fails with what is wrong with the configuration, and leaves nothing behind', async () => {
      const started = host.registry.newConversation({ ...REQUEST, modelProvider: 'nobody' });
      expect(await codeOf(started)).to.equal('provider_unknown');
      expect([host.registry.loadedIds(), existsSync(join(home.path, 'thread-writer-locks'))]).to.deep.equal([
        [],
        false,
      ]);
    });

    it('resumes the rollout that the key experimental_resume names', async () => {
      const { id, file } = await record('one');
      const before = readFileSync(file);
      const started = await host.registry.newConversation({ ...REQUEST, config: { experimental_resume: file } });
      expect([started.conversationId, started.conversation.facts.path]).to.deep.equal([id, file]);
      expect(readFileSync(file).equals(before), 'nothing written by the resume').to.equal(true);
      await program.runTurn(started.conversation, 'two');
      expect(conversationTexts(model.requests.at(-1)!.input)).to.deep.equal(['one', 'echo: one', 'two']);
      expect(rolloutFiles()).to.deep.equal([file]);
    });

    it('is refused after close', async () => {
      await host.close();
      expect(await codeOf(host.registry.newConversation(REQUEST))).to.equal('shutting_down');
    });
  });

  describe('getConversation', () => {
    it('says that there is no such conversation', () => {
      const id = '01a206f9-78a2-7762-a467-522c6561eb91';
      expect(() => host.registry.getConversation(id))
        .to.throw(`thread not found: ${id}`)
        .with.property('code', 'conversation_not_found');
      expect(host.registry.findLoaded(id)).to.equal(null);
    });
  });

  describe('removeConversation', () => {
    it('ends the session, frees the lock, and says whether there was anything to remove', async () => {
      const { conversationId, conversation } = await host.registry.newConversation(REQUEST);
      const turnId = await program.startTurn(conversation, 'hang');
      const removed = [
        await host.registry.removeConversation(conversationId),
        await host.registry.removeConversation(conversationId),
      ];
      expect(removed).to.deep.equal([true, false]);
      expect([host.registry.loadedIds(), existsSync(lockOf(conversationId))]).to.deep.equal([[], false]);
      const { id, status } = program.received.find(({ method }) => method === 'turn/completed')!.params.turn;
      expect([id, status]).to.deep.equal([turnId, 'interrupted']);
      expect(program.received.at(-1)!.method).to.equal('thread/closed');
    });

    it('lets a resume that comes meanwhile load the conversation again', async () => {
      const { id } = await record('one');
      const { conversation } = await host.registry.resumeConversation(id, REQUEST);
      const removing = host.registry.removeConversation(id);
      const resumed = await host.registry.resumeConversation(id, REQUEST);
      expect([await removing, resumed.loadedNow, resumed.conversation === conversation]).to.deep.equal([
        true,
        true,
        false,
      ]);
      expect((await program.runTurn(resumed.conversation, 'two')).status).to.equal('completed');
    });

    it('happens by itself when nobody is subscribed for a while, but not under a running turn', async () => {
      const config = { thread_unload_delay_secs: 1 };
      const { conversation } = await host.registry.newConversation({ ...REQUEST, config });
      const idle = await host.registry.newConversation({ ...REQUEST, config });
      const turnId = await program.startTurn(conversation, 'hang');
      conversation.removeSubscriber(program);
      await program.next('thread/closed', ({ threadId }) => threadId === idle.conversationId);
      expect(host.registry.loadedIds()).to.deep.equal([conversation.id]);
      const closed = program.next('thread/closed', ({ threadId }) => threadId === conversation.id);
      conversation.request({ type: 'interruptTurn', turnId }, { onResult: () => {}, onError: () => {} });
      await closed;
      expect(host.registry.loadedIds()).to.deep.equal([]);
    });
  });

  describe('resumeConversationFromRollout', () => {
    it('keeps the id and appends to the same file', async () => {
      const { id, file } = await record('one');
      await reopen();
      const before = readFileSync(file);
      const resumed = await host.registry.resumeConversationFromRollout(file, REQUEST);
      expect([resumed.conversationId, resumed.loadedNow, resumed.sessionConfigured.history.preview]).to.deep.equal([
        id,
        true,
        'one',
      ]);
      expect(resumed.sessionConfigured.history.rolloutSize).to.equal(before.length);
      await program.runTurn(resumed.conversation, 'two');
      const after = readFileSync(file);
      expect(after.subarray(0, before.length).equals(before)).to.equal(true);
      expect(conversationTexts(model.requests.at(-1)!.input)).to.deep.equal(['one', 'echo: one', 'two']);
      const ordinals = readLines(file).map((line) => line['ordinal']);
      expect(ordinals).to.deep.equal(ordinals.map((_ordinal, index) => index));
    });

    it('attaches to a conversation that is loaded, but not by another file of the same id', async () => {
      const { id, file } = await record('one');
      const copy = join(dirname(file), `rollout-2020-01-01T00-00-00-${id}.jsonl`);
      copyFileSync(file, copy);
      const first = await host.registry.resumeConversationFromRollout(file, REQUEST);
      const second = await host.registry.resumeConversationFromRollout(file, REQUEST);
      expect([second.conversation === first.conversation, second.loadedNow]).to.deep.equal([true, false]);
      expect(await codeOf(host.registry.resumeConversationFromRollout(copy, REQUEST))).to.equal('stale_path');
    });

    it('makes one session of many who ask at once', async () => {
      const { id, file } = await record('one');
      await reopen();
      const resumed = await Promise.all([
        ...Array.from({ length: 5 }, () => host.registry.resumeConversationFromRollout(file, REQUEST)),
        ...Array.from({ length: 5 }, () => host.registry.resumeConversation(id, REQUEST)),
      ]);
      expect(new Set(resumed.map(({ conversation }) => conversation)).size).to.equal(1);
      expect(resumed.filter(({ loadedNow }) => loadedNow)).to.have.length(1);
    });

    it('gives the lock back when the file cannot be used, and leaves the file alone', async () => {
      const id = '01a206f9-78a2-7762-a467-522c6561eb91';
      const file = join(home.path, 'sessions', '2026', '11', '23', `rollout-2026-11-23T05-43-59-${id}.jsonl`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, 'no rollout\n');
      const { registry } = host;
      const codes = [
        await codeOf(registry.resumeConversationFromRollout(file, REQUEST)),
        await codeOf(registry.resumeConversation(id, REQUEST)),
        await codeOf(registry.resumeConversation('01a206f9-78a2-7762-a467-522c6561eb92', REQUEST)),
        await codeOf(registry.resumeConversationFromRollout('/etc/passwd', REQUEST)),
      ];
      expect(codes).to.deep.equal([
        'rollout_unreadable',
        'rollout_unreadable',
        'rollout_not_found',
        'rollout_path_not_allowed',
      ]);
      expect([existsSync(lockOf(id)), registry.loadedIds(), readFileSync(file, 'utf8')]).to.deep.equal([
        false,
        [],
        'no rollout\n',
      ]);
    });

    it('gives the lock back when the provider of the rollout is not there', async () => {
      const { id, file } = await record('one');
      const request = { ...REQUEST, modelProvider: 'nobody' };
      expect(await codeOf(host.registry.resumeConversationFromRollout(file, request))).to.equal('provider_unknown');
      expect(existsSync(lockOf(id))).to.equal(false);
      expect((await host.registry.resumeConversation(id, REQUEST)).conversationId).to.equal(id);
    });
  });

  describe('forkConversation', () => {
    /** What the model sees in the fork's first turn, and what the fork is. */
    async function fork(started: NewConversation): Promise<{ seen: string[]; lines: Record<string, any>[] }> {
      await program.runTurn(started.conversation, 'next');
      const seen = conversationTexts(model.requests.at(-1)!.input);
      return { seen, lines: readLines(started.conversation.facts.path!) };
    }

    const cases: { drop: number; kept: string[] }[] = [
      { drop: 0, kept: ['one', 'echo: one', 'two', 'echo: two', 'three', 'echo: three'] },
      { drop: 1, kept: ['one', 'echo: one', 'two', 'echo: two'] },
      { drop: 2, kept: ['one', 'echo: one'] },
    ];
    for (const { drop, kept } of cases) {
      it(`keeps what comes before message ${drop} from the end, in a fresh file under a fresh id`, async () => {
        const source = await record('one', 'two', 'three');
        const before = readFileSync(source.file);
        const { lines } = await readRollout(source.file);
        const forked = await host.registry.forkConversation(lines, drop, REQUEST, source.id);
        const { conversationId, conversation } = forked;
        expect(conversationId).to.not.equal(source.id);
        expect([conversation.facts.forkedFromId, conversation.facts.preview, rolloutFiles()]).to.deep.equal([
          source.id,
          'one',
          [source.file],
        ]);
        const result = await fork(forked);
        expect(result.seen).to.deep.equal([...kept, 'next']);
        const [first, ...rest] = result.lines;
        expect([first!['type'], first!['payload'].id, first!['payload'].forked_from_id]).to.deep.equal([
          'session_meta',
          conversationId,
          source.id,
        ]);
        const inherited = readLines(source.file).filter(({ type }) => type !== 'session_meta');
        const count = rest.findLastIndex(({ payload }) => payload.type === 'task_started');
        expect(rest.slice(0, count).map(({ type, payload }) => ({ type, payload }))).to.deep.equal(
          inherited.slice(0, count).map(({ type, payload }) => ({ type, payload })),
        );
        expect(result.lines.map(({ ordinal }) => ordinal)).to.deep.equal(result.lines.map((_line, index) => index));
        expect(readFileSync(source.file).equals(before), 'the source is untouched').to.equal(true);
        const { turnsJson } = await host.index.read({
          path: conversation.facts.path!,
          includeTurns: true,
          liveTurnId: null,
        });
        const texts = JSON.parse(turnsJson!).flatMap((turn: any) =>
          turn.items.map((item: any) => item.text ?? item.content[0].text),
        );
        expect(texts).to.deep.equal([...kept, 'next', 'echo: next']);
      });
    }

    for (const drop of [3, 4]) {
      it(`is a new conversation when ${drop} of 3 messages are dropped`, async () => {
        const source = await record('one', 'two', 'three');
        const { lines } = await readRollout(source.file);
        const forked = await host.registry.forkConversation(lines, drop, REQUEST, source.id);
        expect([forked.conversation.facts.forkedFromId, forked.sessionConfigured.history.preview]).to.deep.equal([
          null,
          '',
        ]);
        const result = await fork(forked);
        expect(result.seen).to.deep.equal(['next']);
        expect(result.lines[0]!['payload']).to.not.have.property('forked_from_id');
        expect(result.lines.filter(({ payload }) => payload.type === 'task_started')).to.have.length(1);
      });
    }

    it('can be forked again, and resumed like any other', async () => {
      const source = await record('one', 'two');
      const { lines } = await readRollout(source.file);
      const first = await host.registry.forkConversation(lines, 1, REQUEST, source.id);
      await program.runTurn(first.conversation, 'other two');
      const file = first.conversation.facts.path!;
      const second = await host.registry.forkConversation(
        (await readRollout(file)).lines,
        0,
        REQUEST,
        first.conversationId,
      );
      await program.runTurn(second.conversation, 'three');
      const { conversationId } = second;
      await reopen();
      const resumed = await host.registry.resumeConversation(conversationId, REQUEST);
      expect(resumed.conversation.facts.forkedFromId).to.equal(first.conversationId);
      await program.runTurn(resumed.conversation, 'four');
      expect(conversationTexts(model.requests.at(-1)!.input)).to.deep.equal([
        'one',
        'echo: one',
        'other two',
        'echo: other two',
        'three',
        'echo: three',
        'four',
      ]);
    });
  });

  describe('close', () => {
    it('ends running turns as interrupted, keeps what was said, and frees every lock', async () => {
      const started = await Promise.all([0, 1, 2].map(() => host.registry.newConversation(REQUEST)));
      for (const { conversation } of started) {
        const said = program.next('item/agentMessage/delta');
        await program.startTurn(conversation, 'hang');
        await said;
      }
      await host.close();
      for (const { conversation, conversationId } of started) {
        const lines = readLines(conversation.facts.path!);
        expect(lines.at(-1)!['payload'].type).to.equal('turn_aborted');
        const last = lines.findLast(({ payload }) => payload.type === 'item_completed')!['payload'].item;
        expect([last.content[0].text, last.partial, existsSync(lockOf(conversationId))]).to.deep.equal([
          'hanging',
          true,
          false,
        ]);
      }
      expect(host.threads()).to.deep.include({ writer: null, sessions: {} });
    });
  });
});
