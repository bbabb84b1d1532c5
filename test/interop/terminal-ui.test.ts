import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { findProjectRoot } from '../support/child-program.js';
import type { TerminalProgram } from '../support/terminal.js';
import { WireProxy } from '../support/wire-proxy.js';
import { listAskedInVain } from './asked-in-vain.js';
import { expectGrowth, readRollout } from './rollout-growth.js';
import { useJointHome } from './use-joint-home.js';

const TOKEN_ENV = 'INTEROP_TOKEN';

/** It is ready for input when it names the model below the prompt. */
const READY = /^ +gpt-5\.5 .*·/im;

const remote = (url: string) => ['--remote', url, '--remote-auth-token-env', TOKEN_ENV];

async function prompt(terminal: TerminalProgram, text: string): Promise<void> {
  terminal.type(text);
  await terminal.waitFor(`› ${text}`);
  terminal.type('\r');
}

/** `nth`: which answer of this screen that is. */
async function ask(terminal: TerminalProgram, text: string, nth: number): Promise<void> {
  await prompt(terminal, text);
  await terminal.waitFor(`echo: ${text}`);
  await terminal.waitFor(new RegExp(Array.from({ length: nth }, () => 'Worked for').join('[^]*')));
}

/** Returns its exit code. */
async function quit(terminal: TerminalProgram): Promise<number> {
  terminal.type('/quit');
  await terminal.waitFor('› /quit');
  terminal.type('\r');
  return (await terminal.waitForExit()).code;
}

