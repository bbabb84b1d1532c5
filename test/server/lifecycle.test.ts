import { expect } from 'chai';
import { Lifecycle } from '../../src/server/lifecycle.js';
import { DaemonRig } from '../support/daemon-rig.js';

describe('the life of a daemon', () => {
  let rig: DaemonRig;

  beforeEach(async () => {
    rig = await DaemonRig.start({ configOverrides: ['shutdown_grace_secs=1'] });
  });

  afterEach(() => rig.close());

  it('is told by daemon/status', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.startThread();
    const { turnId } = await client.startTurn(threadId, 'hang');
    const { version, startedAtMs, ...rest } = await client.call('daemon/status', {});
    expect([typeof version, startedAtMs <= Date.now()]).to.deep.equal(['string', true]);
    expect(rest).to.deep.equal({
      pid: process.pid,
      stopping: false,
      clientCount: 1,
      loadedThreadCount: 2,
      runningTurnCount: 1,
      refusedRequestCount: 0,
    });
    await client.call('turn/interrupt', { threadId, turnId });
  });

  it('counts the requests that were refused because too many of one client waited', async () => {
    const [greedy, other] = [await rig.client(), await rig.client()];
    const threadId = await other.startThread();
    const { turnId } = await other.startTurn(threadId, 'hang');
    const asked = Array.from({ length: 1030 }, () => greedy.ask('daemon/drain', { timeoutMs: 60_000 }));
    const refused = await Promise.all(asked.slice(1024));
    expect(refused.map(({ error }) => error?.code)).to.deep.equal(Array.from({ length: 6 }, () => -32001));
    expect((await other.call('daemon/status', {})).refusedRequestCount).to.equal(6);
    await other.call('turn/interrupt', { threadId, turnId });
    expect((await Promise.all(asked.slice(0, 1024))).every(({ error }) => error === undefined)).to.equal(true);
  });

  it('comes to its end by daemon/drain only when nothing runs, and then takes nothing new', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const { turnId, done } = await client.startTurn(threadId, 'hang');
    expect(await client.call('daemon/drain', { timeoutMs: 0 })).to.deep.equal({ drained: false });
    // Somebody who has gone away wants it no more.
    let looks = 0;
    const lifecycle = new Lifecycle({ version: '1', registry: rig.daemon.registry, refusedRequests: () => 0 });
    expect([await lifecycle.drain(null, () => looks++ < 2), lifecycle.isStopping]).to.deep.equal([false, false]);
    const drained = client.call('daemon/drain', {});
    await client.call('turn/interrupt', { threadId, turnId });
    expect([(await done).status, await drained]).to.deep.equal(['interrupted', { drained: true }]);
    await rig.daemon.drained;
    const refused = await client.ask('turn/start', { threadId, input: [{ type: 'text', text: 'hello' }] });
    expect(refused.error).to.deep.include({ code: -32001, data: { reason: 'shutting_down' } });
    expect((await client.call('daemon/status', {})).stopping).to.equal(true);
  });

  it('ends turns as interrupted that still run when their grace is over', async () => {
    const client = await rig.client();
    const { done } = await client.startTurn(await client.startThread(), 'hang');
    const beganAt = performance.now();
    await rig.daemon.close();
    expect([(await done).status, performance.now() - beganAt >= 950]).to.deep.equal(['interrupted', true]);
  });
});
