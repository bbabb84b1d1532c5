import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { namesOf } from './wire-story.js';

describe('what a client asks at its start', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  before(async () => {
    rig = await DaemonRig.start();
  });
  beforeEach(async () => {
    client = await rig.client({ name: 'asker' });
  });
  after(() => rig.close());

  it('initialize says who serves, and one notification follows', async () => {
    const [reply, next] = client.received;
    const { userAgent, ...rest } = reply!.result;
    expect(userAgent).to.match(/^rolloutd-\d+\.\d+\.\d+ \(.+\) asker\/0$/);
    expect(rest).to.deep.equal({ codexHome: rig.home.path, platformFamily: 'unix', platformOs: process.platform });
    await client.call('account/read', {});
    expect([next!.method, next!.params!['status']]).to.deep.equal(['remoteControl/status/changed', 'disabled']);
    expect(namesOf(client.received)).to.deep.equal(['reply 1', 'remoteControl/status/changed', 'reply 2']);
  });

  it('model/list has the configured model first, and the built-in one, by pages', async () => {
    const first = await client.call('model/list', { limit: 1 });
    const second = await client.call('model/list', { cursor: first.nextCursor });
    expect([...first.data, ...second.data].map(({ id, isDefault }: any) => [id, isDefault])).to.deep.equal([
      ['gpt-5.5', true],
      ['offline', false],
    ]);
    expect(second.nextCursor).to.equal(null);
  });

  it('account/read, skills/list and configRequirements/read say that there is nothing', async () => {
    expect((await client.call('account/read', {})).account).to.equal(null);
    expect((await client.call('configRequirements/read')).requirements).to.equal(null);
    expect((await client.call('skills/list', { cwds: ['/a'] })).data).to.deep.equal([
      { cwd: '/a', skills: [], errors: [] },
    ]);
  });

  it('config/read tells the effective values and where they come from', async () => {
    const { config, origins } = await client.call('config/read', { includeLayers: true });
    expect([config.model, config.model_provider, config.approval_policy]).to.deep.equal(['gpt-5.5', 'mock', 'never']);
    expect(origins.model.name).to.deep.include({ type: 'user', file: join(rig.home.path, 'config.toml') });
  });

  it('thread/start follows the configuration as it is at that moment', async () => {
    const file = join(rig.home.path, 'config.toml');
    const text = readFileSync(file, 'utf8');
    const models: string[] = [];
    for (const model of ['gpt-5.5', 'gpt-changed']) {
      writeFileSync(file, text.replace('model = "gpt-5.5"', `model = "${model}"`));
      models.push((await client.call('thread/start', {})).model);
    }
    writeFileSync(file, 'model = 5\n');
    const refused = await client.ask('thread/start', {});
    writeFileSync(file, text);
    expect([models, refused.error?.data.reason]).to.deep.equal([['gpt-5.5', 'gpt-changed'], 'config_invalid']);
    expect(refused.error?.message).to.contain(`${file}:1`);
  });

  it('thread/start takes what the request asks for, and says what holds', async () => {
    const result = await client.call('thread/start', {
      cwd: rig.home.workspace,
      model: 'gpt-asked',
      approvalPolicy: 'on-request',
      sandbox: 'workspace-write',
      config: { model_reasoning_effort: 'high' },
    });
    expect([
      result.cwd,
      result.model,
      result.modelProvider,
      result.approvalPolicy,
      result.sandbox.type,
      result.reasoningEffort,
      result.thread.cwd,
      result.thread.status,
      result.thread.originator,
    ]).to.deep.equal([
      rig.home.workspace,
      'gpt-asked',
      'mock',
      'on-request',
      'workspaceWrite',
      'high',
      rig.home.workspace,
      { type: 'idle' },
      'asker',
    ]);
  });

  it('thread/list and thread/loaded/list show by pages what there is, with the state that it is in', async () => {
    const ids: string[] = [];
    for (const text of ['first', 'second', 'third']) {
      const threadId = await client.startThread();
      await client.runTurn(threadId, text);
      ids.push(threadId);
    }
    const { turnId } = await client.startTurn(ids[1]!, 'hang');
    await client.notification('item/agentMessage/delta', (params) => params['turnId'] === turnId);
    await rig.daemon.registry.removeConversation(ids[0]!);
    const rows: [string, string, string][] = [];
    let cursor: string | null = null;
    do {
      const page: any = await client.call('thread/list', { cursor, limit: 1 });
      expect(page.data).to.have.length(1);
      for (const { id, preview, status, turns } of page.data) {
        expect(turns).to.deep.equal([]);
        rows.push([id, preview, status.type]);
      }
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(rows).to.deep.equal([
      [ids[2], 'third', 'idle'],
      [ids[1], 'second', 'active'],
      [ids[0], 'first', 'notLoaded'],
    ]);
    const loaded: string[] = [];
    do {
      const page: any = await client.call('thread/loaded/list', { cursor, limit: 2 });
      loaded.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(loaded).to.deep.equal(loaded.toSorted());
    expect(loaded).to.include.members(ids.slice(1)).and.not.include(ids[0]);
    await client.call('turn/interrupt', { threadId: ids[1], turnId });
  });

  it('too much at once gets the rest refused as overloaded, at once, and the first answered', async () => {
    const replies = await Promise.all(Array.from({ length: 4000 }, () => client.ask('thread/list', { limit: 1 })));
    const refused = replies.filter(({ error }) => error !== undefined);
    expect(replies.length - refused.length).to.be.at.least(1024);
    expect(refused.length).to.be.greaterThan(0);
    expect(new Set(refused.map(({ error }) => error!.code))).to.deep.equal(new Set([-32001]));
  });

  it('requests of one conversation wait for the one before, though it has to be loaded first', async () => {
    const owner = await rig.client();
    const threadId = await owner.startThread();
    await owner.runTurn(threadId, 'one');
    await rig.daemon.registry.removeConversation(threadId);
    const input = [{ type: 'text', text: 'two' }];
    const [resumed, started, left, again] = await Promise.all([
      client.ask('thread/resume', { threadId }),
      client.ask('turn/start', { threadId, input }),
      client.ask('thread/unsubscribe', { threadId }),
      client.ask('thread/unsubscribe', { threadId }),
    ]);
    expect(resumed.result.thread.turns).to.have.length(1);
    expect(started.result.turn.status).to.equal('inProgress');
    expect([left.result.status, again.result.status]).to.deep.equal(['unsubscribed', 'notSubscribed']);
  });
});
