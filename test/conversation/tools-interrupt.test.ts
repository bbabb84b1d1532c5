// TEST_INTERRUPTS says how many random interrupts there are, TEST_SEED which.
import { expect } from 'chai';
import fc from 'fast-check';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { checkStory, doAll, itemsTold, litterIn, outputsOf, processesLeft, scriptRounds } from './tool-story.js';
import type { Round, ToolCall } from './tool-story.js';

const RUNS = Number(process.env['TEST_INTERRUPTS'] ?? 24);
const SEED = Number(process.env['TEST_SEED'] ?? 5);
/** Conversations that are interrupted at the same time. */
const LANES = 4;
const PATCH_FILES = 40;

const sh = (cmd: string, more: object = {}): Omit<ToolCall, 'id'> => ({
  name: 'exec_command',
  args: { cmd, login: false, yield_time_ms: 20_000, ...more },
});
const addFiles = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => [`*** Add File: ${index}.txt`, `+${'x'.repeat(2000)}`]).flat();
const patch = (...lines: string[]): Omit<ToolCall, 'id'> => ({
  name: 'apply_patch',
  input: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n'),
});

const TOOLS: Record<string, Omit<ToolCall, 'id'>> = {
  quick: sh('echo quick'),
  sleeps: sh('sleep 300'),
  deaf: sh('trap "" TERM INT HUP; echo deaf; sleep 300'),
  detached: sh(
    'setsid sleep 300 & nohup sleep 300 >/dev/null 2>&1 & (setsid sh -c "trap \\"\\" TERM; sleep 300" &); sleep 300',
  ),
  holdsOutput: sh('sleep 300 & echo ended'),
  background: sh('sleep 300', { yield_time_ms: 250 }),
  chatty: sh('while :; do echo words and words and words; done'),
  terminal: sh('cat', { tty: true }),
  sandboxed: sh('sleep 300 & sleep 300'),
  old: { name: 'shell', args: { command: ['sleep', '300'] } },
  patchesMany: patch(...addFiles(PATCH_FILES)),
  patchesOne: patch('*** Update File: there.txt', '@@', '-there', '+changed'),
  noPatch: patch('*** Delete File: nowhere.txt'),
  unknown: { name: 'no_such_tool', args: {} },
  asks: {
    name: 'request_user_input',
    args: { questions: [{ id: 'q', header: 'h', question: '?', options: [{ label: 'a', description: 'b' }] }] },
  },
};

interface Case {
  rounds: string[][];
  isAsked: boolean;
  isSandboxed: boolean;
  /** Of the notifications that the turn brings, the one behind which it is interrupted, so many milliseconds later. */
  behind: number;
  delayMs: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  rounds: fc.array(fc.array(fc.constantFrom(...Object.keys(TOOLS)), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 2,
  }),
  isAsked: fc.boolean(),
  isSandboxed: fc.boolean(),
  behind: fc.nat(14),
  delayMs: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(400)),
});

