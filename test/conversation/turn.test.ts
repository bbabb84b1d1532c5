import { expect } from 'chai';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts, conversationTexts, namesOf, sinceReply, withoutAccidents } from './wire-story.js';

describe('a turn', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
  });
  after(() => rig.close());

  const fileOf = (threadId: string): string => rig.rolloutFiles().find((file) => file.includes(threadId))!;

  const user = (text: string, completedAtMs: number | null) => ({
    type: 'userMessage',
    id: '#3',
    clientId: null,
    content: [{ type: 'text', text, text_elements: [] }],
    startedAtMs: 0,
    completedAtMs,
  });

  const agent = (id: string, text: string, completedAtMs: number | null) => ({
    type: 'agentMessage',
    moderation: null,
    id,
    text,
    phase: null,
    memoryCitation: null,
    delivery: null,
    questions: null,
    startedAtMs: 0,
    completedAtMs,
  });

  const turn = (more: object) => ({
    id: '#1',
    rootTurnId: '#1',
    items: [],
    itemsView: 'notLoaded',
    status: 'inProgress',
    error: null,
    startedAt: 0,
    completedAt: null,
    durationMs: null,
    ...more,
  });

  it('goes over the wire in the order and shape that clients know', async () => {
    const client = await rig.client();
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    await client.runTurn(threadId, 'hello there');
    const story = sinceReply(client, 2);
    const number = rig.model.requestCount;
    expect(namesOf(story)).to.deep.equal([
      'reply 2',
      'thread/started',
      'reply 3',
      'thread/status/changed',
      'turn/started',
      'item/started',
      'item/completed',
      'item/started',
      'item/agentMessage/delta',
      'item/agentMessage/delta',
      'item/completed',
      'thread/tokenUsage/updated',
      'account/rateLimits/updated',
      'thread/readState/changed',
      'thread/status/changed',
      'turn/completed',
    ]);
    const usage = {
      totalTokens: 110,
      inputTokens: 100,
      cachedInputTokens: 0,
      cacheWriteInputTokens: 0,
      outputTokens: 10,
      reasoningOutputTokens: 0,
    };
    const inTurn = { threadId: '#2', turnId: '#1' };
    const itemId = `msg_resp_${number}`;
    const answer = agent(itemId, 'echo: hello there', 0);
    const place = { ...inTurn, itemId };
    expect(
      withoutAccidents(sinceReply(client, 3)).map(({ method, params, result }: any) => [method, params ?? result]),
    ).to.deep.equal([
      [undefined, { turn: turn({ startedAt: null }) }],
      ['thread/status/changed', { threadId: '#2', status: { type: 'active', activeFlags: [] } }],
      ['turn/started', { threadId: '#2', turn: turn({}) }],
      ['item/started', { item: user('hello there', null), ...inTurn, startedAtMs: 0 }],
      ['item/completed', { item: user('hello there', 0), ...inTurn, contentTokenCount: null, completedAtMs: 0 }],
      ['item/started', { item: agent(itemId, '', null), ...inTurn, startedAtMs: 0 }],
      ['item/agentMessage/delta', { ...place, delta: 'echo: ' }],
      ['item/agentMessage/delta', { ...place, delta: 'hello there' }],
      ['item/completed', { item: answer, ...inTurn, contentTokenCount: null, completedAtMs: 0 }],
      ['thread/tokenUsage/updated', { ...inTurn, tokenUsage: { total: usage, last: usage, modelContextWindow: null } }],
      [
        'account/rateLimits/updated',
        {
          rateLimits: {
            limitId: 'codex',
            limitName: null,
            normalModelSlug: null,
            primary: null,
            secondary: null,
            credits: null,
            individualLimit: null,
            spendControlReached: null,
            planType: null,
            rateLimitReachedType: null,
          },
        },
      ],
      [
        'thread/readState/changed',
        { threadId: '#2', readState: { firstUnread: { type: 'turn', turnId: '#1' }, revision: '#4' } },
      ],
      ['thread/status/changed', { threadId: '#2', status: { type: 'idle' } }],
      [
        'turn/completed',
        {
          threadId: '#2',
          turn: turn({
            items: [answer],
            itemsView: 'summary',
            status: 'completed',
            completedAt: 0,
            durationMs: 0,
          }),
        },
      ],
    ]);
  });

  it('is followed by another that carries the history, the totals and the first unread turn on', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const first = await client.runTurn(threadId, 'one');
    const second = await client.runTurn(threadId, 'two');
    expect(second.id).to.not.equal(first.id);
    const of = (method: string): any[] =>
      client.received.filter((message) => message.method === method).map(({ params }) => params);
    expect(of('thread/tokenUsage/updated').map(({ tokenUsage }) => tokenUsage.total.totalTokens)).to.deep.equal([
      110, 220,
    ]);
    expect(of('thread/readState/changed').map(({ readState }) => readState.firstUnread.turnId)).to.deep.equal([
      first.id,
      first.id,
    ]);
    expect(conversationTexts(rig.model.requests.at(-1)!.input)).to.deep.equal(['one', 'echo: one', 'two']);
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns.map((read: any) => [read.id, read.status, agentTexts(read)])).to.deep.equal([
      [first.id, 'completed', ['echo: one']],
      [second.id, 'completed', ['echo: two']],
    ]);
    expect(thread.preview).to.equal('one');
  });

  it('is in the file as other tools of the format write it, private, and not before the first input', async () => {
    const client = await rig.client();
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    expect(fileOf(threadId)).to.equal(undefined);
    await client.runTurn(threadId, 'one');
    await client.runTurn(threadId, 'two');
    const file = fileOf(threadId);
    const lines = readLines(file);
    const turnLines = [
      'event_msg item_completed UserMessage',
      'event_msg item_completed AgentMessage',
      'response_item assistant',
      'token_usage_record',
      'event_msg token_count',
      'event_msg task_complete',
    ];
    const nameOf = ({ type, payload }: Record<string, any>): string => {
      if (type === 'event_msg' && payload.type === 'item_completed') {
        return `event_msg item_completed ${payload.item.type}`;
      }
      if (type === 'event_msg') return `event_msg ${payload.type}`;
      return type === 'response_item' ? `response_item ${payload.role}` : (type as string);
    };
    expect(lines.map(nameOf)).to.deep.equal([
      'session_meta',
      'event_msg task_started',
      'response_item developer',
      'response_item user',
      'turn_context',
      'event_msg thread_settings_applied',
      'response_item user',
      ...turnLines,
      'event_msg task_started',
      'turn_context',
      'response_item user',
      ...turnLines,
    ]);
    expect(lines.map((line) => line['ordinal'])).to.deep.equal(lines.map((_line, index) => index));
    const { payload: meta } = lines[0]!;
    expect([meta.id, meta.session_id, meta.originator, meta.source, meta.history_mode, meta.cwd]).to.deep.equal([
      threadId,
      threadId,
      'test',
      'vscode',
      'paginated',
      rig.home.workspace,
    ]);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    for (let folder = dirname(file); folder !== rig.home.path; folder = dirname(folder)) {
      expect([folder, statSync(folder).mode & 0o777]).to.deep.equal([folder, 0o700]);
    }
  });

  it('shows reasoning part by part and whole, and gives it back to the model', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const done = await client.runTurn(threadId, 'reason please');
    const number = rig.model.requestCount;
    const id = `rs_resp_${number}`;
    const parts = client
      .notificationsOf(threadId)
      .filter(({ params }) => params!['itemId'] === id || params!['item']?.id === id)
      .map(({ method, params }) => {
        const { summaryIndex, contentIndex, delta, item } = params!;
        return item === undefined
          ? [method, summaryIndex ?? contentIndex, delta]
          : [method, item.summary, item.content, item.completedAtMs === null];
      });
    expect(parts).to.deep.equal([
      ['item/started', [], [], true],
      ['item/reasoning/summaryPartAdded', 0, undefined],
      ['item/reasoning/summaryTextDelta', 0, '**Thinking** about'],
      ['item/reasoning/summaryTextDelta', 0, ' it. '],
      ['item/reasoning/summaryTextDelta', 0, 'Part one done.'],
      ['item/reasoning/summaryPartAdded', 1, undefined],
      ['item/reasoning/summaryTextDelta', 1, '**Second** part'],
      ['item/reasoning/summaryTextDelta', 1, ' here.'],
      ['item/reasoning/textDelta', 0, 'raw thought A, '],
      ['item/reasoning/textDelta', 0, 'raw thought B'],
      [
        'item/completed',
        ['**Thinking** about it. Part one done.', '**Second** part here.'],
        ['raw thought A, raw thought B'],
        false,
      ],
    ]);
    expect(agentTexts(done)).to.deep.equal(['after reasoning']);
    await client.runTurn(threadId, 'go on');
    const given = rig.model.requests.at(-1)!.input.find((item) => item['type'] === 'reasoning');
    expect(given?.['encrypted_content']).to.equal(`encrypted_resp_${number}`);
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns[0].items.map((item: any) => item.type)).to.deep.equal([
      'userMessage',
      'reasoning',
      'agentMessage',
    ]);
  });

  it('completes with the last message of the agent when there are several', async () => {
    const client = await rig.client();
    const done = await client.runTurn(await client.startThread(), 'phases');
    expect(done.items.map((item: any) => [item.phase, item.text])).to.deep.equal([['final_answer', 'final text']]);
  });

  it('puts instructions, surroundings and the words of the user before the model', async () => {
    const client = await rig.client();
    const threadId = await client.startThread({
      cwd: rig.home.workspace,
      baseInstructions: 'be brief',
      developerInstructions: 'mind the gap',
    });
    await client.runTurn(threadId, 'hello');
    const { body, input } = rig.model.requests.at(-1)!;
    expect([body!.model, body!.instructions, body!.prompt_cache_key, body!['stream'], body!['store']]).to.deep.equal([
      'gpt-5.5',
      'be brief',
      threadId,
      true,
      false,
    ]);
    expect(input.map(({ role }) => role)).to.deep.equal(['developer', 'user', 'user']);
    const texts = input.map((item) => (item['content'] as { text: string }[]).map(({ text }) => text));
    expect(texts[0]!.at(-1)).to.equal('mind the gap');
    expect(texts[1]![0]).to.contain(`<cwd>${rig.home.workspace}</cwd>`);
    expect(texts[2]).to.deep.equal(['hello']);
    expect(JSON.stringify(input), "the file's own notes stay out of requests").to.not.contain('passthrough');
  });

  it('takes settings that hold from this turn on, and tells of them', async () => {
    const client = await rig.client();
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    await (
      await client.startTurn(threadId, 'one', { model: 'gpt-other', effort: 'high', summary: 'concise' })
    ).done;
    const told = client.received.filter(({ method }) => method === 'thread/settings/updated');
    expect(told.map(({ params }) => params)).to.deep.equal([
      {
        threadId,
        threadSettings: {
          disabledPluginIds: [],
          cwd: rig.home.workspace,
          environments: [
            {
              environmentId: 'local',
              cwd: rig.home.workspace,
              runtimeWorkspaceRoots: [rig.home.workspace],
            },
          ],
          approvalPolicy: 'never',
          approvalsReviewer: 'user',
          sandboxPolicy: { type: 'dangerFullAccess' },
          activePermissionProfile: null,
          model: 'gpt-other',
          modelProvider: 'mock',
          serviceTier: null,
          effort: 'high',
          summary: 'concise',
          collaborationMode: {
            mode: 'default',
            settings: { model: 'gpt-other', reasoning_effort: 'high', developer_instructions: null },
          },
          multiAgentMode: 'explicitRequestOnly',
          personality: null,
        },
      },
    ]);
    await client.runTurn(threadId, 'two');
    const { body } = rig.model.requests.at(-1)!;
    expect([body!.model, body!['reasoning']]).to.deep.equal(['gpt-other', { effort: 'high', summary: 'concise' }]);
    expect(client.received.filter(({ method }) => method === 'thread/settings/updated')).to.have.length(1);
    const { thread } = await client.call('thread/read', { threadId });
    expect([thread.model, thread.reasoningEffort]).to.deep.equal(['gpt-other', 'high']);
  });

  it('refuses a call of a tool that does not exist, visibly, and asks the model again', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const done = await client.runTurn(threadId, 'call no_such_tool {"a":1}');
    const output = 'unsupported call: no_such_tool';
    const callId = `call_${rig.model.requestCount - 1}`;
    const items = client
      .notificationsOf(threadId)
      .filter(({ params }) => params!['item']?.type === 'dynamicToolCall')
      .map(({ method, params }) => {
        const { id, tool, arguments: args, status, contentItems, success } = params!['item'];
        return { method, id, tool, args, status, contentItems, success };
      });
    const call = { id: callId, tool: 'no_such_tool', args: { a: 1 } };
    expect(items).to.deep.equal([
      { method: 'item/started', ...call, status: 'inProgress', contentItems: null, success: null },
      {
        method: 'item/completed',
        ...call,
        status: 'failed',
        contentItems: [{ type: 'inputText', text: output }],
        success: false,
      },
    ]);
    const input = rig.model.requests.at(-1)!.input.slice(-2);
    expect(input.map(({ type, call_id, name, output: told }) => [type, call_id, name ?? told])).to.deep.equal([
      ['function_call', callId, 'no_such_tool'],
      ['function_call_output', callId, output],
    ]);
    expect([done.status, agentTexts(done)]).to.deep.equal([
      'completed',
      [`tool said ${output.length} chars: ${output}`],
    ]);
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns[0].items.map((item: any) => [item.type, item.status])).to.deep.equal([
      ['userMessage', undefined],
      ['dynamicToolCall', 'failed'],
      ['agentMessage', undefined],
    ]);
  });
});
