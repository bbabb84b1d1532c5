import { expect } from 'chai';
import { DaemonRig } from '../support/daemon-rig.js';

describe('the input of a turn', () => {
  let rig: DaemonRig;
  beforeEach(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.close());

  it('shows pictures with their detail, null when nobody gave one', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const url = 'data:image/png;base64,iVBORw0KGgo=';
    const input = [
      { type: 'image', url },
      { type: 'image', url, detail: 'low' },
    ];
    await client.call('turn/start', { threadId, input });
    await client.notification('turn/completed');
    const shown = client.received.filter(({ params }) => params?.['item']?.type === 'userMessage');
    const content = [
      { type: 'image', url, detail: null },
      { type: 'image', url, detail: 'low' },
    ];
    expect(shown.map(({ params }) => params!['item'].content)).to.deep.equal([content, content]);
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns[0].items[0].content).to.deep.equal(content);
  });

  it('without input has the model go on, and shows no message', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'hello');
    const started = await client.call('turn/start', { threadId, input: [] });
    const { params } = await client.notification('turn/completed', (ended) => ended['turn'].id === started.turn.id);
    expect(params!['turn'].status).to.equal('completed');
    expect(rig.model.requests.at(-1)!.input.at(-1)).to.deep.include({ role: 'assistant' });
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns.map(({ items }: any) => items.map(({ type }: any) => type))).to.deep.equal([
      ['userMessage', 'agentMessage'],
      ['agentMessage'],
    ]);
  });
});