describe("the peer's terminal UI", () => {
  const { home, binary } = useJointHome();

  it('shows an answer of the daemon while it streams, given the token, and leaves by /quit', async () => {
    const ours = await home().startOurs();
    let goOn = (): void => undefined;
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
    home().model.script(async ({ lastUserText }, reply) => {
      if (lastUserText !== 'tell me slowly') return false;
      reply.create();
      const message = reply.startMessage();
      reply.delta('the first half\n\n');
      await mayGoOn;
      reply.delta('the second half');
      reply.endMessage(message, 'the first half\n\nthe second half');
      reply.complete();
    });
    const terminal = home().startTerminal(binary(), remote(ours.url), { [TOKEN_ENV]: ours.token! });
    await terminal.waitFor(READY);
    await prompt(terminal, 'tell me slowly');
    const halfway = await terminal.waitFor('the first half');
    expect(halfway).not.to.contain('the second half');
    goOn();
    await terminal.waitFor('the second half');
    await terminal.waitFor('Worked for');
    await prompt(terminal, 'and once more');
    const screen = await terminal.waitFor('echo: and once more');
    // Its mark of an error.
    expect(screen).not.to.contain('■');
    expect(await quit(terminal)).to.equal(0);

    const { data, readStates } = await ours.client.rpc.request('thread/list', {});
    expect(data.map(({ preview, originator }) => ({ preview, originator }))).to.deep.equal([
      { preview: 'tell me slowly', originator: 'codex-tui' },
    ]);
    const { thread } = await ours.client.rpc.request('thread/read', { threadId: data[0]!.id, includeTurns: true });
    // The second one too, if it had the time.
    const unread: unknown[] = [null, { type: 'turn', turnId: thread.turns[1]!.id }];
    expect(unread, 'it marks as read what it has shown').to.deep.include(readStates[data[0]!.id]!.firstUnread);
    expect(await ours.client.readTurns(data[0]!.id)).to.deep.equal([
      { status: 'completed', said: ['user: tell me slowly', 'agent: the first half\n\nthe second half'] },
      { status: 'completed', said: ['user: and once more', 'agent: echo: and once more'] },
    ]);
  });

  it('is let in with the same token by a daemon that was started again, and with no other', async () => {
    const before = await home().startOurs();
    await before.stop();
    const ours = await home().startOurs();
    expect(ours.token).to.equal(before.token);
    const welcome = home().startTerminal(binary(), remote(ours.url), { [TOKEN_ENV]: ours.token! });
    await welcome.waitFor(READY);
    welcome.type('\x03');
    expect(await welcome.waitForExit()).to.deep.equal({ code: 0, signal: 0 });

    const stranger = home().startTerminal(binary(), remote(ours.url), { [TOKEN_ENV]: 'another' });
    expect(await stranger.waitForExit()).to.deep.equal({ code: 1, signal: 0 });
    expect(stranger.text).to.contain('401 Unauthorized');
  });

  it('names, forks, takes back and resumes a conversation by its own keys', async () => {
    const ours = await home().startOurs();
    const env = { [TOKEN_ENV]: ours.token! };
    const terminal = home().startTerminal(binary(), remote(ours.url), env);
    await terminal.waitFor(READY);
    await ask(terminal, 'first question', 1);
    await ask(terminal, 'second question', 2);
    await prompt(terminal, '/rename the tale of two');
    await terminal.waitFor(/renamed to|the tale of two/);

    await prompt(terminal, '/fork');
    await terminal.waitFor(/forked/i);
    await ask(terminal, 'asked in the fork', 3);
    // Once more picks the message to go back to, the newest first.
    terminal.type('\x1b');
    await terminal.waitFor(/esc again/i);
    terminal.type('\x1b');
    await terminal.waitFor('↵ rewind');
    terminal.type('\r');
    // It stands in the composer again.
    await terminal.waitFor(/› asked in the fork\s+gpt-5\.5/);
    for (const _ of 'asked in the fork') terminal.type('\x7f');
    await ask(terminal, 'asked instead', 3);
    expect(await quit(terminal)).to.equal(0);
    expect(terminal.text).not.to.contain('■');

    const { data } = await ours.client.rpc.request('thread/list', { sortKey: 'created_at', sortDirection: 'asc' });
    expect(data.map(({ name, forkedFromId }) => ({ name, forkedFromId }))).to.deep.equal([
      { name: 'the tale of two', forkedFromId: null },
      { name: 'the tale of two', forkedFromId: data[0]!.id },
    ]);
    const before = [
      { status: 'completed', said: ['user: first question', 'agent: echo: first question'] },
      { status: 'completed', said: ['user: second question', 'agent: echo: second question'] },
    ];
    const instead = { status: 'completed', said: ['user: asked instead', 'agent: echo: asked instead'] };
    expect(await ours.client.readTurns(data[0]!.id)).to.deep.equal(before);
    expect(await ours.client.readTurns(data[1]!.id)).to.deep.equal([...before, instead]);

    const again = home().startTerminal(binary(), ['resume', data[1]!.id, ...remote(ours.url)], env);
    await again.waitFor(/first question[^]*second question[^]*echo: asked instead/);
    await again.waitFor(READY);
    await ask(again, 'and on', 1);
    expect(await quit(again)).to.equal(0);
    expect(again.text).not.to.contain('■');
  });

  it('asks for nothing unknown but what the page on interoperation names', async () => {
    const proxy = await WireProxy.start();
    try {
      const ours = await home().startOurs(['-c', `allowed_hosts=["${new URL(proxy.url).host}"]`]);
      proxy.setTarget(ours.url);
      const terminal = home().startTerminal(binary(), remote(proxy.url), { [TOKEN_ENV]: ours.token! });
      await terminal.waitFor(READY);
      await prompt(terminal, 'hello');
      await terminal.waitFor('echo: hello');
      await terminal.waitFor('Worked for');
      expect(await quit(terminal)).to.equal(0);
      const page = await readFile(join(findProjectRoot(), 'docs', 'interop.md'), 'utf8');
      const unnamed = listAskedInVain(await proxy.drain()).filter((method) => !page.includes(`\`${method}\``));
      expect(unnamed).to.deep.equal([]);
    } finally {
      await proxy.close();
    }
  });

  it('shows a conversation of ours by itself, without the daemon, and goes on with it', async () => {
    // What a person would have been asked, and would have answered once.
    const tables = `[projects.${JSON.stringify(home().workspace)}]
trust_level = "trusted"

[notice.model_migrations]
"gpt-5.5" = "gpt-6-sol"`;
    await home().addConfig({ tables });
    const ours = await home().startOurs();
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours');
    await ours.stop();
    const states = [readRollout(home().path, id)];

    const terminal = home().startTerminal(binary(), ['resume', id]);
    await terminal.waitFor('echo: one, ours');
    await terminal.waitFor(READY);
    await prompt(terminal, 'two, by terminal');
    await terminal.waitFor('echo: two, by terminal');
    // Said of each turn, and of this one only when it is over.
    await terminal.waitFor(/Worked for[^]*Worked for/);
    expect(await quit(terminal)).to.equal(0);
    states.push(readRollout(home().path, id));

    const oursAgain = await home().startOurs();
    await oursAgain.client.resume(id);
    await oursAgain.client.runTurn(id, 'three, ours');
    expect(await oursAgain.client.readTurns(id)).to.deep.equal([
      { status: 'completed', said: ['user: one, ours', 'agent: echo: one, ours'] },
      { status: 'completed', said: ['user: two, by terminal', 'agent: echo: two, by terminal'] },
      { status: 'completed', said: ['user: three, ours', 'agent: echo: three, ours'] },
    ]);
    states.push(readRollout(home().path, id));
    expectGrowth(states);
  });
});
