import { expect } from 'chai';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';

/** Where one limit or another lies: of validation, of the way to a worker, of the way to the model. */
const DEPTHS = [500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 20_000, 100_000];

const nested = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
const nestedList = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('a request that is nested very deeply', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  before(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread();
  });
  after(() => rig.close());

  /** Sends params that JSON.stringify could not write. */
  function askRaw(method: string, params: string) {
    client.sendRaw = (text) => client.socket.send(text.replace('"PARAMS"', () => params));
    return client.ask(method, 'PARAMS');
  }

  for (const depth of DEPTHS) {
    it(`of ${depth} levels is answered, runs or fails, and leaves connection and conversation as they were`, async () => {
      const input = '"input":[{"type":"text","text":"deep"}]';
      const reply = await askRaw('turn/start', `{"threadId":"${threadId}",${input},"outputSchema":${nested(depth)}}`);
      if (reply.error === undefined) {
        const { id: turnId } = reply.result.turn;
        const done = await client.notification('turn/completed', ({ turn }) => turn.id === turnId);
        expect(done.params!['turn'].status).to.be.oneOf(['completed', 'failed']);
      } else {
        expect(reply.error).to.deep.equal({
          code: -32602,
          message: 'the request is nested too deeply',
          data: { reason: 'invalid_params' },
        });
      }
      if (depth >= 100_000) expect(reply.error).to.not.equal(undefined);
      const next = await client.runTurn(threadId, `after ${depth}`);
      expect([next.status, next.error]).to.deep.equal(['completed', null]);
    });
  }

  it('is an error wherever it is nested, typed and without more of it', async () => {
    const deep = nested(100_000);
    const list = nestedList(100_000);
    const replies = [
      await askRaw('thread/start', `{"config":${deep}}`),
      await askRaw('thread/start', `{"config":{"model":${deep}}}`),
      await askRaw('thread/start', `{"config":{"x":${list}}}`),
      await askRaw('thread/start', `{"config":{"${'x.'.repeat(100_000)}x":1}}`),
      await askRaw('turn/start', `{"threadId":"${threadId}","input":${list}}`),
      await askRaw('turn/start', `{"threadId":"${threadId}","input":[{"type":"text","text":${deep}}]}`),
      await askRaw('turn/start', `{"threadId":"${threadId}","input":[],"sandboxPolicy":${deep}}`),
      await askRaw('turn/start', `{"threadId":"${threadId}","input":[],"approvalPolicy":{"granular":${deep}}}`),
      await askRaw('thread/read', `{"threadId":${deep}}`),
      await askRaw('nowhere', deep),
    ];
    for (const [index, { error }] of replies.entries()) {
      expect(error?.code, `request ${index}: ${JSON.stringify(error)}`).to.be.oneOf([-32600, -32601, -32602]);
      expect(error!.message.length).to.be.lessThan(500);
    }
    expect((await client.runTurn(threadId, 'after all')).status).to.equal('completed');
  });
});
