import { expect } from 'chai';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';
import { deltasText, deltaText } from '../support/model-script.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { WireProxy } from '../support/wire-proxy.js';
import { runCli, startCli } from './cli-process.js';
import { readConversationFiles } from './read-conversation-files.js';

describe('a conversation on the command line, with a daemon', () => {
  let model: ModelServer;
  let home: TempHome;
  let daemon: DaemonProcess;

  beforeEach(async () => {
    model = await startModelServer();
    home = await makeTempHome({ modelBaseUrl: model.baseUrl });
    daemon = await startDaemonProcess({ home: home.path });
  });

  afterEach(async () => {
    await daemon.kill();
    await model.close();
    await home.remove();
  });

  const ask = (...args: string[]) => runCli(['ask', '--home', home.path, ...args], { cwd: home.workspace });
  const idIn = (stderr: string) => /^conversation (\S+)$/m.exec(stderr)?.[1] ?? '';

  it('starts, goes on with --last and --thread, over a restart, in one file', async () => {
    const first = await ask('hello there');
    const id = idIn(first.stderr);
    expect([first.code, first.stdout]).to.deep.equal([0, 'echo: hello there\n']);
    expect(first.stderr).to.contain(`continue with: rolloutd ask --home ${home.path} --thread ${id} "…"`);
    const before = readConversationFiles(home.path);
    await daemon.stop();
    daemon = await startDaemonProcess({ home: home.path });
    const answers = [await ask('--last', 'second'), await ask('--thread', id, 'third')];
    expect(answers.map(({ code, stdout, stderr }) => [code, stdout, idIn(stderr)])).to.deep.equal([
      [0, 'echo: second\n', id],
      [0, 'echo: third\n', id],
    ]);
    const after = readConversationFiles(home.path);
    expect([before.length, after.map(({ path }) => path)]).to.deep.equal([1, before.map(({ path }) => path)]);
    expect(after[0]!.text.startsWith(before[0]!.text)).to.equal(true);
  });

  it('lists what there is, as a table and as JSON', async () => {
    const empty = await runCli(['list', '--home', home.path]);
    expect([empty.code, empty.stdout, empty.stderr.includes('no conversations yet')]).to.deep.equal([0, '', true]);
    const ids = [idIn((await ask('the first')).stderr), idIn((await ask('the second')).stderr)];
    const table = (await runCli(['list', '--home', home.path])).stdout.trimEnd().split('\n');
    expect(table).to.have.length(3);
    expect(table.slice(1).map((line) => line.slice(0, 36))).to.have.members(ids);
    const json = (await runCli(['list', '--home', home.path, '--json', '--limit', '1'])).stdout.trimEnd().split('\n');
    expect(json.map((line) => ids.includes((JSON.parse(line) as { id: string }).id))).to.deep.equal([true]);
  });

  it('interrupts on Ctrl-C and can go on afterwards', async () => {
    const hanging = startCli(['ask', '--home', home.path, 'hang'], { cwd: home.workspace });
    await hanging.seen('stdout', 'hanging');
    hanging.signal('SIGINT');
    const { code, stdout, stderr } = await hanging.ended;
    expect([code, stdout.startsWith('hanging')]).to.deep.equal([130, true]);
    expect(await ask('--thread', idIn(stderr), 'go on')).to.include({ code: 0, stdout: 'echo: go on\n' });
  });

  it('fails with the reason of a model that refuses', async () => {
    const { code, stdout, stderr } = await ask('fail 400');
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/^rolloutd: .*scripted failure 400.*$/m);
  });

  it('says that the daemon has gone when it is killed in the middle of an answer', async () => {
    const hanging = startCli(['ask', '--home', home.path, '--reconnect', '0.5', 'hang'], { cwd: home.workspace });
    await hanging.seen('stdout', 'hanging');
    await daemon.kill();
    const { code, stderr } = await hanging.ended;
    expect([code, stderr.includes('the connection closed (1006); the answer was cut off')]).to.deep.equal([1, true]);
    expect((await ask('hello')).stderr).to.equal(
      `rolloutd: no daemon runs for ${home.path}; start one with: rolloutd start\n`,
    );
  });

  it('prints an answer whole, however often its connection breaks', async () => {
    const proxy = await WireProxy.start();
    await daemon.stop();
    daemon = await startDaemonProcess({
      home: home.path,
      args: ['-c', `allowed_hosts=["${new URL(proxy.url).host}"]`],
    });
    proxy.setTarget(daemon.url);
    const DELTAS = 400;
    try {
      const asking = startCli(['ask', '--home', home.path, '--url', proxy.url, `deltas ${DELTAS} 16 2`], {
        cwd: home.workspace,
      });
      for (const index of [20, 100, 180, 300]) {
        await asking.seen('stdout', deltaText(index));
        proxy.breakAll();
      }
      const { code, stdout, stderr } = await asking.ended;
      expect([code, stdout]).to.deep.equal([0, `${deltasText(DELTAS)}\n`]);
      expect(stderr.match(/reconnecting/g)).to.have.length(4);
    } finally {
      await proxy.close();
    }
  });

  it('says that the daemon was restarted in the middle of an answer, and how the turn has ended', async () => {
    const hanging = startCli(['ask', '--home', home.path, 'hang'], { cwd: home.workspace });
    await hanging.seen('stdout', 'hanging');
    await daemon.kill();
    await hanging.seen('stderr', 'reconnecting');
    daemon = await startDaemonProcess({ home: home.path });
    const { code, stdout, stderr } = await hanging.ended;
    expect([code, stdout]).to.deep.equal([1, 'hanging\n']);
    expect(stderr).to.contain('the daemon was restarted: this is what is recorded');
    expect(stderr).to.contain('rolloutd: the daemon was restarted, which interrupted the turn');
  });

  it('needs no model and no key for a first answer', async () => {
    rmSync(join(home.path, 'config.toml'));
    const { code, stdout } = await ask('hello');
    expect([code, stdout.includes('offline')]).to.deep.equal([0, true]);
    expect(readConversationFiles(home.path)[0]!.text).to.contain('hello');
  });
});
