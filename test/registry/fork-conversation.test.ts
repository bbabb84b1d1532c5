import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { NewConversation } from '../../src/registry/conversation-registry.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import { conversationTexts } from '../conversation/wire-story.js';
import { readLines } from '../support/daemon-rig.js';
import { EmbeddedRig, REQUEST } from './embedded-rig.js';

describe('ConversationRegistry.forkConversation', () => {
  let rig: EmbeddedRig;
  beforeEach(async () => {
    rig = await EmbeddedRig.start();
  });
  afterEach(() => rig.close());

  /** What the model sees in the fork's first turn, and what the fork is. */
  async function fork(started: NewConversation): Promise<{ seen: string[]; lines: Record<string, any>[] }> {
    await rig.program.runTurn(started.conversation, 'next');
    const seen = conversationTexts(rig.model.requests.at(-1)!.input);
    return { seen, lines: readLines(started.conversation.facts.path!) };
  }

  const cases: { drop: number; kept: string[] }[] = [
    { drop: 0, kept: ['one', 'echo: one', 'two', 'echo: two', 'three', 'echo: three'] },
    { drop: 1, kept: ['one', 'echo: one', 'two', 'echo: two'] },
    { drop: 2, kept: ['one', 'echo: one'] },
  ];
  for (const { drop, kept } of cases) {
    it(`keeps what comes before message ${drop} from the end, in a fresh file under a fresh id`, async () => {
      const source = await rig.record('one', 'two', 'three');
      const before = readFileSync(source.file);
      const { lines } = await readRollout(source.file);
      const forked = await rig.registry.forkConversation(lines, drop, REQUEST, source.id);
      const { conversationId, conversation } = forked;
      expect(conversationId).to.not.equal(source.id);
      expect([conversation.facts.forkedFromId, conversation.facts.preview, rig.rolloutFiles()]).to.deep.equal([
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
      const { turnsJson } = await rig.host.index.read({
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
      const source = await rig.record('one', 'two', 'three');
      const { lines } = await readRollout(source.file);
      const forked = await rig.registry.forkConversation(lines, drop, REQUEST, source.id);
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
    const source = await rig.record('one', 'two');
    const { lines } = await readRollout(source.file);
    const first = await rig.registry.forkConversation(lines, 1, REQUEST, source.id);
    await rig.program.runTurn(first.conversation, 'other two');
    const file = first.conversation.facts.path!;
    const second = await rig.registry.forkConversation(
      (await readRollout(file)).lines,
      0,
      REQUEST,
      first.conversationId,
    );
    await rig.program.runTurn(second.conversation, 'three');
    const { conversationId } = second;
    await rig.reopen();
    const resumed = await rig.registry.resumeConversation(conversationId, REQUEST);
    expect(resumed.conversation.facts.forkedFromId).to.equal(first.conversationId);
    await rig.program.runTurn(resumed.conversation, 'four');
    expect(conversationTexts(rig.model.requests.at(-1)!.input)).to.deep.equal([
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
