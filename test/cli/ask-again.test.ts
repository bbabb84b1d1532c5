import { expect } from 'chai';
import { completed, delta, notification, THREAD, TURN, useScriptedDaemon } from './scripted-daemon.js';

describe('rolloutd ask whose connection is lost', () => {
  const { script, send, closeSocket, ask, sent, footer } = useScriptedDaemon();

  const numbered = (seq: number, frame: object) => ({ ...frame, epoch: 'e', seq });
  const resumed = (id: number | undefined, change: object) => ({
    id,
    result: { thread: { id: THREAD }, eventsCursor: { epoch: 'e', seq: 9 }, initialTurnsPage: null, ...change },
  });
  const agentItem = (text: string) => ({ type: 'agentMessage', id: 'm', text });
  const lost = 'the connection closed (1013), reconnecting …\n';

  beforeEach(() => {
    script['turn/start'] = ({ id }) => {
      send({ id, result: { turn: { id: TURN } } }, numbered(4, delta('one ')));
      closeSocket(1013, 'too slow');
    };
  });

  it('connects again, says what it has, and prints on without a gap or a repetition', async () => {
    script['thread/resume'] = ({ id }) =>
      send(
        // What a new connection hears before the reply comes again in its place.
        numbered(5, delta('two')),
        resumed(id, { reattach: { type: 'replay', reason: null } }),
        numbered(5, delta('two')),
        numbered(6, completed('completed')),
      );
    expect(await ask(['hello'])).to.deep.equal({ code: 0, stdout: 'one two\n', stderr: `${lost}${footer()}` });
    expect(sent('thread/resume')).to.deep.equal([
      {
        threadId: THREAD,
        excludeTurns: true,
        initialTurnsPage: { limit: 5, itemsView: 'full' },
        afterEpoch: 'e',
        afterSeq: 4,
      },
    ]);
    expect(sent('turn/start')).to.have.length(1);
  });

  it('before its input was taken says it again under the same id', async () => {
    let starts = 0;
    script['thread/start'] = ({ id }) =>
      send({ id, result: { thread: { id: THREAD }, eventsCursor: { epoch: 'e', seq: 0 } } });
    script['turn/start'] = ({ id }) => {
      starts += 1;
      if (starts === 1) closeSocket(1013, 'too slow');
      else send({ id, result: { turn: { id: TURN } } }, delta('answer'), completed('completed'));
    };
    script['thread/resume'] = ({ id }) => send(resumed(id, { reattach: { type: 'current', reason: null } }));
    expect((await ask(['hello'])).stdout).to.equal('answer\n');
    const [first, second] = sent('turn/start');
    expect(second).to.deep.equal(first);
    expect(sent('thread/resume')[0]).to.include({ afterEpoch: 'e', afterSeq: 0 });
  });

  it('says that the daemon was restarted, and shows how the turn has ended', async () => {
    const shown = (status: string) => ({
      reattach: { type: 'resync', reason: 'epoch_changed' },
      eventsCursor: { epoch: 'f', seq: 1 },
      initialTurnsPage: { data: [{ id: TURN, status, error: null, items: [agentItem('one two')] }] },
    });
    const notice = `${lost}the daemon was restarted: this is what is recorded\n`;
    script['thread/resume'] = ({ id }) => send(resumed(id, shown('interrupted')));
    expect(await ask(['hello'])).to.deep.equal({
      code: 1,
      stdout: 'one two\n',
      stderr: `${notice}${footer()}rolloutd: the daemon was restarted, which interrupted the turn\n`,
    });
    script['thread/resume'] = ({ id }) => send(resumed(id, shown('completed')));
    expect(await ask(['hello'])).to.deep.equal({ code: 0, stdout: 'one two\n', stderr: `${notice}${footer()}` });
  });

  it('prints what it missed of an answer that goes on, also when no one knows in which parts it came', async () => {
    script['thread/resume'] = ({ id }) =>
      send(
        resumed(id, {
          reattach: { type: 'resync', reason: 'expired' },
          initialTurnsPage: { data: [{ id: TURN, status: 'inProgress', error: null, items: [] }] },
        }),
        numbered(9, notification('item/started', { item: agentItem('one two ') })),
        numbered(10, delta('three')),
        numbered(11, completed('completed')),
      );
    const { code, stdout } = await ask(['hello']);
    expect([code, stdout]).to.deep.equal([0, 'one two three\n']);
  });

  it('fails when the daemon does not take it back', async () => {
    script['thread/resume'] = ({ id }) => send({ id, error: { code: -32600, message: 'no rollout found' } });
    const { code, stdout, stderr } = await ask(['hello']);
    expect([code, stdout, stderr]).to.deep.equal([1, 'one \n', `${lost}${footer()}rolloutd: no rollout found\n`]);
  });

  it('fails when it is lost each time before anything more is heard, after a while', async () => {
    script['thread/resume'] = () => closeSocket(1013, 'too slow');
    const { code, stderr } = await ask(['--reconnect', '0.3', 'hello']);
    expect([code, stderr.split('\n').at(-2)]).to.deep.equal([
      1,
      'rolloutd: the connection closed (1013: too slow); the answer was cut off',
    ]);
  });
});
