import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonError } from '../../src/errors.js';
import type { StandaloneOutput, StandaloneRequest } from '../../src/session/command-messages.js';
import { CommandThread } from '../../src/session/command-thread.js';
import { endProcesses } from '../../src/session/end-processes.js';
import { CONVERSATION_MARK, hasVariable } from '../../src/session/process-mark.js';
import { waitForEnds } from '../support/process-states.js';
import { useTempFolder } from '../support/temp-folder.js';

/** Dies when it is told of a second command. */
const MORTAL = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads';
    import { StandaloneCommands } from ${JSON.stringify(new URL('../../src/agent/standalone/standalone-commands.js', import.meta.url).href)};
    const commands = new StandaloneCommands({ ...workerData, env: process.env, post: (news) => parentPort.postMessage(news) });
    parentPort.on('message', (request) => {
      if (request.id === 2) throw new Error('it was too much');
      commands.take(request);
    });
  `)}`,
);

describe('CommandThread', () => {
  const folder = useTempFolder();

  const requestFor = (command: string, more: Partial<StandaloneRequest> = {}): StandaloneRequest => ({
    group: 'g',
    argv: ['sh', '-c', command],
    cwd: folder(),
    env: {},
    secretNames: [],
    terminal: null,
    takesInput: false,
    isStreamed: true,
    outputCap: null,
    timeoutMs: null,
    sandboxPolicy: { type: 'dangerFullAccess' },
    ...more,
  });

  it('that dies says so to all who wait, names whose processes are left, and starts again', async () => {
    const told: unknown[] = [];
    const thread = new CommandThread({
      home: folder(),
      workerUrl: MORTAL,
      onProcess: (group, { type }) => told.push([group, type]),
      onDied: (error, groups) => {
        told.push([error.message, groups]);
        for (const group of groups) void endProcesses({ leaders: [], isMarked: hasVariable(CONVERSATION_MARK, group) });
      },
    });
    let first = Promise.resolve<DaemonError | null>(null);
    const pid = await new Promise<number>((resolve) => {
      first = new Promise((settle) => {
        thread.start(requestFor('echo $$; sleep 60'), {
          onOutput: ({ deltaBase64 }) => resolve(Number(Buffer.from(deltaBase64, 'base64').toString())),
          onEnded: () => settle(null),
          onFailed: settle,
        });
      });
    });
    const second = await new Promise<DaemonError>((resolve, reject) => {
      const onEnded = (): void => reject(new Error('it ran'));
      thread.start(requestFor('true'), { onOutput: () => undefined, onEnded, onFailed: resolve });
    });
    expect([second.code, (await first)?.code]).to.deep.equal(['worker_lost', 'worker_lost']);
    expect(told).to.deep.equal([
      ['g', 'processStarted'],
      ['it was too much', ['g']],
    ]);
    expect(await waitForEnds([pid])).to.deep.equal([]);
    const third = await new Promise((resolve, reject) => {
      const request = requestFor('echo again', { isStreamed: false });
      thread.start(request, { onOutput: () => undefined, onEnded: resolve, onFailed: reject });
    });
    expect(third).to.deep.equal({ exitCode: 0, stdout: 'again\n', stderr: '' });
    await thread.close();
  });

  it('keeps a command that writes faster than it is listened to waiting', async () => {
    const thread = new CommandThread({ home: folder(), onProcess: () => undefined, onDied: () => undefined });
    const total = 32 * 1024 * 1024;
    const isWritten = join(folder(), 'written');
    let heard = 0;
    let heardWhenWritten: number | null = null;
    const result = await new Promise((resolve, reject) => {
      const onOutput = ({ bytes }: StandaloneOutput): void => {
        if (heardWhenWritten === null && existsSync(isWritten)) heardWhenWritten = heard;
        heard += bytes;
        for (const end = performance.now() + 1; performance.now() < end;);
      };
      thread.start(requestFor(`head -c ${total} /dev/zero; touch ${isWritten}`), {
        ...{ onOutput, onEnded: resolve, onFailed: reject },
      });
    });
    await thread.close();
    expect([result, heard]).to.deep.equal([{ exitCode: 0, stdout: '', stderr: '' }, total]);
    expect(heardWhenWritten ?? total).to.be.greaterThan(total - 4 * 1024 * 1024);
  });

  it('runs so many commands and no more, and none after its end', async () => {
    const thread = new CommandThread({ home: folder(), onProcess: () => undefined, onDied: () => undefined });
    const results: unknown[] = [];
    const ignore = { onOutput: () => undefined, onEnded: () => undefined, onFailed: () => undefined };
    const start = (): number =>
      thread.start(requestFor('sleep 60'), { ...ignore, onEnded: (result) => results.push(result) });
    for (let count = 0; count < 64; count += 1) start();
    expect(start).to.throw('64 commands run already');
    await thread.close();
    expect(results).to.deep.equal(Array.from({ length: 64 }, () => ({ exitCode: 137, stdout: '', stderr: '' })));
    expect(start).to.throw('shutting down');
  });
});
