import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../src/log.js';
import type { LogLevel } from '../src/log.js';

const LOG_MODULE = new URL('../src/log.js', import.meta.url).href;

describe('log', () => {
  let root: string;
  let dir: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rolloutd-log-'));
    dir = join(root, 'rolloutd', 'logs');
  });

  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  const todaysName = (): string => `rolloutd-${new Date().toISOString().slice(0, 10)}.log`;

  const makeLog = (level: LogLevel = 'info') => createLog({ dir, level, console: false });

  function readAll(): string {
    return readdirSync(dir)
      .map((name) => readFileSync(join(dir, name), 'utf8'))
      .join('');
  }

  /** Every line, without the time, which is checked to be one. */
  function readLines(): unknown[] {
    const lines = readAll().split('\n').slice(0, -1);
    return lines.map((line) => {
      const { time, ...rest } = JSON.parse(line) as { time: string };
      expect(new Date(time).toISOString()).to.equal(time);
      return rest;
    });
  }

  /** Runs a module that gets `createLog` in a process of its own. */
  function run(code: string): { stdout: string; stderr: string; status: number | null } {
    const program = `import { createLog } from ${JSON.stringify(LOG_MODULE)};\n${code}`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, LOG_DIR: dir },
    });
    return { stdout, stderr, status };
  }

  it('writes one JSON line a call, in order, and close() waits for them', async () => {
    const log = makeLog();
    log.info('first');
    log.warn('second', { thread: 'a', count: 2, big: 10n, nothing: undefined });
    log.error('third\nwith a break');
    await log.close();
    expect(readLines()).to.deep.equal([
      { level: 'info', message: 'first' },
      { level: 'warn', message: 'second', thread: 'a', count: 2, big: '10' },
      { level: 'error', message: 'third\nwith a break' },
    ]);
  });

  it('loses none of many lines of one tick, though it is closed in the same', async () => {
    const log = makeLog();
    for (let index = 0; index < 2000; index++) log.info('line', { index });
    await log.close();
    const indexes = (readLines() as { index: number }[]).map(({ index }) => index);
    expect(indexes).to.deep.equal(Array.from({ length: 2000 }, (_, index) => index));
  });

  it('drops what is below its level and says so beforehand', async () => {
    const log = makeLog('warn');
    log.debug('no');
    log.info('no');
    log.warn('yes');
    const levels: LogLevel[] = ['error', 'warn', 'info', 'debug'];
    expect(levels.map((level) => log.isLevelEnabled(level))).to.deep.equal([true, true, false, false]);
    await log.close();
    expect(readLines()).to.deep.equal([{ level: 'warn', message: 'yes' }]);
  });

  it('does not look at the fields of a line below its level', async () => {
    const log = makeLog('info').child({ area: 'x' });
    let looked = false;
    log.debug('no', {
      get costly() {
        looked = true;
        return 1;
      },
    });
    const started = performance.now();
    for (let count = 0; count < 100_000; count++) log.debug('no');
    const microseconds = (performance.now() - started) / 100;
    await log.close();
    expect(looked).to.equal(false);
    // winston's own disabled call costs more than 2 us; this one is a comparison.
    expect(microseconds).to.be.below(1);
  });

  it('adds the fields of a child, and of a child of it, to each line', async () => {
    const log = makeLog();
    const child = log.child({ thread: 'a', area: 'x' }).child({ area: 'y' });
    child.info('one', { turn: 1 });
    log.info('two');
    await child.close();
    expect(readLines()).to.deep.equal([
      { level: 'info', message: 'one', thread: 'a', area: 'y', turn: 1 },
      { level: 'info', message: 'two' },
    ]);
  });

  it('keeps a field from posing as one of its own', async () => {
    const log = makeLog();
    log.info('real', { message: 'false', level: 'error' });
    await log.close();
    expect(readLines()).to.deep.equal([
      { level: 'info', message: 'real', fields: { message: 'false', level: 'error' } },
    ]);
  });

  it('writes errors with their cause, and fields that JSON cannot hold without failing', async () => {
    const log = makeLog();
    const error = Object.assign(new Error('outer', { cause: new TypeError('inner') }), { code: 'EOUTER' });
    delete error.stack;
    delete (error.cause as Error).stack;
    log.error('failed', { error });
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    log.info('circle', circle);
    await log.close();
    const [first, second] = readLines() as [object, { fields: string }];
    expect(first).to.deep.equal({
      level: 'error',
      message: 'failed',
      error: { name: 'Error', message: 'outer', code: 'EOUTER', cause: { name: 'TypeError', message: 'inner' } },
    });
    expect(second.fields).to.match(/^cannot be written: /);
  });

  it('makes a folder of 0700 and files of 0600, and continues the file of the day', async () => {
    const first = makeLog();
    first.info('before');
    await first.close();
    const second = makeLog();
    second.info('after');
    await second.close();
    expect(readdirSync(dir)).to.deep.equal([todaysName()]);
    expect(statSync(dir).mode & 0o777).to.equal(0o700);
    expect(statSync(join(dir, todaysName())).mode & 0o777).to.equal(0o600);
    expect(readLines()).to.deep.equal([
      { level: 'info', message: 'before' },
      { level: 'info', message: 'after' },
    ]);
  });

  it('rotates by size, keeps the newest five files, and loses no line of those', async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'rolloutd-2001-01-01.log'), 'old\n');
    writeFileSync(join(dir, 'someone-elses.log'), 'kept\n');
    const log = createLog({ dir, level: 'info', console: false, maxFileBytes: 8192 });
    const lineCount = 400;
    for (let index = 0; index < lineCount; index++) {
      log.info('x'.repeat(200), { index });
      // A burst within one tick would be written by several streams at once; real lines come over time.
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    const names = readdirSync(dir);
    expect(names).to.include('someone-elses.log');
    expect(names).not.to.include('rolloutd-2001-01-01.log');
    const own = names.filter((name) => name.startsWith('rolloutd-'));
    expect(own).to.have.length(5);
    const indexes = own
      .flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n').slice(0, -1))
      .map((line) => (JSON.parse(line) as { index: number }).index)
      .sort((a, b) => a - b);
    const firstKept = indexes[0] ?? -1;
    expect(indexes).to.deep.equal(Array.from({ length: lineCount - firstKept }, (_, index) => firstKept + index));
    expect(indexes.length).to.be.above(100);
    for (const name of own) expect(statSync(join(dir, name)).size).to.be.below(9216);
  });

  it('drops lines after close, which may be called again', async () => {
    const log = makeLog();
    log.info('kept');
    await log.close();
    log.info('dropped');
    await log.close();
    expect(readLines()).to.deep.equal([{ level: 'info', message: 'kept' }]);
  });

  it('survives a file that cannot be written, and writes again when it can', async () => {
    mkdirSync(join(dir, todaysName()), { recursive: true });
    const program = `
      import { rmdirSync, readdirSync } from 'node:fs';
      const log = createLog({ dir: process.env.LOG_DIR, level: 'info', console: false, retryAfterMs: 0 });
      const failed = new Promise((resolve) => {
        const write = process.stderr.write.bind(process.stderr);
        process.stderr.write = (text) => { resolve(); return write(text); };
      });
      log.info('lost');
      await failed;
      rmdirSync(process.env.LOG_DIR + '/' + ${JSON.stringify(todaysName())});
      log.info('found');
      await log.close();`;
    const { stderr, status } = run(program);
    expect(status).to.equal(0);
    expect(stderr).to.match(/^rolloutd: the log in .+ cannot be written: EISDIR.*\n$/);
    expect(readLines()).to.deep.equal([{ level: 'info', message: 'found' }]);
  });

  it('does not follow a link where its file should be', () => {
    mkdirSync(dir, { recursive: true });
    const target = join(root, 'target');
    writeFileSync(target, '');
    symlinkSync(target, join(dir, todaysName()));
    const { stderr, status } = run(`
      const log = createLog({ dir: process.env.LOG_DIR, level: 'info', console: false });
      log.info('not there');
      await log.close();`);
    expect(status).to.equal(0);
    expect(stderr).to.include('ELOOP');
    expect(readFileSync(target, 'utf8')).to.equal('');
  });

  it('writes one readable line each to stderr when asked to', () => {
    const { stdout, stderr, status } = run(`
      const log = createLog({ dir: null, level: 'debug', console: true });
      log.debug('small');
      log.error('large\\nbreak', { thread: 'a', apiKey: 'abc' });
      await log.close();`);
    expect({ stdout, status }).to.deep.equal({ stdout: '', status: 0 });
    expect(stderr.replaceAll(/\d{4}-\S+Z/g, 'TIME')).to.equal(
      'TIME debug small\nTIME error large ⏎ break {"thread":"a","apiKey":"[redacted]"}\n',
    );
  });

  it('goes on when nobody reads its stderr any more', async () => {
    const program = `import { createLog } from ${JSON.stringify(LOG_MODULE)};
      const log = createLog({ dir: null, level: 'info', console: true });
      await new Promise((resolve) => process.stdin.once('data', resolve));
      for (let index = 0; index < 5; index++) {
        log.info('nobody reads this');
        await new Promise((resolve) => setImmediate(resolve));
      }
      process.stdout.write('alive');
      process.exit(0);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.destroy();
    child.stdin.write('go');
    const [status] = (await once(child, 'close')) as [number | null];
    expect({ status, stdout }).to.deep.equal({ status: 0, stdout: 'alive' });
  });

  it('writes nowhere and says nothing without folder and console', () => {
    const { stdout, stderr, status } = run(`
      const log = createLog({ dir: null, level: 'debug', console: false });
      log.error('nobody hears');
      if (log.isLevelEnabled('error')) throw new Error('enabled');
      await log.close();`);
    expect({ stdout, stderr, status }).to.deep.equal({ stdout: '', stderr: '', status: 0 });
  });

  describe('secrets', () => {
    const secret = 'k3y-"with\\quotes"/and?more';

    it('keeps a registered secret out in every place and form', async () => {
      const log = makeLog();
      const child = log.child({ area: secret });
      child.addSecret(`${secret}\n`);
      child.info(`in the text ${secret}!`);
      child.info('in fields', { a: secret, b: [{ c: `x${secret}x` }], [secret]: 1 });
      child.info('in a URL', { url: `http://h/?q=${encodeURIComponent(secret)}` });
      child.info('in JSON', { body: JSON.stringify({ value: secret }) });
      child.error('in an error', { error: new Error(secret, { cause: secret }) });
      child.info('in bytes', { bytes: Buffer.from(secret), view: new Uint8Array(Buffer.from(secret)) });
      child.info('in a long text', { text: `${'a'.repeat(4090)}${secret}` });
      await log.close();
      const text = readAll();
      for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), 'k3y-', 'quotes']) {
        expect(text).not.to.include(form);
      }
      expect(text).not.to.include([...Buffer.from(secret)].join(','));
      const lines = readLines();
      expect(lines).to.have.length(7);
      expect(lines[1]).to.deep.equal({
        level: 'info',
        message: 'in fields',
        area: '[redacted]',
        a: '[redacted]',
        b: [{ c: 'x[redacted]x' }],
        '[redacted]': 1,
      });
    });

    it('replaces the longer of two secrets that start alike', async () => {
      const log = makeLog();
      log.addSecret('abcd');
      log.addSecret('abcdefgh');
      log.addSecret('ab');
      log.info('abcdefgh abcdxx abxx');
      await log.close();
      expect(readLines()).to.deep.equal([{ level: 'info', message: '[redacted] [redacted]xx abxx' }]);
    });

    const looks: [string, string, string][] = [
      ['an Authorization header', 'Authorization: Bearer abcdef.ghi', 'Authorization: [redacted]'],
      ['a basic one', 'authorization: Basic dXNlcjpwYXNz', 'authorization: [redacted]'],
      ['a bearer token', 'sent bearer 0123456789abcdef', 'sent bearer [redacted]'],
      ['an OpenAI key', 'Incorrect API key: sk-proj-abcdefghijkl_mnop.', 'Incorrect API key: [redacted].'],
      ['a GitHub token', 'ghp_0123456789abcdefghij', '[redacted]'],
      ['a JWT', 'got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here', 'got [redacted] here'],
      ['a key in a query', 'GET /v1?api_key=hush&x=1', 'GET /v1?api_key=[redacted]&x=1'],
      ['a key in JSON', '{"access_token":"hush","x":1}', '{"access_token":"[redacted]","x":1}'],
      ['a password in a URL', 'http://me:hush@host/path', 'http://[redacted]@host/path'],
    ];
    for (const [what, text, expected] of looks) {
      it(`replaces what looks like a secret: ${what}`, async () => {
        const log = makeLog();
        log.info(text, { deep: [text] });
        await log.close();
        expect(readLines()).to.deep.equal([{ level: 'info', message: expected, deep: [expected] }]);
      });
    }

    it('replaces fields by their names, and leaves counts and ordinary words alone', async () => {
      const log = makeLog();
      const plain = { tokens: 5, tokenUsage: { total: 3 }, inputTokens: 1, keyboard: 'qwerty', note: 'missing token' };
      log.info('ordinary', plain);
      log.info('secret', { Authorization: 'a', api_key: 'b', OPENAI_API_KEY: 'c', bearerToken: 'd', Cookie: ['e'] });
      await log.close();
      expect(readLines()).to.deep.equal([
        { level: 'info', message: 'ordinary', ...plain },
        {
          level: 'info',
          message: 'secret',
          Authorization: '[redacted]',
          api_key: '[redacted]',
          OPENAI_API_KEY: '[redacted]',
          bearerToken: '[redacted]',
          Cookie: '[redacted]',
        },
      ]);
    });

    it('cuts long texts and leaves huge ones out', async () => {
      const log = makeLog();
      log.info('long', { long: 'a'.repeat(5000), huge: 'b'.repeat(2_000_000) });
      await log.close();
      expect(readLines()).to.deep.equal([
        {
          level: 'info',
          message: 'long',
          long: `${'a'.repeat(4096)}… [904 more]`,
          huge: '[2000000 characters left out]',
        },
      ]);
    });
  });
});