describe('an interrupt of a turn with tools', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  const formerTmp = process.env['TMPDIR'];
  before(async () => {
    rig = await DaemonRig.start();
    scriptRounds(rig.model);
    process.env['TMPDIR'] = join(rig.home.root, 'tmp');
    mkdirSync(process.env['TMPDIR']);
    client = await rig.client();
  });
  after(async () => {
    if (formerTmp === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = formerTmp;
    await rig.close();
  });

  let folders = 0;
  function makeFolder(): string {
    const cwd = join(rig.home.workspace, String((folders += 1)));
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'there.txt'), 'there\n');
    return cwd;
  }
  const fileOf = (id: string): string => rig.rolloutFiles().find((name) => name.includes(id))!;

  /** All is as if nothing had been started, and the conversation goes on. */
  async function checkAfter(threadId: string, cwd: string): Promise<void> {
    await checkStory(client, threadId, fileOf(threadId), { silent, mayOutlive: true });
    expect(await processesLeft(threadId, 10_000), 'processes').to.deep.equal([]);
    expect(litterIn(cwd), 'temporary files').to.deep.equal([]);
    const turn = await client.runTurn(threadId, 'are you there?');
    expect([turn.status, turn.items[0]?.text]).to.deep.equal(['completed', 'echo: are you there?']);
    const request = rig.model.requests.findLast(({ cacheKey }) => cacheKey === threadId)!;
    const calls = request.input.filter(({ type }) => type === 'function_call' || type === 'custom_tool_call');
    expect(Object.keys(outputsOf(request))).to.have.members(calls.map(({ call_id }) => call_id));
  }
  const silent: string[] = [];

  it('comes before its calls run: none of them does', async () => {
    const cwd = makeFolder();
    const threadId = await client.startThread({ cwd });
    rig.model.script(async (request, reply) => {
      if (request.lastUserText !== 'call and hang') return false;
      reply.create();
      reply.functionCall('exec_command', '{"cmd":"touch made"}', 'early');
      const id = reply.startMessage();
      reply.delta('and');
      expect(id).to.be.a('string');
      await reply.closed;
      return undefined;
    });
    const { turnId, done } = await client.startTurn(threadId, 'call and hang');
    await client.notification('item/agentMessage/delta', (params) => params.turnId === turnId);
    await client.call('turn/interrupt', { threadId, turnId });
    expect((await done).status).to.equal('interrupted');
    scriptRounds(rig.model);
    expect(litterIn(cwd)).to.deep.equal([]);
    const [item] = itemsTold(client, threadId, 'item/completed').filter(({ id }) => id === 'early');
    expect(item).to.deep.include({ status: 'failed' });
    await checkAfter(threadId, cwd);
  });

  it('comes while a patch is written: what is told of it is what has become of the files', async () => {
    for (let run = 0; run < 5; run += 1) {
      const cwd = makeFolder();
      const threadId = await client.startThread({ cwd });
      const id = `patch-${run}`;
      const { turnId, done } = await client.startTurn(
        threadId,
        doAll([[{ id, ...TOOLS['patchesMany']! }], [{ id: `${id}-next`, ...TOOLS['sleeps']! }]]),
      );
      await client.notification('item/started', (params) => params.item.id === id);
      await client.call('turn/interrupt', { threadId, turnId });
      expect((await done).status).to.equal('interrupted');
      const [item] = itemsTold(client, threadId, 'item/completed').filter((each) => each.id === id);
      expect(item.status).to.equal('completed');
      expect(filesIn(cwd)).to.equal(PATCH_FILES + 1);
      await checkAfter(threadId, cwd);
    }
  }).timeout(60_000);

  it(`comes at any moment of any tools: ${RUNS} times nothing is left of them, and the next turn works`, async function () {
    this.timeout(60_000 + RUNS * 5_000);
    const drawn = fc.sample(cases, { seed: SEED, numRuns: RUNS });
    const lanes = Array.from({ length: LANES }, async () => {
      for (let next = drawn.shift(); next !== undefined; next = drawn.shift()) {
        try {
          await interruptOnce(next);
        } catch (error) {
          throw new Error(`${JSON.stringify(next)}: ${(error as Error).message}`, { cause: error });
        }
      }
    });
    await Promise.all(lanes);
    expect(readdirSync(join(rig.home.root, 'tmp')), 'temporary files').to.deep.equal([]);
  });

  async function interruptOnce({ rounds, isAsked, isSandboxed, behind, delayMs }: Case): Promise<void> {
    const cwd = makeFolder();
    const threadId = await client.startThread({
      cwd,
      approvalPolicy: isAsked ? 'untrusted' : 'never',
      sandbox: isSandboxed ? 'workspace-write' : 'danger-full-access',
    });
    let count = 0;
    const calls: Round[] = rounds.map((names) =>
      names.map((name) => ({ id: `${threadId}-${(count += 1)}-${name}`, ...TOOLS[name]! })),
    );
    silent.push(
      ...calls
        .flat()
        .filter(({ name }) => name === 'request_user_input')
        .map(({ id }) => id),
    );
    const answering = (data: Buffer): void => {
      const { id, method, params } = JSON.parse(data.toString()) as WireMessage;
      if (id === undefined || method === undefined || params?.['threadId'] !== threadId) return;
      if (method.endsWith('requestApproval')) client.answer(id, { result: { decision: 'accept' } });
    };
    client.socket.on('message', answering);
    const { turnId, done } = await client.startTurn(threadId, doAll(calls));
    await Promise.race([moment(threadId, behind), done, pause(1500)]);
    if (delayMs > 0) await pause(delayMs);
    const reply = await client.ask('turn/interrupt', { threadId, turnId });
    const turn = await done;
    client.socket.off('message', answering);
    const isOver = turn.status === 'completed' && reply.error?.message === 'no active turn to interrupt';
    expect(turn.status === 'interrupted' || isOver, `${turn.status} ${JSON.stringify(reply)}`).to.equal(true);
    if (isOver) {
      // What it left in the background ends with the next one.
      const again = await client.startTurn(threadId, 'stall');
      await client.call('turn/interrupt', { threadId, turnId: again.turnId });
      await again.done;
    }
    await checkAfter(threadId, cwd);
  }

  async function moment(threadId: string, behind: number): Promise<void> {
    while (client.notificationsOf(threadId).length < behind + 6) {
      await client.next(({ params }) => params?.['threadId'] === threadId);
    }
  }
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function filesIn(folder: string): number {
  return readdirSync(folder).length;
}
