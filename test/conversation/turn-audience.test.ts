import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonRig } from '../support/daemon-rig.js';
import { agentTexts, conversationTexts, namesOf, sinceReply } from './wire-story.js';

describe('a turn, seen by its clients', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
  });
  after(() => rig.close());

  it('leaves out the notifications that a client does not want, by exact name, and numbers them all the same', async () => {
    const optOut = ['item/agentMessage/delta', 'turn/started', 'item'];
    const client = await rig.client({ optOut });
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'hello');
    const got = sinceReply(client, 2).slice(1);
    expect(namesOf(got).filter((name) => optOut.includes(name))).to.deep.equal([]);
    expect(namesOf(got).filter((name) => name === 'item/started')).to.have.length(2);
    const seqs = got.flatMap(({ seq }) => seq ?? []);
    expect(seqs.at(-1)! - seqs[0]! + 1 - seqs.length, 'one turn/started and two deltas').to.equal(3);
  });

  it('leaves nothing on disk in an ephemeral thread, which no list shows', async () => {
    const client = await rig.client();
    const { thread } = await client.call('thread/start', { ephemeral: true });
    expect([thread.ephemeral, thread.path]).to.deep.equal([true, null]);
    const done = await client.runTurn(thread.id, 'remember me');
    expect([done.status, agentTexts(done)]).to.deep.equal(['completed', ['echo: remember me']]);
    await client.runTurn(thread.id, 'again');
    expect(conversationTexts(rig.model.requests.at(-1)!.input)).to.deep.equal([
      'remember me',
      'echo: remember me',
      'again',
    ]);
    const { data } = await client.call('thread/list', {});
    expect(data.map(({ id }: { id: string }) => id)).to.not.include(thread.id);
    expect(rig.rolloutFiles().filter((file) => file.includes(thread.id))).to.deep.equal([]);
    expect(existsSync(join(rig.home.path, 'rolloutd', 'journal', `${thread.id}.jsonl`))).to.equal(false);
    const refused = await client.ask('thread/read', { threadId: thread.id, includeTurns: true });
    expect(refused.error?.data.reason).to.equal('history_not_materialized');
  });

  it('may be started by a client that is not subscribed, who then hears of the status alone', async () => {
    const [subscriber, other] = [await rig.client(), await rig.client()];
    const threadId = await subscriber.startThread();
    const from = other.received.length;
    const { result } = await other.ask('turn/start', { threadId, input: [{ type: 'text', text: 'hello' }] });
    const idle = (params: Record<string, any>): boolean => params['status'].type === 'idle';
    await other.notification('thread/status/changed', (params) => params['threadId'] === threadId && idle(params));
    await subscriber.notification('turn/completed', (params) => params['turn'].id === result.turn.id);
    const heard = other.received.slice(from).filter(({ method }) => method !== 'thread/started');
    expect(namesOf(heard)).to.deep.equal(['reply 2', 'thread/status/changed', 'thread/status/changed']);
    expect(namesOf(subscriber.notificationsOf(threadId))).to.include.members(['turn/started', 'turn/completed']);
  });

  it('is no longer heard by a client that unsubscribed', async () => {
    const [subscriber, other] = [await rig.client(), await rig.client()];
    const threadId = await subscriber.startThread();
    const unsubscribe = async (client: typeof other): Promise<string> =>
      (await client.call('thread/unsubscribe', { threadId })).status;
    await other.call('thread/resume', { threadId });
    const statuses = [await unsubscribe(other), await unsubscribe(other)];
    const from = other.received.length;
    const idle = other.next(
      ({ method, params }) => method === 'thread/status/changed' && params?.['status'].type === 'idle',
    );
    await subscriber.runTurn(threadId, 'hello');
    await idle;
    expect(statuses).to.deep.equal(['unsubscribed', 'notSubscribed']);
    expect(new Set(namesOf(other.received.slice(from)))).to.deep.equal(new Set(['thread/status/changed']));
  });

  it('takes images by their address and says of a file that is missing that it is', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const input = [
      { type: 'localImage', path: '/nowhere/picture.png' },
      { type: 'image', url: 'data:image/png;base64,AAAA' },
      { type: 'text', text: 'what is this?' },
    ];
    // The second request must not overtake the first, which has to look for a file.
    const replies = await Promise.all([
      client.call('turn/start', { threadId, input }),
      client.call('turn/start', { threadId, input: [{ type: 'text', text: 'and this?' }] }),
    ]);
    expect(replies[0].turn.id).to.equal(replies[1].turn.id);
    await client.notification('turn/completed');
    const seen = rig.model.requests
      .at(-1)!
      .input.filter(({ role }) => role === 'user')
      .slice(1)
      .map((item) => (item['content'] as any[]).map((part) => part.text ?? part.image_url));
    expect(seen[0]![0]).to.match(/^\[image \/nowhere\/picture\.png could not be read: ENOENT/);
    expect([seen[0]!.slice(1), seen[1]]).to.deep.equal([
      ['data:image/png;base64,AAAA', 'what is this?'],
      ['and this?'],
    ]);
  });
});
