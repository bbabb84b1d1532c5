// The supervisor over small programs in the daemon's place.
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSupervisorState } from '../../src/supervisor/state-file.js';
import type { SupervisorState } from '../../src/supervisor/state-file.js';
import { whenFolderShows } from '../cli/watch-folder.js';
import { runCli } from '../cli/cli-process.js';
import { useTempFolder } from '../support/temp-folder.js';

const PROGRAM = fileURLToPath(new URL('./supervisor-program.js', import.meta.url));

describe('the supervisor', () => {
  const home = useTempFolder();
  let supervisor: ChildProcess | null;

  beforeEach(() => {
    supervisor = null;
    mkdirSync(join(home(), 'rolloutd'), { mode: 0o700 });
  });

  afterEach(() => {
    const daemon = readSupervisorState(home())?.daemon;
    supervisor?.kill('SIGKILL');
    if (daemon != null && supervisor?.exitCode === null) process.kill(daemon.pid, 'SIGKILL');
  });

  /** Resolves to its exit code. */
  async function supervise(daemonCode: string): Promise<number> {
    const daemon = join(home(), 'daemon.mjs');
    writeFileSync(daemon, daemonCode);
    supervisor = spawn(process.execPath, [PROGRAM, home(), daemon, '--home', home()], { stdio: 'ignore' });
    const [code] = (await once(supervisor, 'exit')) as [number];
    return code;
  }

  const state = () => readSupervisorState(home());
  const whenState = (fits: (state: SupervisorState) => boolean) =>
    whenFolderShows(join(home(), 'rolloutd'), () => {
      const found = state();
      return found !== null && fits(found) ? found : null;
    });
  const serviceLog = () => readFileSync(join(home(), 'rolloutd', 'logs', 'service.log'), 'utf8');

  const READY = `process.stdout.write('listening on: ws://127.0.0.1:1\\n');`;
  const LIVES = `${READY} setInterval(() => undefined, 60_000);`;

  it('starts the daemon again when it dies, and ends with it when it is told to', async () => {
    const ended = supervise(`${LIVES} process.on('SIGTERM', () => process.exit(0));`);
    const first = await whenState(({ phase }) => phase === 'running');
    process.kill(first.daemon!.pid, 'SIGKILL');
    const second = await whenState(({ restarts, daemon }) => restarts === 1 && daemon !== null);
    expect(second.reason).to.equal('ended with SIGKILL');
    // It is told before it listens for signals: that is an end by order as well.
    supervisor!.kill('SIGTERM');
    expect([await ended, state()]).to.deep.equal([0, null]);
    expect(serviceLog().match(/started the daemon/g)).to.have.length(2);
  });

  for (const [how, code] of [
    ['ends in order', `${READY} process.exitCode = 0;`],
    ['is told to end at once', `${READY} process.exitCode = 143;`],
    [
      'is ended by a signal that asks it to',
      `process.kill(process.pid, 'SIGTERM'); setInterval(() => undefined, 1000);`,
    ],
  ] as const) {
    it(`does not start again what ${how}`, async () => {
      expect([await supervise(code), state()]).to.deep.equal([0, null]);
    });
  }

  it('gives up at once on a daemon that does not start, and says why', async () => {
    const code = await supervise(
      `process.stderr.write('one thing\\nrolloutd: no such port\\n'); process.exitCode = 1;`,
    );
    const { phase, reason, restarts, daemon } = state()!;
    expect({ code, phase, reason, restarts, daemon }).to.deep.equal({
      code: 1,
      phase: 'failed',
      reason: 'ended with code 1: no such port',
      restarts: 0,
      daemon: null,
    });
  });

  it('takes the words of a crash for the reason, not what stands below them', async () => {
    await supervise(`const start = () => { throw new TypeError('no such bean'); };\nstart();`);
    expect(state()!.reason).to.equal('ended with code 1: TypeError: no such bean');
  });

  it('parks a daemon that dies again and again, with the reason, which status shows', async () => {
    const code = await supervise(`${READY} process.stderr.write('out of luck\\n'); process.exitCode = 7;`);
    const { phase, reason, restarts } = state()!;
    expect({ code, phase, reason, restarts }).to.deep.equal({
      code: 1,
      phase: 'parked',
      reason: 'ended with code 7: out of luck',
      restarts: 5,
    });
    const { code: exit, stdout } = await runCli(['status', '--home', home()]);
    expect(exit).to.equal(3);
    expect(stdout).to.contain('left alone').and.to.contain('it ended with code 7: out of luck');
  });

  it('hands every signal on, the second one as well', async () => {
    const ended = supervise(`
      import { appendFileSync } from 'node:fs';
      let count = 0;
      for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, () => {
        appendFileSync(${JSON.stringify(join(home(), 'rolloutd', 'heard'))}, name + '\\n');
        if (++count === 3) process.exit(143);
      });
      appendFileSync(${JSON.stringify(join(home(), 'rolloutd', 'heard'))}, 'ready\\n');
      ${LIVES}`);
    const heard = (text: string) =>
      whenFolderShows(join(home(), 'rolloutd'), () => {
        try {
          return readFileSync(join(home(), 'rolloutd', 'heard'), 'utf8').endsWith(text) ? true : null;
        } catch {
          return null;
        }
      });
    await heard('ready\n');
    for (const signal of ['SIGHUP', 'SIGINT'] as const) {
      supervisor!.kill(signal);
      await heard(`${signal}\n`);
    }
    supervisor!.kill('SIGTERM');
    expect(await ended).to.equal(0);
  });

  it('ends at once when it is told to while it waits', async () => {
    // Lives of a moment: by the fourth death it waits for some milliseconds, and is told in one of these or in a life.
    const ended = supervise(`${READY} setTimeout(() => process.exit(1), 20);`);
    await whenState(({ phase, restarts }) => phase === 'waiting' && restarts >= 2);
    supervisor!.kill('SIGTERM');
    expect([await ended, state()]).to.deep.equal([0, null]);
  });

  it('loads nothing but Node and itself', async () => {
    const hook = `export async function resolve(specifier, context, next) {
      const resolved = await next(specifier, context);
      process._rawDebug(resolved.url);
      return resolved;
    }`;
    const toUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
    const register = `import { register } from 'node:module'; register(${JSON.stringify(toUrl(hook))});`;
    const code = `await import(${JSON.stringify(new URL('../../src/supervisor/supervisor.js', import.meta.url).href)});`;
    const child = spawn(process.execPath, ['--import', toUrl(register), '--input-type=module', '-e', code]);
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(child, 'close');
    const files = output.split('\n').filter((url) => url.startsWith('file:'));
    const rooms = new Set(files.map((url) => /\/dist\/src\/([^/]+)/.exec(url)?.[1] ?? url));
    expect([...rooms].sort()).to.deep.equal(['auth', 'errors.js', 'supervisor']);
  });
});
