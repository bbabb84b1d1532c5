import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { OutgoingFrame } from '../../src/registry/subscription.js';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { WorkerWatch } from './worker-watch.js';

const GRANULAR = {
  granular: {
    sandbox_approval: true,
    rules: false,
    skill_approval: false,
    request_permissions: true,
    mcp_elicitations: true,
  },
};
const WRITE = {
  type: 'workspaceWrite',
  writableRoots: ['/tmp/root'],
  networkAccess: false,
  excludeTmpdirEnvVar: true,
  excludeSlashTmp: false,
};

/** What a turn asks for, and what is effective from then on. */
const OVERRIDES: Record<string, [asked: Record<string, unknown>, effective: Record<string, unknown>]> = {
  'a model and an effort': [
    { model: 'gpt-other', effort: 'high' },
    { model: 'gpt-other', reasoningEffort: 'high' },
  ],
  'a narrow sandbox': [
    { sandboxPolicy: { type: 'readOnly' } },
    { sandbox: { type: 'readOnly', networkAccess: false } },
  ],
  'a sandbox with roots': [
    { sandboxPolicy: WRITE, approvalPolicy: 'on-request' },
    { sandbox: WRITE, approvalPolicy: 'on-request' },
  ],
  'a sandbox that says no more than its kind': [
    { sandboxPolicy: { type: 'workspaceWrite' } },
    { sandbox: { ...WRITE, writableRoots: [], excludeTmpdirEnvVar: false } },
  ],
  "another's sandbox": [
    { sandboxPolicy: { type: 'externalSandbox' } },
    { sandbox: { type: 'externalSandbox', networkAccess: 'restricted' } },
  ],
  'approvals one by one': [{ approvalPolicy: GRANULAR }, { approvalPolicy: GRANULAR }],
  'approvals for all': [{ approvalPolicy: 'untrusted' }, { approvalPolicy: 'untrusted' }],
  'a folder': [{ cwd: '/tmp' }, { cwd: '/tmp', runtimeWorkspaceRoots: ['/tmp'] }],
};

