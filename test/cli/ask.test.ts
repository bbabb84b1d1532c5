import { expect } from 'chai';
import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { completed, delta, notification, THREAD, TURN, useScriptedDaemon } from './scripted-daemon.js';

describe('rolloutd ask', () => {
  const { script, requests, send, closeSocket, ask, start, sent, turnStarts, footer } = useScriptedDaemon();

  it('starts a conversation in this folder, streams the answer to stdout and tells on stderr how to go on', async () => {
    expect(await ask(['say', 'hello'])).to.deep.equal({ code: 0, stdout: 'Hello\n', stderr: footer() });
    expect(requests().map(({ method }) => method)).to.deep.equal([
      'initialize',
      'initialized',
      'thread/start',
      'turn/start',
    ]);
    expect(sent('thread/start')).to.deep.equal([{ cwd: realpathSync(tmpdir()) }]);
    expect(turnStarts()).to.deep.equal([
      { threadId: THREAD, input: [{ type: 'text', text: 'say hello', text_elements: [] }] },
    ]);
  });

  it('shows text at once, not when the turn has ended', async () => {
    script['turn/start'] = ({ id }) => send({ id, result: { turn: { id: TURN } } }, delta('first'));
    const process = start('hello');
    await process.seen('stdout', 'first');
    send(delta(' second'), completed('completed'));
    expect((await process.ended).stdout).to.equal('first second\n');
  });

  it('takes the text from stdin when there is none', async () => {
    await ask([], { stdin: 'from\nstdin' });
    const input = [{ type: 'text', text: 'from\nstdin', text_elements: [] }];
    expect(turnStarts()).to.deep.equal([{ threadId: THREAD, input }]);
  });

  it('asks for a model, and for a model server of this machine', async () => {
    const answerFrom = (modelProvider: string): void => {
      for (const method of ['thread/start', 'thread/resume']) {
        script[method] = ({ id }) => send({ id, result: { thread: { id: THREAD }, model: 'was', modelProvider } });
      }
    };
    answerFrom('lmstudio');
    expect((await ask(['--oss', 'hello'])).code).to.equal(0);
    expect((await ask(['--local-provider', 'lmstudio', '-m', 'mine', 'hello'])).code).to.equal(0);
    expect((await ask(['--thread', 'given', '--model', 'mine', 'hello'])).code).to.equal(0);
    expect((await ask(['--thread', 'given', '--model', 'was', 'hello'])).code).to.equal(0);
    const cwd = realpathSync(tmpdir());
    expect([...sent('thread/start'), ...sent('thread/resume')]).to.deep.equal([
      { cwd, modelProvider: 'oss' },
      { cwd, model: 'mine', modelProvider: 'oss', config: { oss_provider: 'lmstudio' } },
      { threadId: 'given', excludeTurns: true, model: 'mine' },
      { threadId: 'given', excludeTurns: true, model: 'was' },
    ]);
    // A conversation that was open already takes the model with the turn.
    expect(sent('turn/start').map((params) => params!['model'])).to.deep.equal([
      undefined,
      undefined,
      'mine',
      undefined,
    ]);
  });

  it('sends nothing when a model server of this machine was asked for and another provider has the conversation', async () => {
    const answered = (modelProvider: string): void => {
      script['thread/resume'] = ({ id }) => send({ id, result: { thread: { id: THREAD }, model: 'm', modelProvider } });
    };
    answered('openai');
    const refused = await ask(['--thread', 'given', '--oss', 'a secret']);
    answered('ollama');
    const other = await ask(['--thread', 'given', '--local-provider', 'lmstudio', 'a secret']);
    const reason = (provider: string) =>
      `rolloutd: the conversation is open with the provider ${provider}, and stays with it until it is unloaded; nothing was sent\n`;
    expect([refused, other]).to.deep.equal(
      ['openai', 'ollama'].map((provider) => ({ code: 1, stdout: '', stderr: reason(provider) })),
    );
    expect(sent('turn/start')).to.deep.equal([]);
    expect((await ask(['--local-provider', 'other', 'hello'])).code).to.equal(2);
  });

  it('continues a given conversation, in its own folder unless told another', async () => {
    expect((await ask(['--thread', 'given', 'hello'])).code).to.equal(0);
    expect((await ask(['--thread', 'given', '--cwd', '/elsewhere', 'hello'])).code).to.equal(0);
    expect(sent('thread/resume')).to.deep.equal([
      { threadId: 'given', excludeTurns: true },
      { threadId: 'given', excludeTurns: true, cwd: '/elsewhere' },
    ]);
    expect(sent('thread/start')).to.deep.equal([]);
  });

  it('continues the conversation that changed last, of whatever provider', async () => {
    script['thread/list'] = ({ id }) => send({ id, result: { data: [{ id: 'latest' }], nextCursor: 'more' } });
    expect((await ask(['--last', 'hello'])).code).to.equal(0);
    expect(sent('thread/list')).to.have.length(1);
    expect(sent('thread/list')[0]).to.include({ limit: 1, sortKey: 'updated_at', sortDirection: 'desc' });
    expect(sent('thread/list')[0]?.['modelProviders']).to.deep.equal([]);
    expect(sent('thread/resume')).to.deep.equal([{ threadId: 'latest', excludeTurns: true }]);
    script['thread/list'] = ({ id }) => send({ id, result: { data: [], nextCursor: null } });
    const none = await ask(['--last', 'hello']);
    expect([none.code, none.stderr]).to.deep.equal([1, 'rolloutd: there is no conversation to continue yet\n']);
  });

  it('shows its own turn of its own conversation only', async () => {
    script['turn/start'] = ({ id }) =>
      send(
        notification('turn/completed', { turn: { id: 'another', status: 'failed', error: { message: 'not ours' } } }),
        { id, result: { turn: { id: TURN } } },
        { ...delta('not this'), params: { threadId: 'other', turnId: TURN, itemId: 'm', delta: 'not this' } },
        { ...completed('failed'), params: { threadId: 'other', turn: { id: TURN, status: 'failed', error: null } } },
        delta('this'),
        completed('completed'),
      );
    expect(await ask(['hello'])).to.deep.equal({ code: 0, stdout: 'this\n', stderr: footer() });
  });

  it('fails with the reason of a failed turn, after what there was of the answer', async () => {
    script['turn/start'] = ({ id }) =>
      send(
        { id, result: { turn: { id: TURN } } },
        delta('half'),
        completed('failed', { error: { message: 'quota\nused up' } }),
      );
    expect(await ask(['hello'])).to.deep.equal({
      code: 1,
      stdout: 'half\n',
      stderr: `${footer()}rolloutd: quota used up\n`,
    });
  });

  it('fails with what the daemon says when it refuses', async () => {
    script['thread/resume'] = ({ id }) =>
      send({ id, error: { code: -32600, message: 'no rollout found for thread id x' } });
    expect(await ask(['--thread', 'x', 'hello'])).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: 'rolloutd: no rollout found for thread id x\n',
    });
    const refused = await ask(['hello'], { env: { ROLLOUTD_TOKEN: 'another-token-entirely' } });
    expect([refused.code, refused.stdout]).to.deep.equal([1, '']);
    expect(refused.stderr).to.match(/^rolloutd: ws:.+401.+This is not the daemon's token.+\n$/);
  });

  it('fails when the connection is cut in the middle of an answer and none is to be made again', async () => {
    script['turn/start'] = ({ id }) => {
      send({ id, result: { turn: { id: TURN } } }, delta('half'));
      closeSocket(1013, 'too slow');
    };
    expect(await ask(['--reconnect', '0', 'hello'])).to.deep.equal({
      code: 1,
      stdout: 'half\n',
      stderr: `${footer()}rolloutd: the connection closed (1013: too slow); the answer was cut off\n`,
    });
  });

  it('interrupts the turn at the first Ctrl-C and ends with 130 when it is over', async () => {
    script['turn/start'] = ({ id }) => send({ id, result: { turn: { id: TURN } } }, delta('half'));
    script['turn/interrupt'] = ({ id }) => send({ id, result: {} }, delta(' more'), completed('interrupted'));
    const process = start('hello');
    await process.seen('stdout', 'half');
    process.signal('SIGINT');
    expect(await process.ended).to.deep.equal({
      code: 130,
      stdout: 'half\n more\n',
      stderr: `interrupting … (Ctrl-C again to leave)\n${footer()}`,
    });
    expect(sent('turn/interrupt')).to.deep.equal([{ threadId: THREAD, turnId: TURN }]);
  });

  it('interrupts a turn whose start is not answered yet as soon as it is', async () => {
    let answer!: () => void;
    const asked = new Promise<void>((resolve) => {
      script['turn/start'] = ({ id }) => {
        answer = () => send({ id, result: { turn: { id: TURN } } });
        resolve();
      };
    });
    script['turn/interrupt'] = ({ id }) => send({ id, result: {} }, completed('interrupted'));
    const process = start('hello');
    await asked;
    process.signal('SIGINT');
    await process.seen('stderr', 'interrupting');
    answer();
    expect((await process.ended).code).to.equal(130);
    expect(sent('turn/interrupt')).to.deep.equal([{ threadId: THREAD, turnId: TURN }]);
  });

  it('leaves at the second Ctrl-C, yet takes two at once for one key', async () => {
    script['turn/start'] = ({ id }) => send({ id, result: { turn: { id: TURN } } }, delta('half'));
    const interrupted = new Promise<void>((resolve) => (script['turn/interrupt'] = () => resolve()));
    const process = start('hello');
    await process.seen('stdout', 'half');
    process.signal('SIGINT');
    process.signal('SIGINT');
    await interrupted;
    // The daemon answers nothing: only the next key ends it. It comes as late as a person's: time is what this is about.
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.signal('SIGINT');
    expect((await process.ended).code).to.equal(130);
    expect(sent('turn/interrupt')).to.have.length(1);
  });

  describe('when the agent asks', () => {
    const asked = { id: 0, method: 'item/commandExecution/requestApproval', params: { itemId: 'i', command: 'make' } };
    const answers = () => requests().filter((request) => request.method === undefined);
    beforeEach(() => {
      script['turn/start'] = ({ id }) => send({ id, result: { turn: { id: TURN } } }, asked, completed('completed'));
    });

    it('declines where nobody is at a terminal, and says so', async () => {
      const { code, stderr } = await ask(['hello']);
      const why = 'Declined, because nobody is at a terminal to answer (see --approve)';
      expect([code, stderr]).to.deep.equal([0, `${why}: The agent wants to run: make\n${footer()}`]);
      expect(answers()).to.deep.equal([{ id: 0, result: { decision: 'decline' } }]);
    });

    it('does as --approve says', async () => {
      expect((await ask(['--approve', 'accept', 'hello'])).stderr).to.include('Allowed by --approve accept: ');
      expect(answers()).to.deep.equal([{ id: 0, result: { decision: 'accept' } }]);
      expect((await ask(['--approve', 'leave', 'hello'])).stderr).to.include('give it in another client');
      expect(answers()).to.have.length(1);
      expect((await ask(['--approve', 'always', 'hello'])).code).to.equal(2);
    });
  });

  it('ends quietly when nobody reads any more', async () => {
    script['turn/start'] = ({ id }) => {
      send({ id, result: { turn: { id: TURN } } });
      for (let count = 0; count < 200; count++) send(delta('x'.repeat(10_000)));
    };
    const process = start('hello');
    process.closeStdout();
    expect(await process.ended).to.deep.include({ code: 0, stderr: '' });
  });
});
