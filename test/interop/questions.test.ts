import { expect } from 'chai';
import { isRequestOf } from '../../src/client/rpc-client.js';
import { expectGrowth, readRollout, spokenTo } from './rollout-growth.js';
import { useJointHome } from './use-joint-home.js';

const QUESTIONS = {
  questions: [
    {
      id: 'color',
      header: 'Color',
      question: 'Which color?',
      options: [
        { label: 'Blue', description: 'b' },
        { label: 'Red', description: 'r' },
      ],
    },
  ],
};
const ASK = `call request_user_input ${JSON.stringify(QUESTIONS)}`;
const ANSWER = '{"answers":{"color":{"answers":["Blue"]}}}';

describe('what our daemon has asked, and what became of it', () => {
  const { home, binary } = useJointHome();

  it('keeps the peer from nothing: it reads the conversation and goes on with it', async () => {
    const ours = await home().startOurs();
    const { client } = ours;
    const id = await client.start(home().workspace);
    const asked: number[] = [];
    client.rpc.onServerRequest((request) => {
      asked.push(request.id as number);
      if (isRequestOf(request, 'item/tool/requestUserInput')) {
        request.respond({ answers: { color: { answers: ['Blue'] } } });
      }
    });
    await client.runTurn(id, ASK);
    expect(asked).to.deep.equal([0]);
    await ours.stop();
    const states = [readRollout(home().path, id)];

    const peer = await home().startPeer(binary());
    await peer.client.resume(id);
    const first = { status: 'completed', said: [`user: ${ASK}`, `agent: tool said ${ANSWER.length} chars: ${ANSWER}`] };
    expect(await peer.client.readTurns(id)).to.deep.equal([first]);
    expect((await peer.client.runTurn(id, 'two')).status).to.equal('completed');
    const { thread: fork } = await peer.client.rpc.request('thread/fork', { threadId: id });
    await peer.client.runTurn(fork.id, 'in the fork');
    const all = [
      `user: ${ASK}`,
      `assistant: tool said ${ANSWER.length} chars: ${ANSWER}`,
      'user: two',
      'assistant: echo: two',
    ];
    expect(spokenTo(home().model.requests.at(-1)!.input)).to.deep.equal([...all, 'user: in the fork']);
    expect(peer.client.heard.filter(({ method }) => method === 'warning' || method === 'error')).to.deep.equal([]);
    await peer.stop();
    states.push(readRollout(home().path, id));
    expectGrowth(states);

    const again = await home().startOurs();
    await again.client.resume(fork.id);
    const second = { status: 'completed', said: ['user: two', 'agent: echo: two'] };
    const inFork = { status: 'completed', said: ['user: in the fork', 'agent: echo: in the fork'] };
    expect(await again.client.readTurns(fork.id)).to.deep.equal([first, second, inFork]);
    await again.stop();
  });

  it('is asked by the terminal UI of the peer, whose answer counts', async () => {
    const ours = await home().startOurs();
    home().model.script(({ lastUserText, input }, reply) => {
      if (lastUserText !== 'ask me' || String(input.at(-1)?.['type']).endsWith('_output')) return false;
      reply.create();
      reply.functionCall('request_user_input', JSON.stringify(QUESTIONS));
      reply.complete();
      return undefined;
    });
    const args = ['--remote', ours.url, '--remote-auth-token-env', 'INTEROP_TOKEN'];
    const terminal = home().startTerminal(binary(), args, { INTEROP_TOKEN: ours.token! });
    await terminal.waitFor(/^ +gpt-5\.5 .*·/im);
    terminal.type('ask me');
    await terminal.waitFor('› ask me');
    terminal.type('\r');
    // The first option is chosen when nothing else is.
    await terminal.waitFor('Which color?');
    await terminal.typeUntil('\r', `tool said 42 chars: ${ANSWER}`);

    // Another client is faster: the question goes from the screen.
    const { data } = await ours.client.rpc.request('thread/list', {});
    const threadId = data[0]!.id;
    await ours.client.resume(threadId);
    ours.client.rpc.onServerRequest((request) => {
      if (!isRequestOf(request, 'item/tool/requestUserInput')) return;
      request.respond({ answers: { color: { answers: ['Red'] } } });
    });
    await ours.client.runTurn(threadId, 'ask me');
    await terminal.waitFor('tool said 41 chars: {"answers":{"color":{"answers":["Red"]}}}');
    const screen = await terminal.waitFor(/› Ask Codex[^]*gpt-5\.5/);
    expect(screen).not.to.contain('■');
    expect(screen).not.to.contain('enter to submit answer');
  });

  it('stays open in the file of a dead daemon, which the peer goes on with and we after it', async () => {
    const ours = await home().startOurs();
    const id = await ours.client.start(home().workspace);
    const asked = new Promise((resolve) => ours.client.rpc.onServerRequest(resolve));
    await ours.client.startTurn(id, ASK);
    await asked;
    await ours.kill();
    const states = [readRollout(home().path, id)];

    const peer = await home().startPeer(binary());
    await peer.client.resume(id);
    expect((await peer.client.readTurns(id)).map(({ status }) => status)).to.deep.equal(['interrupted']);
    expect((await peer.client.runTurn(id, 'two, theirs')).status).to.equal('completed');
    await peer.stop();
    states.push(readRollout(home().path, id));

    const again = await home().startOurs();
    await again.client.resume(id);
    expect((await again.client.runTurn(id, 'three, ours')).status).to.equal('completed');
    await again.stop();
    states.push(readRollout(home().path, id));
    expectGrowth(states);

    const peerAgain = await home().startPeer(binary());
    await peerAgain.client.resume(id);
    expect(await peerAgain.client.readTurns(id)).to.deep.equal([
      { status: 'interrupted', said: [`user: ${ASK}`] },
      { status: 'completed', said: ['user: two, theirs', 'agent: echo: two, theirs'] },
      { status: 'completed', said: ['user: three, ours', 'agent: echo: three, ours'] },
    ]);
  });
});
