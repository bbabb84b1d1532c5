import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { conversationTexts } from '../conversation/wire-story.js';
import { readLines } from '../support/daemon-rig.js';
import { EmbeddedRig, REQUEST } from './embedded-rig.js';

/** The code of the DaemonError that it rejects with. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: { code: string }) => error.code,
  );

describe('ConversationRegistry, embedded without a server', () => {
  let rig: EmbeddedRig;
  beforeEach(async () => {
    rig = await EmbeddedRig.start();
  });
  afterEach(() => rig.close());

  describe('newConversation', () => {
    it('starts a conversation that getConversation finds, with a lock and no file', async () => {
      const started = await rig.registry.newConversation(REQUEST);
      const { conversationId, conversation, sessionConfigured } = started;
      expect(rig.registry.getConversation(conversationId)).to.equal(conversation);
      expect([sessionConfigured.type, sessionConfigured.conversationId]).to.deep.equal([
        'sessionConfigured',
        conversationId,
      ]);
      expect(conversation.status).to.deep.equal({ type: 'idle' });
      expect([existsSync(rig.lockOf(conversationId)), rig.rolloutFiles()]).to.deep.equal([true, []]);
    });

    it('runs turns and delivers what happens to the subscriber', async () => {
      const { conversation } = await rig.registry.newConversation(REQUEST);
      const turn = await rig.program.runTurn(conversation, 'hello');
      expect([turn.status, turn.items[0].text]).to.deep.equal(['completed', 'echo: hello']);
      expect(rig.program.received.at(-1)!.method).to.equal('turn/completed');
      expect(readLines(conversation.facts.path!)[0]!['payload'].originator).to.equal('embedding');
    });

    it('fails with what is wrong with the configuration, and leaves nothing behind', async () => {
      const started = rig.registry.newConversation({ ...REQUEST, modelProvider: 'nobody' });
      expect(await codeOf(started)).to.equal('provider_unknown');
      expect([rig.registry.loadedIds(), existsSync(join(rig.home.path, 'thread-writer-locks'))]).to.deep.equal([
        [],
        false,
      ]);
    });

    it('resumes the rollout that the key experimental_resume names', async () => {
      const { id, file } = await rig.record('one');
      const before = readFileSync(file);
      const started = await rig.registry.newConversation({ ...REQUEST, config: { experimental_resume: file } });
      expect([started.conversationId, started.conversation.facts.path]).to.deep.equal([id, file]);
      expect(readFileSync(file).equals(before), 'nothing written by the resume').to.equal(true);
      await rig.program.runTurn(started.conversation, 'two');
      expect(conversationTexts(rig.model.requests.at(-1)!.input)).to.deep.equal(['one', 'echo: one', 'two']);
      expect(rig.rolloutFiles()).to.deep.equal([file]);
    });

    it('is refused after close', async () => {
      await rig.host.close();
      expect(await codeOf(rig.registry.newConversation(REQUEST))).to.equal('shutting_down');
    });
  });

  describe('getConversation', () => {
    it('says that there is no such conversation', () => {
      const id = '01a206f9-78a2-7762-a467-522c6561eb91';
      expect(() => rig.registry.getConversation(id))
        .to.throw(`thread not found: ${id}`)
        .with.property('code', 'conversation_not_found');
      expect(rig.registry.findLoaded(id)).to.equal(null);
    });
  });

  describe('removeConversation', () => {
    it('ends the session, frees the lock, and says whether there was anything to remove', async () => {
      const { conversationId, conversation } = await rig.registry.newConversation(REQUEST);
      const turnId = await rig.program.startTurn(conversation, 'hang');
      const removed = [
        await rig.registry.removeConversation(conversationId),
        await rig.registry.removeConversation(conversationId),
      ];
      expect(removed).to.deep.equal([true, false]);
      expect([rig.registry.loadedIds(), existsSync(rig.lockOf(conversationId))]).to.deep.equal([[], false]);
      const { id, status } = rig.program.received.find(({ method }) => method === 'turn/completed')!.params.turn;
      expect([id, status]).to.deep.equal([turnId, 'interrupted']);
      expect(rig.program.received.at(-1)!.method).to.equal('thread/closed');
    });

    it('lets a resume that comes meanwhile load the conversation again', async () => {
      const { id } = await rig.record('one');
      const { conversation } = await rig.registry.resumeConversation(id, REQUEST);
      const removing = rig.registry.removeConversation(id);
      const resumed = await rig.registry.resumeConversation(id, REQUEST);
      expect([await removing, resumed.loadedNow, resumed.conversation === conversation]).to.deep.equal([
        true,
        true,
        false,
      ]);
      expect((await rig.program.runTurn(resumed.conversation, 'two')).status).to.equal('completed');
    });

    it('happens by itself when nobody is subscribed for a while, but not under a running turn', async () => {
      const config = { thread_unload_delay_secs: 1 };
      const { conversation } = await rig.registry.newConversation({ ...REQUEST, config });
      const idle = await rig.registry.newConversation({ ...REQUEST, config });
      const turnId = await rig.program.startTurn(conversation, 'hang');
      conversation.removeSubscriber(rig.program);
      await rig.program.next('thread/closed', ({ threadId }) => threadId === idle.conversationId);
      expect(rig.registry.loadedIds()).to.deep.equal([conversation.id]);
      const closed = rig.program.next('thread/closed', ({ threadId }) => threadId === conversation.id);
      conversation.request({ type: 'interruptTurn', turnId }, { onResult: () => {}, onError: () => {} });
      await closed;
      expect(rig.registry.loadedIds()).to.deep.equal([]);
    });
  });

  describe('resumeConversationFromRollout', () => {
    it('keeps the id and appends to the same file', async () => {
      const { id, file } = await rig.record('one');
      await rig.reopen();
      const before = readFileSync(file);
      const resumed = await rig.registry.resumeConversationFromRollout(file, REQUEST);
      expect([resumed.conversationId, resumed.loadedNow, resumed.sessionConfigured.history.preview]).to.deep.equal([
        id,
        true,
        'one',
      ]);
      expect(resumed.sessionConfigured.history.rolloutSize).to.equal(before.length);
      await rig.program.runTurn(resumed.conversation, 'two');
      const after = readFileSync(file);
      expect(after.subarray(0, before.length).equals(before)).to.equal(true);
      expect(conversationTexts(rig.model.requests.at(-1)!.input)).to.deep.equal(['one', 'echo: one', 'two']);
      const ordinals = readLines(file).map((line) => line['ordinal']);
      expect(ordinals).to.deep.equal(ordinals.map((_ordinal, index) => index));
    });

    it('attaches to a conversation that is loaded, but not by another file of the same id', async () => {
      const { id, file } = await rig.record('one');
      const copy = join(dirname(file), `rollout-2020-01-01T00-00-00-${id}.jsonl`);
      copyFileSync(file, copy);
      const first = await rig.registry.resumeConversationFromRollout(file, REQUEST);
      const second = await rig.registry.resumeConversationFromRollout(file, REQUEST);
      expect([second.conversation === first.conversation, second.loadedNow]).to.deep.equal([true, false]);
      expect(await codeOf(rig.registry.resumeConversationFromRollout(copy, REQUEST))).to.equal('stale_path');
      const gone = join(dirname(file), 'gone.jsonl');
      const codes = [gone, copy].map((path) => codeOf(rig.registry.resumeConversationFromRollout(path, REQUEST, id)));
      expect(await Promise.all(codes)).to.deep.equal(['stale_path', 'stale_path']);
      expect(await codeOf(rig.registry.resumeConversationFromRollout(gone, REQUEST))).to.equal('rollout_not_found');
    });

    it('has one session for both ids of a file that is named after another conversation', async () => {
      const { id, file } = await rig.record('one');
      const named = '01a206e8-4e40-7260-a3ca-59d0fa1ced00';
      renameSync(file, file.replace(id, named));
      const resumed = await Promise.all(
        [named, id, named].map((each) => rig.registry.resumeConversation(each, REQUEST)),
      );
      expect(new Set(resumed.map(({ conversation }) => conversation)).size).to.equal(1);
      expect(rig.registry.loadedIds()).to.deep.equal([id]);
    });

    it('makes one session of many who ask at once', async () => {
      const { id, file } = await rig.record('one');
      await rig.reopen();
      const resumed = await Promise.all([
        ...Array.from({ length: 5 }, () => rig.registry.resumeConversationFromRollout(file, REQUEST)),
        ...Array.from({ length: 5 }, () => rig.registry.resumeConversation(id, REQUEST)),
      ]);
      expect(new Set(resumed.map(({ conversation }) => conversation)).size).to.equal(1);
      expect(resumed.filter(({ loadedNow }) => loadedNow)).to.have.length(1);
    });

    it('gives the lock back when the file cannot be used, and leaves the file alone', async () => {
      const id = '01a206f9-78a2-7762-a467-522c6561eb91';
      const file = join(rig.home.path, 'sessions', '2026', '11', '23', `rollout-2026-11-23T05-43-59-${id}.jsonl`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, 'no rollout\n');
      const { registry } = rig;
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
      expect([existsSync(rig.lockOf(id)), registry.loadedIds(), readFileSync(file, 'utf8')]).to.deep.equal([
        false,
        [],
        'no rollout\n',
      ]);
    });

    it('gives the lock back when the provider of the rollout is not there', async () => {
      const { id, file } = await rig.record('one');
      const request = { ...REQUEST, modelProvider: 'nobody' };
      expect(await codeOf(rig.registry.resumeConversationFromRollout(file, request))).to.equal('provider_unknown');
      expect(existsSync(rig.lockOf(id))).to.equal(false);
      expect((await rig.registry.resumeConversation(id, REQUEST)).conversationId).to.equal(id);
    });
  });

  describe('close', () => {
    it('ends running turns as interrupted, keeps what was said, and frees every lock', async () => {
      const started = await Promise.all([0, 1, 2].map(() => rig.registry.newConversation(REQUEST)));
      for (const { conversation } of started) {
        const said = rig.program.next('item/agentMessage/delta');
        await rig.program.startTurn(conversation, 'hang');
        await said;
      }
      await rig.host.close();
      for (const { conversation, conversationId } of started) {
        const lines = readLines(conversation.facts.path!);
        expect(lines.at(-1)!['payload'].type).to.equal('turn_aborted');
        const last = lines.findLast(({ payload }) => payload.type === 'item_completed')!['payload'].item;
        expect([last.content[0].text, last.partial, existsSync(rig.lockOf(conversationId))]).to.deep.equal([
          'hanging',
          true,
          false,
        ]);
      }
      expect(rig.host.threads()).to.deep.include({ writer: null, sessions: {} });
    });
  });
});
