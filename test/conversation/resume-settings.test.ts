import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';

const WIDE_FLAGS = [
  'sandbox_mode=danger-full-access',
  'approval_policy=never',
  'model=gpt-flag',
  'model_reasoning_effort=low',
  'sandbox_workspace_write.network_access=true',
];

/** As a thread/start or thread/resume answers them. */
function effectiveOf(result: any): Record<string, unknown> {
  const { model, modelProvider, reasoningEffort, approvalPolicy, sandbox, cwd, runtimeWorkspaceRoots } = result;
  return { model, modelProvider, reasoningEffort, approvalPolicy, sandbox, cwd, runtimeWorkspaceRoots };
}

describe('a resume, warm and cold', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start({ configOverrides: WIDE_FLAGS });
    client = await rig.client();
  });
  afterEach(() => rig.close());

  const asked = () => ({
    cwd: rig.home.workspace,
    model: 'gpt-asked',
    sandbox: 'workspace-write',
    approvalPolicy: 'untrusted',
    config: { model_reasoning_effort: 'high', 'sandbox_workspace_write.network_access': false },
  });

  it('has the settings that the conversation had, whatever the command line of the daemon says', async () => {
    const started = effectiveOf(await client.call('thread/start', asked()));
    expect(started).to.deep.include({
      model: 'gpt-asked',
      reasoningEffort: 'high',
      approvalPolicy: 'untrusted',
      sandbox: {
        type: 'workspaceWrite',
        writableRoots: [],
        networkAccess: false,
        excludeTmpdirEnvVar: false,
        excludeSlashTmp: false,
      },
    });
    const [threadId] = rig.daemon.registry.loadedIds();
    await client.runTurn(threadId!, 'hello');
    const warm = effectiveOf(await client.call('thread/resume', { threadId }));
    await rig.daemon.registry.removeConversation(threadId!);
    const cold = effectiveOf(await client.call('thread/resume', { threadId }));
    await rig.restart({ configOverrides: [...WIDE_FLAGS, 'model_provider=offline'] });
    writeFileSync(join(rig.home.path, 'rolloutd', 'config.toml'), 'sandbox_workspace_write.writable_roots = ["/"]\n');
    client = await rig.client();
    const restarted = effectiveOf(await client.call('thread/resume', { threadId }));
    expect({ warm, cold, restarted }).to.deep.equal({ warm: started, cold: started, restarted: started });
    await client.runTurn(threadId!, 'again');
    expect(rig.model.requests.at(-1)!.body).to.deep.include({ model: 'gpt-asked' });
  });

  it('says in its answer what holds: of a cold one what it asked for, of a warm one what there was', async () => {
    const wish = { model: 'gpt-wish', sandbox: 'read-only', approvalPolicy: 'on-request' };
    const started = effectiveOf(await client.call('thread/start', asked()));
    const [threadId] = rig.daemon.registry.loadedIds();
    await client.runTurn(threadId!, 'hello');
    const warm = effectiveOf(await client.call('thread/resume', { threadId, ...wish }));
    await rig.daemon.registry.removeConversation(threadId!);
    const cold = effectiveOf(await client.call('thread/resume', { threadId, ...wish }));
    const { sandbox: _, ...rest } = wish;
    expect({ warm, cold }).to.deep.equal({
      warm: started,
      cold: { ...started, ...rest, sandbox: { type: 'readOnly', networkAccess: false } },
    });
  });

  it('warns when it goes on with another model than it was recorded with', async () => {
    const { thread } = await client.call('thread/start', asked());
    await client.runTurn(thread.id, 'hello');
    await rig.daemon.registry.removeConversation(thread.id);
    const warnings = () => client.received.filter(({ method }) => method === 'warning').map(({ params }) => params);
    await client.call('thread/resume', { threadId: thread.id });
    expect(warnings()).to.deep.equal([]);
    await client.call('thread/unsubscribe', { threadId: thread.id });
    await client.call('thread/resume', { threadId: thread.id, model: 'gpt-wish' });
    await rig.daemon.registry.removeConversation(thread.id);
    await client.call('thread/resume', { threadId: thread.id, model: 'gpt-third' });
    const goesOn = (from: string, to: string) => ({
      threadId: thread.id,
      message: `this conversation was recorded with the model \`${from}\` and goes on with \`${to}\``,
    });
    expect(warnings()).to.deep.equal([goesOn('gpt-asked', 'gpt-wish'), goesOn('gpt-wish', 'gpt-third')]);
  });

  it('of a conversation that nobody watches does the same as of one that was unloaded', async () => {
    const wish = { sandbox: 'workspace-write', config: { 'sandbox_workspace_write.exclude_slash_tmp': true } };
    const { thread, ...started } = await client.call('thread/start', asked());
    await client.runTurn(thread.id, 'hello');
    await client.call('thread/unsubscribe', { threadId: thread.id });
    const warm = effectiveOf(await client.call('thread/resume', { threadId: thread.id, ...wish }));
    await rig.daemon.registry.removeConversation(thread.id);
    const cold = effectiveOf(await client.call('thread/resume', { threadId: thread.id, ...wish }));
    const expected = { ...effectiveOf(started), sandbox: { ...started.sandbox, excludeSlashTmp: true } };
    expect({ warm, cold }).to.deep.equal({ warm: expected, cold: expected });
  });
});
