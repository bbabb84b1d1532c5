// How a daemon ends that was told to: real processes, real sockets.
import { expect } from 'chai';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { journalPathOf, waitForJournal } from '../conversation/journal-watch.js';
import { CheckedClient } from '../support/checked-client.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { FIRST_WORDS, holdAnswers, LAST_WORDS } from './held-answer.js';
import type { LetEnd } from './held-answer.js';
import { whenFolderShows } from './watch-folder.js';

/** In every worker of the daemon: an endless loop from the moment on in which the folder has a file `freeze`. */
const FREEZER = (folder: string): string => `
import { existsSync, writeFileSync } from 'node:fs';
import { isMainThread, threadId } from 'node:worker_threads';
if (!isMainThread) {
  setInterval(() => {
    if (!existsSync(${JSON.stringify(join(folder, 'freeze'))})) return;
    writeFileSync(${JSON.stringify(folder)} + '/frozen-' + threadId, '');
    for (;;);
  }, 10).unref();
}
`;

describe('the end of a daemon', () => {
  let model: ModelServer;
  let home: TempHome;
  let daemon: DaemonProcess;
  let letEnd: LetEnd;
  let clients: CheckedClient[];

  beforeEach(async () => {
    model = await startModelServer();
    letEnd = holdAnswers(model);
    home = await makeTempHome({ modelBaseUrl: model.baseUrl });
    clients = [];
  });

  afterEach(async () => {
    await daemon.kill();
    await model.close();
    await home.remove();
    expect(clients.flatMap(({ schemaErrors }) => schemaErrors)).to.deep.equal([]);
  });

  async function serve(...args: string[]): Promise<void> {
    daemon = await startDaemonProcess({ home: home.path, args });
  }

  async function connect(): Promise<CheckedClient> {
    const client = await CheckedClient.connect(daemon.url, { token: daemon.token });
    clients.push(client);
    return client;
  }

  /** A turn whose answer has begun. */
  async function startHeldTurn(client: CheckedClient) {
    const threadId = await client.startThread();
    const turn = await client.startTurn(threadId, 'hold');
    await client.notification('item/agentMessage/delta', (params) => params['threadId'] === threadId);
    return { threadId, ...turn };
  }

  async function readTurns(threadId: string): Promise<{ status: string; text: string }[]> {
    const client = await connect();
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    return (thread.turns as any[]).map(({ status, items }) => ({
      status,
      text: items.flatMap((item: any) => (item.type === 'agentMessage' ? [item.text] : [])).join(''),
    }));
  }

  function logMessages(): string[] {
    const folder = join(home.path, 'rolloutd', 'logs');
    const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
    return lines.map((line) => (JSON.parse(line) as { message: string }).message);
  }

  it('interrupts what runs, tells it, keeps all its text, and is code 0 within 5 s', async () => {
    await serve();
    const client = await connect();
    const { threadId, done } = await startHeldTurn(client);
    const beganAt = performance.now();
    const { code } = await daemon.kill('SIGTERM');
    expect([code, performance.now() - beganAt < 5_000]).to.deep.equal([0, true]);
    expect([(await done).status, (await client.closed).code]).to.deep.equal(['interrupted', 1001]);
    await serve();
    expect(await readTurns(threadId)).to.deep.equal([{ status: 'interrupted', text: FIRST_WORDS }]);
  });

  it('lets turns end while their grace lasts, and takes neither clients nor turns meanwhile', async () => {
    await serve('-c', 'shutdown_grace_secs=60');
    const client = await connect();
    const { threadId, done } = await startHeldTurn(client);
    const other = await client.startThread();
    const ended = daemon.kill('SIGTERM');
    const status = async () => (await client.call('daemon/status', {})).stopping as boolean;
    while (!(await status()));
    const readiness = await fetch(daemon.url.replace('ws', 'http') + '/readyz');
    const refused = await CheckedClient.connect(daemon.url, { token: daemon.token }).then(
      () => 'connected',
      (error: unknown) => (error as Error).message,
    );
    const turn = await client.ask('turn/start', { threadId: other, input: [{ type: 'text', text: 'hello' }] });
    const start = await client.ask('thread/start', {});
    const expected = { code: -32001, data: { reason: 'shutting_down' } };
    expect([readiness.status, refused]).to.deep.equal([503, 'Unexpected server response: 503']);
    expect([turn.error, start.error].map(({ code, data }: any) => ({ code, data }))).to.deep.equal([
      expected,
      expected,
    ]);
    letEnd();
    expect([(await done).status, (await ended).code]).to.deep.equal(['completed', 0]);
    await serve();
    expect(await readTurns(threadId)).to.deep.equal([{ status: 'completed', text: FIRST_WORDS + LAST_WORDS }]);
  });

  it('leaves behind what does not end, names it in the log, and still is code 0 within 5 s', async () => {
    const preload = join(home.root, 'freezer.mjs');
    writeFileSync(preload, FREEZER(home.root));
    daemon = await startDaemonProcess({ home: home.path, env: { NODE_OPTIONS: `--import ${preload}` } });
    const client = await connect();
    const { threadId } = await startHeldTurn(client);
    await waitForJournal(journalPathOf(home.path, threadId), FIRST_WORDS);
    writeFileSync(join(home.root, 'freeze'), '');
    // The session's worker and the writer's.
    const countFrozen = () => readdirSync(home.root).filter((name) => name.startsWith('frozen-')).length;
    await whenFolderShows(home.root, () => (countFrozen() >= 2 ? true : null));
    const beganAt = performance.now();
    const { code } = await daemon.kill('SIGTERM');
    expect([code, performance.now() - beganAt < 5_000]).to.deep.equal([0, true]);
    expect(logMessages().filter((message) => message.startsWith('left behind'))).to.include.members([
      'left behind: sessions that did not end in time',
      'left behind: rolloutWriter did not close in time',
    ]);
    await serve();
    expect(await readTurns(threadId)).to.deep.equal([{ status: 'interrupted', text: FIRST_WORDS }]);
  });
});
