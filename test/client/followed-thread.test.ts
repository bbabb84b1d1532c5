import { expect } from 'chai';
import { FollowedThread } from '../../src/client/followed-thread.js';
import { connect } from '../../src/client/rpc-client.js';
import type { RpcClient, ServerNotification } from '../../src/client/rpc-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { WireProxy } from '../support/wire-proxy.js';

describe('FollowedThread', () => {
  let rig: DaemonRig;
  let proxy: WireProxy;
  let threads: FollowedThread[];
  beforeEach(async () => {
    threads = [];
    proxy = await WireProxy.start();
    rig = await DaemonRig.start({ configOverrides: [`allowed_hosts=["${new URL(proxy.url).host}"]`] });
    proxy.setTarget(rig.daemon.url);
  });
  afterEach(async () => {
    await Promise.all(threads.map((thread) => thread.close()));
    await proxy.close();
    await rig.close();
  });

  const open = (): Promise<RpcClient> =>
    connect({ url: proxy.url, token: rig.token, clientInfo: { name: 'follower', version: '1' } });

  async function follow(
    threadId: string,
    patienceMs: number,
    onHeard: (heard: ServerNotification[]) => void,
    onResync: () => void = () => undefined,
  ) {
    const client = await open();
    const { eventsCursor } = await client.request('thread/resume', { threadId, excludeTurns: true });
    const heard: ServerNotification[] = [];
    const resyncs: unknown[] = [];
    let losses = 0;
    const thread = new FollowedThread(client, {
      threadId,
      cursor: eventsCursor,
      isNew: false,
      patienceMs,
      connect: open,
      onNotification: (notification) => {
        heard.push(notification);
        onHeard(heard);
      },
      onLost: () => (losses += 1),
      onResync: ({ reattach }) => {
        resyncs.push(reattach);
        onResync();
      },
    });
    threads.push(thread);
    return { thread, heard, resyncs, from: eventsCursor.seq, losses: () => losses };
  }

  it('brings everything once and in order, whenever the connection breaks', async () => {
    const witness = await rig.client();
    const threadId = await witness.startThread();
    let next = 7;
    let settle!: () => void;
    const over = new Promise<void>((resolve) => (settle = resolve));
    const followed = await follow(threadId, 10_000, (heard) => {
      if (heard.length >= next) {
        next += 10 + (next % 37);
        proxy.breakAll();
      }
      if (heard.filter(({ method }) => method === 'turn/completed').length === 2) settle();
    });
    await witness.runTurn(threadId, 'deltas 300 16 1');
    await witness.runTurn(threadId, 'reason');
    await over;
    const seen = witness.received.filter(({ seq }) => seq !== undefined && seq > followed.from);
    expect(followed.heard).to.deep.equal(seen);
    expect(followed.losses()).to.be.greaterThan(1);
    expect(followed.resyncs).to.deep.equal([]);
  });

  it('is told again what runs when the connection broke right behind the reply that subscribed', async () => {
    const witness = await rig.client();
    const threadId = await witness.startThread();
    const { turnId } = await witness.startTurn(threadId, 'hang');
    const { params } = await witness.notification('item/agentMessage/delta', (told) => told['turnId'] === turnId);
    let resync!: () => void;
    const resynced = new Promise<void>((resolve) => (resync = resolve));
    let settle!: () => void;
    const started = new Promise<void>((resolve) => (settle = resolve));
    const onHeard = (heard: ServerNotification[]): void => {
      if (heard.at(-1)!.method === 'item/started') settle();
    };
    const followed = await follow(threadId, 10_000, onHeard, resync);
    // As if what follows the reply had not come: whoever hears of nothing new has to ask anew.
    followed.heard.length = 0;
    proxy.breakAll();
    await resynced;
    await started;
    expect(followed.resyncs).to.deep.equal([undefined]);
    const told = followed.heard.find(({ method }) => method === 'item/started')!.params as { item: { id: string } };
    expect(told.item.id).to.equal(params!['itemId']);
  });

  it('says when another daemon answers, and follows on', async () => {
    const witness = await rig.client();
    const threadId = await witness.startThread();
    await witness.runTurn(threadId, 'one');
    let settle!: () => void;
    const over = new Promise<void>((resolve) => (settle = resolve));
    let resync!: () => void;
    const resynced = new Promise<void>((resolve) => (resync = resolve));
    const onHeard = (heard: ServerNotification[]): void => {
      if (heard.at(-1)!.method === 'turn/completed') settle();
    };
    const followed = await follow(threadId, 10_000, onHeard, resync);
    proxy.setTarget(null);
    await rig.restart();
    proxy.setTarget(rig.daemon.url);
    await resynced;
    await (await rig.client()).startTurn(threadId, 'two');
    await over;
    expect(followed.resyncs).to.deep.equal([{ type: 'resync', reason: 'epoch_changed' }]);
  });

  it('gives up when it cannot connect for too long', async () => {
    const witness = await rig.client();
    const threadId = await witness.startThread();
    await witness.runTurn(threadId, 'one');
    const { thread } = await follow(threadId, 200, () => undefined);
    proxy.setTarget(null);
    proxy.breakAll();
    const failure = await thread.failed.catch((error: unknown) => error);
    expect(failure).to.include({ kind: 'closed', code: 1006 });
    expect(await thread.client().catch((error: unknown) => error)).to.equal(failure);
  });
});
