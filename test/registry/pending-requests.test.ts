import { expect } from 'chai';
import { FanOut } from '../../src/registry/fan-out.js';
import { PendingRequests } from '../../src/registry/pending-requests.js';
import { ReplayBudget } from '../../src/registry/replay-budget.js';
import { ReplayRing } from '../../src/registry/replay-ring.js';
import type { OutgoingFrame, Subscriber } from '../../src/registry/subscription.js';
import type { SessionPart } from '../../src/session/messages.js';

class Client implements Subscriber {
  readonly heard: string[] = [];
  deliver({ bytes }: OutgoingFrame): void {
    const { method, id, params } = JSON.parse(bytes.toString());
    this.heard.push(id === undefined ? `${method} ${params.requestId ?? ''}`.trim() : `${method} #${id}`);
  }
  whenReady(): null {
    return null;
  }
}

const QUESTION = 'item/fileChange/requestApproval';
const ASKED = `${QUESTION} #0`;
const RESOLVED = 'serverRequest/resolved 0';

function question(requestKey: number): SessionPart & { type: 'serverRequest' } {
  return { type: 'serverRequest', requestKey, method: QUESTION, params: '{"itemId":"i"}' };
}

describe('PendingRequests', () => {
  let requests: PendingRequests;
  let passedOn: unknown[];
  let client: Client;
  beforeEach(() => {
    requests = new PendingRequests();
    passedOn = [];
    client = new Client();
  });

  function open(threadId = 't') {
    const fanOut = new FanOut(threadId, 'e', new Set(), new ReplayRing(65_536, new ReplayBudget(65_536)));
    const session = requests.ofSession(threadId, fanOut, (...args) => passedOn.push([threadId, ...args]));
    return { fanOut, session };
  }
  /** The code of what its sender is told about it, or null. */
  function respond(id: unknown, response: object, by = client): string | null {
    let told: string | null = null;
    requests.answer(by, 'name', id, response, ({ code }) => (told = code));
    return told;
  }
  const answer = (id: unknown, decision: unknown = 'accept', by = client) => respond(id, { result: { decision } }, by);

  it('counts the questions of all conversations together, from 0', () => {
    const [one, other] = [open('one'), open('other')];
    for (const { fanOut } of [one, other]) fanOut.add(client, true);
    for (const session of [one.session, other.session, one.session]) session.open(question(7));
    expect(client.heard).to.deep.equal([`${QUESTION} #0`, `${QUESTION} #1`, `${QUESTION} #2`]);
  });

  it('asks all subscribers but those who look on, and tells all when it is closed', () => {
    const { fanOut, session } = open();
    const looker = new Client();
    fanOut.add(client, true);
    fanOut.add(looker);
    session.open(question(1));
    session.close(1, true);
    session.close(1, true);
    expect([client.heard, looker.heard]).to.deep.equal([[ASKED, RESOLVED], [RESOLVED]]);
  });

  it('passes the first answer on, checked and without what nobody knows, and says so to the others', () => {
    const { fanOut, session } = open();
    const second = new Client();
    for (const each of [client, second]) fanOut.add(each, true);
    session.open(question(5));
    const given = { decision: 'accept', mood: 'good' };
    expect(respond(0, { result: given })).to.equal(null);
    expect([answer(0, 'decline', second), answer(0)]).to.deep.equal([
      'server_request_not_pending',
      'server_request_not_pending',
    ]);
    expect(passedOn).to.deep.equal([['t', 5, { type: 'result', result: { decision: 'accept' } }, 'name']]);
  });

  it('takes an error, and what is no answer, for a refusal', () => {
    const { fanOut, session } = open();
    fanOut.add(client, true);
    for (const key of [1, 2, 3]) session.open(question(key));
    expect(respond(0, { error: { code: 1, message: 'not today' } })).to.equal(null);
    expect([
      answer(1, 'perhaps'),
      answer(2, { acceptWithExecpolicyAmendment: { execpolicy_amendment: [] } }),
    ]).to.deep.equal(['server_answer_invalid', 'server_answer_invalid']);
    expect(passedOn.map((args: any) => [args[1], args[2].type])).to.deep.equal([
      [1, 'refused'],
      [2, 'refused'],
      [3, 'refused'],
    ]);
  });

  it('takes no answer of one who is not asked', () => {
    const { fanOut, session } = open();
    const looker = new Client();
    fanOut.add(client, true);
    fanOut.add(looker);
    session.open(question(1));
    expect([answer(0, 'accept', looker), answer(0, 'accept', new Client())]).to.deep.equal([
      'server_request_not_yours',
      'server_request_not_yours',
    ]);
    fanOut.remove(client);
    expect([answer(0), passedOn]).to.deep.equal(['server_request_not_yours', []]);
  });

  it('takes no answer to what is not asked, or not any more, of another conversation or by another id', () => {
    const { fanOut, session } = open();
    fanOut.add(client, true);
    session.open(question(1));
    session.close(1, true);
    session.open(question(1));
    expect([0, 2, -1, '1', 1.5, null].map((id) => answer(id))).to.deep.equal(
      Array(6).fill('server_request_not_pending'),
    );
    expect(passedOn).to.deep.equal([]);
    expect(answer(1)).to.equal(null);
  });

  it('closes all when their session is over', () => {
    const { fanOut, session } = open();
    fanOut.add(client, true);
    for (const key of [1, 2]) session.open(question(key));
    answer(1);
    session.closeAll();
    expect(client.heard.slice(2)).to.deep.equal([RESOLVED, 'serverRequest/resolved 1']);
    expect(answer(0)).to.equal('server_request_not_pending');
  });

  it('tells whose answer was overtaken by the end of the turn', () => {
    const { fanOut, session } = open();
    fanOut.add(client, true);
    for (const key of [1, 2, 3]) session.open(question(key));
    const told: string[] = [];
    for (const [id, decision] of [
      [0, 'accept'],
      [1, 'accept'],
      [2, 'perhaps'],
    ] as const) {
      requests.answer(client, 'name', id, { result: { decision } }, ({ code }) => told.push(`${id} ${code}`));
    }
    session.close(1, false);
    session.close(2, true);
    session.closeAll();
    expect(told).to.deep.equal(['2 server_answer_invalid', '0 server_request_not_pending']);
    expect(client.heard.slice(3)).to.deep.equal([RESOLVED, 'serverRequest/resolved 1', 'serverRequest/resolved 2']);
  });

  describe('tells what is open to whoever joins', () => {
    it('behind what it joins with, before what happens later', () => {
      const { fanOut, session } = open();
      session.open(question(1));
      const { cursor } = fanOut.join(client, null, true);
      session.open(question(2));
      session.close(1, true);
      fanOut.catchUp(client, cursor, null);
      expect(client.heard).to.deep.equal(['thread/goal/cleared', ASKED, `${QUESTION} #1`, RESOLVED]);
    });

    it('behind what it has missed', async () => {
      const { fanOut, session } = open();
      fanOut.publish('turn/started', { threadId: 't' });
      session.open(question(1));
      const { reattach } = fanOut.join(client, { epoch: 'e', seq: 0 }, true);
      if (reattach?.type === 'replay') await fanOut.replay(client, reattach);
      expect(client.heard).to.deep.equal(['turn/started', ASKED]);
    });

    it('once, when it was there all the time and says what it has', async () => {
      const { fanOut, session } = open();
      fanOut.add(client, true);
      session.open(question(1));
      const { reattach } = fanOut.join(client, fanOut.cursor, true);
      if (reattach?.type === 'current') await fanOut.replay(client, reattach);
      expect(client.heard).to.deep.equal([ASKED]);
    });

    it('when it had only looked on until then', async () => {
      const { fanOut, session } = open();
      fanOut.add(client);
      session.open(question(1));
      const { reattach } = fanOut.join(client, fanOut.cursor, true);
      if (reattach?.type === 'current') await fanOut.replay(client, reattach);
      expect(client.heard).to.deep.equal([ASKED]);
      expect(answer(0)).to.equal(null);
    });

    it('but to nobody who looks on', () => {
      const { fanOut, session } = open();
      session.open(question(1));
      const { cursor } = fanOut.join(client, null);
      fanOut.catchUp(client, cursor, null);
      expect(client.heard).to.deep.equal(['thread/goal/cleared']);
    });
  });
});