describe('settings that a turn changes', () => {
  let watch: WorkerWatch;
  let rig: DaemonRig;
  let client: CheckedClient;
  before(async () => {
    watch = new WorkerWatch();
    rig = await DaemonRig.start();
  });
  beforeEach(async () => {
    client = await rig.client();
  });
  after(async () => {
    await rig.close();
    watch.stop();
  });

  const fileOf = (threadId: string): string => rig.rolloutFiles().find((file) => file.includes(threadId))!;

  /** Starts a turn with these settings, in an idle conversation or as words into one that runs; resolves at its end. */
  async function change(threadId: string, asked: Record<string, unknown>, steering: boolean): Promise<void> {
    if (!steering) {
      await (
        await client.startTurn(threadId, 'change', asked)
      ).done;
      return;
    }
    const { done } = await client.startTurn(threadId, 'hang');
    await client.notification(
      'item/agentMessage/delta',
      (params) => params['threadId'] === threadId && params['delta'] === 'hanging',
    );
    await client.call('turn/start', { threadId, input: [{ type: 'text', text: 'change' }], ...asked });
    expect((await done).status).to.equal('completed');
  }

  function effectiveOf(result: any): Record<string, unknown> {
    const { model, reasoningEffort, approvalPolicy, sandbox, cwd, runtimeWorkspaceRoots } = result;
    return { model, reasoningEffort, approvalPolicy, sandbox, cwd, runtimeWorkspaceRoots };
  }

  for (const steering of [false, true]) {
    const how = steering ? 'by words into a running turn' : 'at its start';
    describe(how, () => {
      for (const [what, [asked, effective]] of Object.entries(OVERRIDES)) {
        it(`to ${what} are told, recorded, and the same when it is loaded again`, async () => {
          const started = await client.call('thread/start', { cwd: rig.home.workspace });
          const threadId = started.thread.id as string;
          const expected = { ...effectiveOf(started), ...effective };
          await change(threadId, asked, steering);

          const told = client.notificationsOf(threadId).filter(({ method }) => method === 'thread/settings/updated');
          const [settings] = told.map(({ params }) => params!['threadSettings']);
          expect(told).to.have.length(1);
          expect({
            model: settings.model,
            reasoningEffort: settings.effort,
            approvalPolicy: settings.approvalPolicy,
            sandbox: settings.sandboxPolicy,
            cwd: settings.cwd,
            runtimeWorkspaceRoots: settings.environments[0].runtimeWorkspaceRoots,
          }).to.deep.equal(expected);
          const applied = readLines(fileOf(threadId)).filter(
            ({ payload }) => payload.type === 'thread_settings_applied',
          );
          expect(applied.at(-1)!['payload'].thread_settings).to.deep.include({
            model: expected.model,
            approval_policy: expected.approvalPolicy,
            cwd: expected.cwd,
          });
          const attached = await client.call('thread/resume', { threadId });
          expect(effectiveOf(attached)).to.deep.equal(expected);

          await rig.daemon.registry.removeConversation(threadId);
          client = await rig.client();
          const resumed = await client.call('thread/resume', { threadId });
          expect(effectiveOf(resumed)).to.deep.equal(expected);
          await client.runTurn(threadId, 'again');
          expect(rig.model.requests.at(-1)!.body).to.deep.include({ model: expected.model });
          const context = readLines(fileOf(threadId)).findLast(({ type }) => type === 'turn_context')!['payload'];
          expect([context.model, context.approval_policy, context.cwd]).to.deep.equal([
            expected.model,
            expected.approvalPolicy,
            expected.cwd,
          ]);
          expect(client.received.map(({ method }) => method)).to.not.include('thread/settings/updated');
        });
      }

      it('are the same after a restart of the daemon, with other settings in its files', async () => {
        const threadId = await client.startThread({ cwd: rig.home.workspace, sandbox: 'workspace-write' });
        const asked = { model: 'gpt-other', sandboxPolicy: { type: 'readOnly' }, approvalPolicy: 'untrusted' };
        await change(threadId, asked, steering);
        await rig.restart();
        client = await rig.client();
        // The files of the home are wider: no sandbox, no questions.
        const { model, sandbox, approvalPolicy } = await client.call('thread/resume', { threadId });
        expect({ model, sandbox, approvalPolicy }).to.deep.equal({
          model: 'gpt-other',
          sandbox: { type: 'readOnly', networkAccess: false },
          approvalPolicy: 'untrusted',
        });
      });

      it('are in the file before anybody is told of them', async () => {
        const threadId = await client.startThread();
        await client.runTurn(threadId, 'hello');
        const file = fileOf(threadId);
        const recorded: boolean[] = [];
        const subscriber = {
          whenReady: () => null,
          deliver({ method }: OutgoingFrame): void {
            if (method !== 'thread/settings/updated') return;
            const text = readFileSync(file, 'utf8');
            recorded.push(/"thread_settings_applied".*"gpt-new"/.test(text) && /"turn_context".*"gpt-new"/.test(text));
          },
        };
        rig.daemon.registry.getConversation(threadId).addSubscriber(subscriber);
        if (steering) {
          await client.startTurn(threadId, 'hang');
          await client.notification('item/agentMessage/delta', ({ delta }) => delta === 'hanging');
        }
        const done = client.notification('turn/completed', ({ turn }) => turn.items[0]?.text === 'echo: change');
        // Nothing can be written until another writer has started: what is told too early is told meanwhile.
        await watch.kill(rig.daemon.threads().writer!);
        const input = [{ type: 'text', text: 'change' }];
        await client.call('turn/start', { threadId, input, model: 'gpt-new' });
        await done;
        rig.daemon.registry.getConversation(threadId).removeSubscriber(subscriber);
        expect(recorded).to.deep.equal([true]);
      });
    });
  }
});
