import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { deltasText } from '../support/model-script.js';
import { agentTexts, namesOf } from './wire-story.js';

const UNKNOWN_ID = '01a206f9-78a2-7762-a467-522c6561eb91';

/** What every file of the home holds, logs aside. */
function photograph(home: string): Record<string, string> {
  const names = (readdirSync(home, { recursive: true }) as string[]).filter(
    (name) => !name.startsWith(join('rolloutd', 'logs')) && statSync(join(home, name)).isFile(),
  );
  return Object.fromEntries(
    names.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(home, name)))
        .digest('hex'),
    ]),
  );
}

describe('bad input', () => {
  let rig: DaemonRig;
  /** Has a turn that goes on all the while. */
  let bystander: CheckedClient;
  let busyThread: string;
  let busyTurn: Awaited<ReturnType<CheckedClient['startTurn']>>;
  /** Loaded and idle. */
  let threadId: string;
  let client: CheckedClient;
  let finishBusyTurn: () => void;

  before(async () => {
    rig = await DaemonRig.start();
    bystander = await rig.client();
    threadId = await bystander.startThread();
    await bystander.runTurn(threadId, 'hello');
    busyThread = await bystander.startThread();
    const released = new Promise<void>((resolve) => (finishBusyTurn = resolve));
    rig.model.script(async ({ cacheKey }, reply) => {
      if (cacheKey !== busyThread) return false;
      reply.create();
      const id = reply.startMessage();
      reply.delta(deltasText(1));
      await released;
      reply.endMessage(id, deltasText(1));
      reply.complete();
      return undefined;
    });
    busyTurn = await bystander.startTurn(busyThread, 'be busy');
    await bystander.notification('item/agentMessage/delta', (params) => params['threadId'] === busyThread);
    // The side journal of what streams comes a little later than the first word.
    await journalOf(busyThread);
  });
  beforeEach(async () => {
    client = await rig.client();
  });
  afterEach(() => client.close());
  after(async () => {
    finishBusyTurn();
    const turn = await busyTurn.done;
    await rig.close();
    expect([turn.status, agentTexts(turn)], 'the running turn was not disturbed').to.deep.equal([
      'completed',
      [deltasText(1)],
    ]);
  });

  async function journalOf(id: string): Promise<void> {
    const journal = join(rig.home.path, 'rolloutd', 'journal', `${id}.jsonl`);
    while (!existsSync(journal)) await bystander.call('thread/read', { threadId: id });
  }

  /** Sends each and returns what it got; nothing else may change: not in the home, not for the other client. */
  async function sendEach(send: () => Promise<unknown[]>): Promise<unknown[]> {
    const loaded = (await client.call('thread/loaded/list', {})).data;
    const before = photograph(rig.home.path);
    const heard = bystander.received.length;
    const answers = await send();
    // A reply to a good request shows that the connection goes on.
    expect((await client.call('thread/loaded/list', {})).data).to.deep.equal(loaded);
    expect(photograph(rig.home.path)).to.deep.equal(before);
    expect(namesOf(bystander.received.slice(heard))).to.deep.equal([]);
    return answers;
  }

  /** The next message for each frame: they are answered in order. */
  async function sendFrames(frames: readonly (string | Buffer)[]): Promise<WireMessage[]> {
    const answers: WireMessage[] = [];
    for (const frame of frames) {
      const answer = client.next(() => true);
      client.socket.send(frame);
      answers.push(await answer);
    }
    return answers;
  }

  it('that is no message gets an error on that frame', async () => {
    const frames: [string | Buffer, number, string | number | null][] = [
      ['', -32700, null],
      ['{"id":1,"method":', -32700, null],
      ['{"id":1}{"id":2}', -32700, null],
      ['\u0000', -32700, null],
      ['[]', -32600, null],
      ['[{"id":1,"method":"thread/list","params":{}}]', -32600, null],
      ['null', -32600, null],
      ['"thread/list"', -32600, null],
      ['7', -32600, null],
      [Buffer.from('{"id":1,"method":"thread/list","params":{}}'), -32600, null],
      ['{"id":null,"method":"thread/list","params":{}}', -32600, null],
      ['{"id":1.5,"method":"thread/list","params":{}}', -32600, null],
      ['{"id":9007199254740993,"method":"thread/list","params":{}}', -32600, null],
      ['{"id":{},"method":"thread/list","params":{}}', -32600, null],
      ['{"id":1,"method":5,"params":{}}', -32600, 1],
      ['{"id":"x"}', -32600, 'x'],
      ['{}', -32600, null],
    ];
    const answers = await sendEach(() => sendFrames(frames.map(([frame]) => frame)));
    expect(answers.map((answer: any) => [answer.error.code, answer.id])).to.deep.equal(
      frames.map(([, code, id]) => [code, id]),
    );
  });

  it('that asks for what there is not, or in the wrong form, gets an error that says what', async () => {
    const requests: [string, unknown, number, RegExp, string | undefined][] = [
      ['thread/fly', {}, -32601, /^method not found: thread\/fly$/, undefined],
      ['__proto__', {}, -32601, /not found/, undefined],
      ['toString', {}, -32601, /not found/, undefined],
      ['thread/list', undefined, -32602, /missing field `params`/, 'params'],
      ['thread/list', null, -32602, /missing field `params`/, 'params'],
      ['thread/list', [], -32602, /expected an object/, 'params'],
      ['thread/list', { limit: -1 }, -32602, /limit|>=|expected/, 'params.limit'],
      ['thread/list', { limit: 'ten' }, -32602, /string "ten"/, 'params.limit'],
      ['turn/start', { input: [] }, -32602, /missing field `threadId`/, 'params.threadId'],
      ['turn/start', { threadId: 5, input: [] }, -32602, /integer `5`, expected a string/, 'params.threadId'],
      ['turn/start', { threadId, input: 'hi' }, -32602, /string "hi", expected a sequence/, 'params.input'],
      [
        'turn/start',
        { threadId, input: [{ type: 'smell' }] },
        -32602,
        /unknown variant `smell`/,
        'params.input[0].type',
      ],
      ['turn/start', { threadId, input: [{ type: 'text' }] }, -32602, /missing field `text`/, 'params.input[0].text'],
      ['turn/interrupt', { threadId }, -32602, /missing field `turnId`/, 'params.turnId'],
      ['thread/start', { cwd: 5 }, -32602, /integer `5`/, 'params.cwd'],
      ['thread/start', { sandbox: 'none' }, -32602, /unknown variant `none`/, 'params.sandbox'],
    ];
    const answers = await sendEach(() => Promise.all(requests.map(([method, params]) => client.ask(method, params))));
    for (const [index, [method, params, code, message, path]] of requests.entries()) {
      const { error } = answers[index] as WireMessage;
      const what = `${method} ${JSON.stringify(params)}`;
      expect([what, error?.code, error?.data?.path]).to.deep.equal([what, code, path]);
      expect(error?.message, what).to.match(message);
    }
  });

  it('that names conversations, turns or files that are not there gets the reason', async () => {
    const text = [{ type: 'text', text: 'x' }];
    const outside = join(rig.home.root, `rollout-2026-11-23T05-43-59-${UNKNOWN_ID}.jsonl`);
    const [file] = rig.rolloutFiles();
    await writeFile(outside, readFileSync(file!));
    const requests: [string, unknown, string][] = [
      ['turn/start', { threadId: UNKNOWN_ID, input: text }, 'conversation_not_found'],
      ['turn/start', { threadId: 'no-id', input: text }, 'invalid_thread_id'],
      ['turn/start', { threadId: '../../etc', input: text }, 'invalid_thread_id'],
      ['turn/steer', { threadId: UNKNOWN_ID, expectedTurnId: 'x', input: text }, 'conversation_not_found'],
      ['turn/steer', { threadId, expectedTurnId: 'x', input: text }, 'no_active_turn'],
      ['turn/steer', { threadId: busyThread, expectedTurnId: 'x', input: text }, 'active_turn_mismatch'],
      ['turn/interrupt', { threadId: UNKNOWN_ID, turnId: '' }, 'conversation_not_found'],
      ['turn/interrupt', { threadId: busyThread, turnId: 'x' }, 'active_turn_mismatch'],
      ['thread/read', { threadId: UNKNOWN_ID }, 'conversation_not_loaded'],
      ['thread/read', { threadId: '' }, 'invalid_thread_id'],
      ['thread/resume', { threadId: UNKNOWN_ID }, 'rollout_not_found'],
      ['thread/resume', { threadId: 'no-id' }, 'invalid_thread_id'],
      ['thread/resume', { threadId, history: [] }, 'history_while_running'],
      ['thread/resume', { threadId, path: outside }, 'rollout_path_not_allowed'],
      ['thread/resume', { threadId, path: '/etc/passwd' }, 'rollout_path_not_allowed'],
      ['thread/resume', { threadId, path: 'relative.jsonl' }, 'rollout_path_not_allowed'],
      ['thread/resume', { threadId, path: `${file}/../../../../../../${outside}` }, 'stale_path'],
      ['thread/resume', { threadId, path: join(rig.home.path, 'config.toml') }, 'rollout_path_not_allowed'],
      ['thread/resume', { threadId, path: join(rig.home.path, 'sessions') }, 'rollout_path_not_allowed'],
      ['thread/resume', { threadId, path: join(rig.home.path, 'sessions', 'none.jsonl') }, 'stale_path'],
      [
        'thread/resume',
        { threadId: UNKNOWN_ID, path: join(rig.home.path, 'sessions', 'none.jsonl') },
        'rollout_not_found',
      ],
      ['thread/resume', { threadId, path: '/etc/passwd\u0000.jsonl' }, 'rollout_path_not_allowed'],
      ['thread/start', { modelProvider: 'nobody' }, 'provider_unknown'],
      ['thread/start', { config: { model_provider: 5 } }, 'config_invalid'],
    ];
    const answers = await sendEach(() => Promise.all(requests.map(([method, params]) => client.ask(method, params))));
    expect(
      answers.map((answer: any, index) => [...requests[index]!.slice(0, 2), answer.error?.data.reason]),
    ).to.deep.equal(requests);
    expect(answers.map((answer: any) => answer.error.message).join('\n')).to.not.contain('root:');
  });

  it('does not get out of the home by a link', async () => {
    const outside = join(rig.home.root, `rollout-2026-11-23T05-43-59-${UNKNOWN_ID}.jsonl`);
    await writeFile(outside, readFileSync(rig.rolloutFiles()[0]!));
    const folder = join(rig.home.path, 'sessions', '2026');
    await mkdir(folder, { recursive: true });
    const link = join(folder, `rollout-2026-11-23T05-43-59-${UNKNOWN_ID}.jsonl`);
    await symlink(outside, link);
    const answer = await client.ask('thread/resume', { threadId: UNKNOWN_ID, path: link });
    expect(answer.error?.data.reason).to.equal('rollout_path_not_allowed');
  });

  it('before initialize, and a second one, are refused', async () => {
    const answers = await sendEach(async () => {
      const fresh = await rig.client({ initialize: false });
      const initialize = { clientInfo: { name: 'late', version: '0' } };
      return [
        await fresh.ask('thread/list', {}),
        await fresh.ask('turn/start', { threadId: busyThread, input: [] }),
        await fresh.ask('initialize', { clientInfo: { name: 'bad\nname', version: '0' } }),
        await fresh.ask('initialize', {}),
        await fresh.ask('initialize', initialize),
        await fresh.ask('initialize', initialize),
      ];
    });
    expect(answers.map((answer: any) => [answer.error?.code, answer.error?.message])).to.deep.equal([
      [-32600, 'Not initialized'],
      [-32600, 'Not initialized'],
      [-32600, "Invalid clientInfo.name: 'bad\nname'. Must be a valid HTTP header value."],
      [-32602, 'Invalid request: missing field `clientInfo`'],
      [undefined, undefined],
      [-32600, 'Already initialized'],
    ]);
  });

  it('hears nothing before initialize', async () => {
    const silent = await rig.client({ initialize: false });
    await client.runTurn(await client.startThread({ ephemeral: true }), 'hello');
    expect(silent.received).to.deep.equal([]);
  });

  it('needs the experimental capability for what is experimental', async () => {
    const plain = await rig.client({ experimentalApi: false });
    const answers = await sendEach(() =>
      Promise.all([
        plain.ask('thread/resume', { threadId, path: rig.rolloutFiles()[0] }),
        plain.ask('thread/start', { historyMode: 'paginated' }),
        plain.ask('thread/start', { approvalPolicy: { granular: granularPolicy } }),
      ]),
    );
    expect(answers.map((answer: any) => [answer.error?.code, answer.error?.message])).to.deep.equal([
      [-32600, 'thread/resume.path requires experimentalApi capability'],
      [-32600, 'thread/start.historyMode requires experimentalApi capability'],
      [-32600, 'askForApproval.granular requires experimentalApi capability'],
    ]);
  });

  it('with values that cannot be is refused, with the field; what is experimental comes first', async () => {
    const plain = await rig.client({ experimentalApi: false });
    const params = { parentThreadId: threadId, ancestorThreadId: threadId };
    const [experimental, exclusive, excluded] = await sendEach(() =>
      Promise.all([
        plain.ask('thread/list', params),
        client.ask('thread/list', params),
        client.ask('thread/list', { excludedThreadIds: [threadId, 'bogus'] }),
      ]),
    );
    expect([experimental, exclusive, excluded].map((answer: any) => answer.error)).to.deep.equal([
      { code: -32600, message: 'thread/list.parentThreadId requires experimentalApi capability' },
      {
        code: -32602,
        message: 'parentThreadId and ancestorThreadId are mutually exclusive',
        data: { reason: 'invalid_params', path: 'params.ancestorThreadId' },
      },
      {
        code: -32602,
        message: 'invalid excluded thread id: bogus',
        data: { reason: 'invalid_params', path: 'params.excludedThreadIds[1]' },
      },
    ]);
  });

  const granularPolicy = { sandbox_approval: true, rules: true, mcp_elicitations: true };

  it('of more than a million characters is refused, and says how many they were', async () => {
    const tooMuch = 'x'.repeat(1024 * 1024 + 1);
    const half = tooMuch.slice(0, 600_000);
    const answers = await sendEach(() =>
      Promise.all([
        client.ask('turn/start', { threadId, input: [{ type: 'text', text: tooMuch }] }),
        client.ask('turn/start', {
          threadId,
          input: [
            { type: 'text', text: half },
            { type: 'text', text: half },
          ],
        }),
        client.ask('turn/steer', {
          threadId: busyThread,
          expectedTurnId: busyTurn.turnId,
          input: [{ type: 'text', text: tooMuch }],
        }),
      ]),
    );
    const data = { reason: 'input_too_large', input_error_code: 'input_too_large', max_chars: 1024 * 1024 };
    expect(answers.map((answer: any) => [answer.error?.code, answer.error?.data])).to.deep.equal([
      [-32602, { ...data, actual_chars: 1024 * 1024 + 1 }],
      [-32602, { ...data, actual_chars: 1_200_000 }],
      [-32602, { ...data, actual_chars: 1024 * 1024 + 1 }],
    ]);
  });

  it('of 64 MB in one frame closes that connection with 1009, and no other', async () => {
    const answers = await sendEach(async () => {
      const big = await rig.client();
      const before = process.memoryUsage.rss();
      big.socket.send(Buffer.alloc(64 * 1024 * 1024, 0x20), { binary: false });
      const { code } = await big.closed;
      expect(process.memoryUsage.rss() - before, 'it is not gathered first').to.be.lessThan(200 * 1024 * 1024);
      return [code];
    });
    expect(answers).to.deep.equal([1009]);
  });

  it('that nobody needs to answer is passed over', async () => {
    const answers = await sendEach(async () => {
      client.sendRaw('{"method":"initialized"}');
      client.sendRaw('{"method":"some/notification","params":{"a":[1]}}');
      client.sendRaw('{"id":77,"result":{}}');
      client.sendRaw('{"id":78,"error":{"code":1,"message":"m"}}');
      return [];
    });
    expect(answers).to.deep.equal([]);
    expect(client.received.filter(({ error }) => error !== undefined)).to.deep.equal([]);
  });

  it('with half surrogate pairs reaches no file, no client and no model as such', async () => {
    const raw: string[] = [];
    client.socket.on('message', (data: Buffer) => raw.push(data.toString()));
    const { thread } = await client.call('thread/start', {
      cwd: rig.home.workspace,
      developerInstructions: 'dev \ud800',
    });
    const input = [
      {
        type: 'text',
        text: 'half \ud83d end',
        text_elements: [{ byteRange: { start: 0, end: 1 }, placeholder: '\udc00' }],
      },
      { type: 'image', url: 'data:image/png;base64,\udfff' },
      { type: 'text', text: '😀 stays, \\ud800 too' },
    ];
    const { done } = await client.startTurn(thread.id, 'x', { input, clientUserMessageId: 'id \udbff' });
    expect((await done).status).to.equal('completed');
    await client.call('thread/read', { threadId: thread.id, includeTurns: true });
    await client.call('thread/resume', { threadId: thread.id });
    const file = rig.rolloutFiles().find((name) => name.includes(thread.id))!;
    const { input: seen } = rig.model.requests.at(-1)!;
    const texts = { file: readFileSync(file, 'utf8'), wire: raw.join('\n'), model: JSON.stringify(seen) };
    for (const [where, text] of Object.entries(texts)) {
      // A backslash that is itself escaped begins no escape.
      expect(text.replaceAll('\\\\', '').match(/\\ud[89a-f]../i), where).to.equal(null);
      expect(text, where).to.contain('half \ufffd end').and.contain('😀 stays, \\\\ud800 too');
    }
    expect(readLines(file).every(({ timestamp }) => typeof timestamp === 'string')).to.equal(true);
  });
});
