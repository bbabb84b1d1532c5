import { expect } from 'chai';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import type { ModelReply } from '../support/model-reply.js';
import { agentTexts, conversationTexts } from './wire-story.js';

describe('a model that says what nobody expects', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  before(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  beforeEach(async () => {
    threadId = await client.startThread();
  });
  afterEach(() => rig.model.script(null));
  after(() => rig.close());

  /** Runs a turn that is answered by `answer` once, then the turn after it, as the model sees it. */
  async function runWith(answer: (reply: ModelReply) => void): Promise<{ turn: any; items: any[]; seen: string[] }> {
    let answered = false;
    rig.model.script((_request, reply) => {
      if (answered) return false;
      answered = true;
      reply.create();
      answer(reply);
      return undefined;
    });
    const turn = await client.runTurn(threadId, 'odd');
    expect((await client.runTurn(threadId, 'and now?')).status).to.equal('completed');
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    const items = thread.turns[0].items.slice(1);
    const completed = client
      .notificationsOf(threadId)
      .filter(({ method, params }) => method === 'item/completed' && params!['turnId'] === turn.id)
      .map(({ params }) => params!['item'].id);
    expect(
      items.map(({ id }: { id: string }) => id),
      'the file shows what the wire told',
    ).to.deep.equal(completed.slice(1));
    expect(new Set(completed).size, 'each item has its own id').to.equal(completed.length);
    return { turn, items, seen: conversationTexts(rig.model.requests.at(-1)!.input) };
  }

  const message = (id: string, content: unknown) => ({
    type: 'response.output_item.done',
    output_index: 0,
    item: { type: 'message', id, status: 'completed', role: 'assistant', content },
  });

  it('by its last word corrects what it streamed', async () => {
    const { turn, items, seen } = await runWith((reply) => {
      const id = reply.startMessage();
      reply.delta('drafd');
      reply.endMessage(id, 'draft');
      reply.complete();
    });
    expect([agentTexts(turn), agentTexts({ items }), seen]).to.deep.equal([
      ['draft'],
      ['draft'],
      ['odd', 'draft', 'and now?'],
    ]);
  });

  it('shows whole a message that never began', async () => {
    const { items, seen } = await runWith((reply) => {
      reply.send(message('msg_sudden', [{ type: 'output_text', text: 'sudden' }]));
      reply.complete();
    });
    expect([items.map(({ id }) => id), agentTexts({ items }), seen[1]]).to.deep.equal([
      ['msg_sudden'],
      ['sudden'],
      'sudden',
    ]);
  });

  it('gives items that share an id each one of its own', async () => {
    const { items, seen } = await runWith((reply) => {
      reply.send(message('msg_same', [{ type: 'output_text', text: 'one' }]));
      reply.send(message('msg_same', [{ type: 'output_text', text: 'two' }]));
      reply.complete();
    });
    expect(agentTexts({ items })).to.deep.equal(['one', 'two']);
    expect(seen.slice(1, 3)).to.deep.equal(['one', 'two']);
  });

  it('is told of a call that it made without sense', async () => {
    const { turn, items } = await runWith((reply) => {
      reply.functionCall('no_tool', 'not { json', 'call_odd');
      reply.complete();
    });
    expect(turn.status).to.equal('completed');
    expect(items.map(({ id, type, arguments: args, status }) => [id, type, args, status])[0]).to.deep.equal([
      'call_odd',
      'dynamicToolCall',
      'not { json',
      'failed',
    ]);
  });

  it('has its reasoning kept when it is cut, but not given back, since it is not whole', async () => {
    const { items } = await runWith((reply) => {
      const item = { type: 'reasoning', id: 'rs_cut', summary: [], content: [], encrypted_content: null };
      reply.send({ type: 'response.output_item.added', output_index: 0, item });
      const part = { item_id: 'rs_cut', output_index: 0, summary_index: 0 };
      reply.send({ type: 'response.reasoning_summary_part.added', ...part, part: { type: 'summary_text', text: '' } });
      reply.send({ type: 'response.reasoning_summary_text.delta', ...part, delta: 'thinking' });
      reply.cut();
    });
    const [reasoning] = items;
    expect([reasoning.type, reasoning.summary, reasoning.partial]).to.deep.equal(['reasoning', ['thinking'], true]);
    const given = rig.model.requests.at(-1)!.input.filter(({ type }) => type === 'reasoning');
    expect(given).to.deep.equal([]);
  });
});
