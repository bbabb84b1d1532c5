import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';

describe('an image file that is none', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let pipes: string[] = [];
  beforeEach(async () => {
    rig = await DaemonRig.start({ configOverrides: ['max_threads=1'] });
    client = await rig.client();
  });
  afterEach(async () => {
    // Whoever waits for a pipe's other end would keep this process for ever: give them one, so that a failure ends.
    const ends = pipes.map((pipe) => openSync(pipe, constants.O_RDWR));
    for (const pipe of pipes) rmSync(pipe);
    for (const end of ends) closeSync(end);
    pipes = [];
    await rig.close();
  });

  const place = (name: string): string => join(rig.home.workspace, name);
  const images = (...paths: string[]): object[] => paths.map((path) => ({ type: 'localImage', path }));

  /** More of them than threads that read files. */
  function makePipes(): string[] {
    pipes = Array.from({ length: 6 }, (_, index) => place(`pipe-${index}.png`));
    execFileSync('mkfifo', pipes);
    return pipes;
  }

  /** The last words of the user as the model got them. */
  function seenByModel(threadId: string): string[] {
    const request = rig.model.requests.findLast(({ cacheKey }) => cacheKey === threadId)!;
    const item = request.input.findLast(({ role }) => role === 'user')!;
    return (item['content'] as { type: string; text?: string }[]).map(({ type, text }) => text ?? type);
  }

  it('becomes a text that says why, whatever it is', async () => {
    writeFileSync(place('big.png'), '');
    truncateSync(place('big.png'), 25 * 1024 * 1024);
    writeFileSync(place('good.png'), 'bytes');
    mkdirSync(place('folder.png'));
    const threadId = await client.startThread();
    const paths = [makePipes()[0]!, ...['folder.png', 'missing.png', 'big.png', 'good.png'].map(place), '/dev/zero'];
    const { turn } = await client.call('turn/start', { threadId, input: images(...paths) });
    const done = await client.notification('turn/completed', (params) => params['turn'].id === turn.id);
    expect(done.params!['turn'].status).to.equal('completed');
    expect(seenByModel(threadId)).to.deep.equal([
      `[image ${place('pipe-0.png')} could not be read: it is not a file]`,
      `[image ${place('folder.png')} could not be read: it is not a file]`,
      `[image ${place('missing.png')} could not be read: ENOENT: no such file or directory, open '${place('missing.png')}']`,
      `[image ${place('big.png')} could not be read: it is larger than 20971520 bytes]`,
      'input_image',
      '[image /dev/zero has a type that is not supported]',
    ]);
    const input = await client.notification('item/completed', ({ item }) => item.type === 'userMessage');
    expect(input.params!['item'].content.map(({ path }: any) => path)).to.deep.equal(paths);
  });

  it('keeps nobody waiting: not its own conversation, not others, not the end of the daemon', async () => {
    const [threadId, other] = [await client.startThread(), await client.startThread()];
    await client.runTurn(threadId, 'hello');
    const started = client.call('turn/start', { threadId, input: images(...makePipes()) });
    const read = client.call('thread/read', { threadId, includeTurns: true });
    const elsewhere = client.runTurn(other, 'meanwhile');
    const listed = client.call('thread/list', {});
    expect((await read).thread.turns[0].status).to.equal('completed');
    expect((await elsewhere).status).to.equal('completed');
    expect((await listed).data).to.not.have.length(0);
    const { turn } = await started;
    await client.notification('turn/completed', (params) => params['turn'].id === turn.id);
    expect(seenByModel(threadId)).to.have.length(6);

    void client.ask('turn/start', { threadId, input: images(...pipes) });
    await rig.daemon.close();
  });
});
