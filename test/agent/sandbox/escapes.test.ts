// Tries to get out of a real sandbox in every way that we know. Main thread.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { homePlaces, joinPlaces } from '../../../src/agent/sandbox/sandbox-places.js';
import { Sandbox } from '../../../src/agent/sandbox/sandbox.js';
import type { SandboxPolicy } from '../../../src/protocol/thread.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { BARE, makeRunner, requireSandbox } from '../exec/runner-rig.js';
import type { RunnerRig } from '../exec/runner-rig.js';
import { ESCAPES } from './escapes.js';

/** The test's folders lie in a temporary one, which would be writable. */
const NARROW: SandboxPolicy = { type: 'workspaceWrite', excludeSlashTmp: true, excludeTmpdirEnvVar: true };
const WITH_NETWORK: SandboxPolicy = { ...NARROW, networkAccess: true };

describe('a sandbox', () => {
  const folder = useTempFolder();
  let rig: RunnerRig;
  let victim: ChildProcess;
  let servers: Server[];
  let env: Record<string, string>;

  before(async function () {
    await requireSandbox(this);
  });

  beforeEach(async () => {
    const outside = join(folder(), 'outside');
    const home = join(folder(), 'home');
    const project = join(folder(), 'project');
    for (const path of [outside, join(home, 'rolloutd'), join(home, 'sessions/2026'), join(home, 'rules')]) {
      mkdirSync(path, { recursive: true });
    }
    mkdirSync(join(project, '.git/hooks'), { recursive: true });
    const files = ['rolloutd/token', 'auth.json', 'config.toml', 'sessions/2026/rollout-other.jsonl'];
    for (const name of files) writeFileSync(join(home, name), 'SECRET\n', { mode: 0o600 });
    writeFileSync(join(home, 'AGENTS.md'), 'be kind\n');
    writeFileSync(join(outside, 'file'), 'as it was\n');
    writeFileSync(join(project, '.git/config'), 'as it was\n');
    victim = spawn('sleep', ['1000'], { env: { KEY: 'SECRET' }, stdio: 'ignore' });
    const sockets = [join(home, 'rolloutd/daemon.sock'), join(folder(), 'elsewhere.sock')];
    servers = await Promise.all([...sockets, 0].map(listen));
    const places = joinPlaces(homePlaces(home), { hidden: sockets, covered: [], shown: [] });
    rig = makeRunner(folder(), { sandbox: new Sandbox({ places, searchPath: process.env.PATH ?? '' }) });
    env = {
      PROJECT: project,
      OUTSIDE: outside,
      RHOME: home,
      VICTIM: `${victim.pid}`,
      SOCKET: sockets[0]!,
      OTHER_SOCKET: sockets[1]!,
      PORT: `${(servers[2]!.address() as AddressInfo).port}`,
      NODE: process.execPath,
    };
  });

  afterEach(async () => {
    await rig.runner.endAll();
    victim.kill('SIGKILL');
    for (const server of servers) server.close();
  });

  async function run(script: string, sandboxPolicy: SandboxPolicy): Promise<string> {
    const { output } = await rig.runner.exec(rig.script(script, { sandboxPolicy, envChanges: env }));
    return output.head;
  }

  /** What must be as it was, whatever a command said. */
  function look() {
    const { OUTSIDE = '', PROJECT = '', RHOME = '' } = env;
    return {
      outside: readdirSync(OUTSIDE),
      file: existsSync(join(OUTSIDE, 'file')) && readFileSync(join(OUTSIDE, 'file'), 'utf8'),
      git: readFileSync(join(PROJECT, '.git/config'), 'utf8'),
      hooks: readdirSync(join(PROJECT, '.git/hooks')),
      guards: ['.codex', '.agents', '.aws'].filter((name) => existsSync(join(PROJECT, name))),
      home: readdirSync(RHOME).sort(),
      rules: readdirSync(join(RHOME, 'rules')),
      victim: victim.exitCode ?? victim.signalCode,
    };
  }

  for (const { name, script, bare } of ESCAPES) {
    it(`does not let a command ${name}`, async () => {
      const before = look();
      const inside = await run(script, NARROW);
      expect({ escaped: inside.includes('ESCAPED'), after: look() }, inside).to.deep.equal({
        escaped: false,
        after: before,
      });
      if (bare === 'not tried' || (bare === 'escapes as root' && process.getuid?.() !== 0)) return;
      expect(await run(script, BARE), 'without a sandbox').to.include('ESCAPED');
    });
  }

  it('lets a command write where it may, and run what it wrote', async () => {
    const script =
      'printf "#!/bin/sh\\necho works" > tool && chmod +x tool && mkdir -p a/b && ./tool > a/b/c && cat a/b/c';
    expect(await run(script, NARROW)).to.equal('works\n');
  });

  it('lets nothing be written under readOnly', async () => {
    const output = await run('echo x > new || echo refused; echo x > /tmp/new-$$ || echo refused', {
      type: 'readOnly',
    });
    expect([output.match(/^refused$/gm)?.length, readdirSync(env.PROJECT!)]).to.deep.equal([2, ['.git']]);
  });

  it('shows what is written for the agent', async () => {
    expect(await run('cat "$RHOME/AGENTS.md"', NARROW)).to.equal('be kind\n');
  });

  it('lets a command reach a port when the network is on, but no socket of the daemon', async () => {
    const scriptOf = (name: string): string => ESCAPES.find((escape) => escape.name === name)!.script;
    const outputs = [
      await run(scriptOf('reach a port of this machine'), WITH_NETWORK),
      await run(scriptOf("reach the daemon's socket"), WITH_NETWORK),
      await run(scriptOf('reach its socket elsewhere'), WITH_NETWORK),
    ];
    expect(outputs.map((output) => output.includes('ESCAPED'))).to.deep.equal([true, false, false]);
  });

  it('covers a home that lies in the workspace, and does not let it be moved away', async () => {
    const request = rig.script('mv home gone; grep -rq SECRET . && echo ESCAPED; ls home', {
      sandboxPolicy: NARROW,
      workspaceRoots: [folder()],
      cwd: folder(),
    });
    const { output } = await rig.runner.exec(request);
    expect([output.head.includes('ESCAPED'), existsSync(env.RHOME!), output.head.includes('AGENTS.md')]).to.deep.equal([
      false,
      true,
      true,
    ]);
  });

  it('gives no right to write by where a command starts', async () => {
    const request = rig.script('echo x > new || echo refused', { sandboxPolicy: NARROW, cwd: env.OUTSIDE! });
    const { output } = await rig.runner.exec(request);
    expect(output.head).to.include('refused');
  });

  it('guards folders that are not there, for all commands that run, and leaves none behind', async () => {
    const script = 'read x; mkdir -p .codex/deep || echo refused';
    const start = () => rig.runner.exec(rig.script(script, { sandboxPolicy: NARROW, input: true, yieldMs: 200 }));
    const [one, two] = [await start(), await start()];
    const first = await rig.runner.writeStdin(one.processId, '\n', 20_000);
    const second = await rig.runner.writeStdin(two.processId, '\n', 20_000);
    expect([first, second].map(({ output }) => output.head.includes('refused'))).to.deep.equal([true, true]);
    expect(readdirSync(env.PROJECT!)).to.deep.equal(['.git']);
  });

  it('keeps its commands from the workspace of the daemon itself', async () => {
    const request = rig.script('true', { sandboxPolicy: NARROW, cwd: join(env.RHOME!, 'sessions') });
    const code = await rig.runner.exec(request).catch((error: { code: string }) => error.code);
    expect(code).to.equal('sandbox_unavailable');
  });
});

function listen(place: string | number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    const done = (): void => resolve(server);
    if (typeof place === 'number') server.listen(place, '127.0.0.1', done);
    else server.listen(place, done);
  });
}
