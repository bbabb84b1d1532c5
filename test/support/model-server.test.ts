import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createResponsesModel } from '../../src/agent/model/responses-model.js';
import type { ResponseItem } from '../../src/rollout/response-item.js';
import { collectEvents, joinText, makeProvider, makeRequest, userMessage } from '../agent/model/sampling.js';
import { deltasText, deltaText } from './model-script.js';
import type { ModelServer } from './model-server.js';
import { startModelServer } from './model-server.js';

describe('deltaText', () => {
  it('numbers deltas in any size', () => {
    expect(deltaText(7, 4)).to.equal('007 ');
    expect(deltaText(1234, 3)).to.equal('34 ');
    expect(deltasText(3, 3)).to.equal('00 01 02 ');
  });
});

describe('startModelServer', () => {
  let server: ModelServer;

  afterEach(() => server.close());

  async function ask(text: string, input: ResponseItem[] = [userMessage(text)]): Promise<string> {
    const client = createResponsesModel(makeProvider(server.baseUrl), { sleep: () => Promise.resolve() });
    const events = await collectEvents(client, makeRequest(text, { input }));
    client.close();
    return joinText(events);
  }

  it('keeps the latest requests, and lets a test wait for one', async () => {
    server = await startModelServer({ keepRequests: 2 });
    const second = server.waitForRequest(2);
    for (const text of ['one', 'two', 'three']) await ask(text);
    expect((await second).lastUserText).to.equal('two');
    expect(server.requests.map(({ number, lastUserText }) => [number, lastUserText])).to.deep.equal([
      [2, 'two'],
      [3, 'three'],
    ]);
    expect(server.requestCount).to.equal(3);
    const dropped: unknown = await server.waitForRequest(1).catch((error: unknown) => error);
    expect(String(dropped)).to.contain('request 1 is no longer kept');
  });

  it('tells the output of a tool, and listens to the user again afterwards', async () => {
    server = await startModelServer();
    const call = { type: 'function_call', call_id: 'c', name: 'exec', arguments: '{}' } as const;
    const output = { type: 'function_call_output', call_id: 'c', output: 'done' } as const;
    const input = [userMessage('call exec {}'), call, output];
    expect(await ask('', input)).to.equal('tool said 4 chars: done');
    expect(await ask('', [...input, userMessage('last-input')])).to.equal('input items: 4');
  });

  it('fails as often as told for one request, whatever else is asked meanwhile', async () => {
    server = await startModelServer();
    expect(await ask('cut 2')).to.equal('partial partial echo: cut 2');
    expect(server.requestCount).to.equal(3);
    expect(await ask('', [userMessage('before'), userMessage('fail 500 1')])).to.equal('echo: fail 500 1');
    expect(server.requestCount).to.equal(5);
  });

  it('lets a test answer by itself, and falls back to the commands', async () => {
    server = await startModelServer();
    server.script((request, reply) => {
      if (request.lastUserText !== 'mine') return false;
      reply.create();
      reply.message(['my ', 'own']);
      reply.complete();
    });
    expect(await ask('mine')).to.equal('my own');
    expect(await ask('other')).to.equal('echo: other');
    server.script(null);
    expect(await ask('mine')).to.equal('echo: mine');
  });

  it('lists its model and refuses what it does not know', async () => {
    server = await startModelServer();
    const models = await fetch(`${server.baseUrl}/models`);
    expect(await models.json()).to.have.nested.property('data[0].id', 'scripted-model');
    expect((await fetch(`${server.baseUrl}/nothing`)).status).to.equal(404);
    const broken = await fetch(`${server.baseUrl}/responses`, { method: 'POST', body: '{' });
    expect(broken.status).to.equal(400);
  });

  it('runs as a program of its own until its starter is gone', async () => {
    server = await startModelServer();
    const program = fileURLToPath(new URL('model-server.js', import.meta.url));
    const child = spawn(process.execPath, [program, '--until-stdin-ends'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const client = createResponsesModel(makeProvider(line.toString().trim()));
    expect(joinText(await collectEvents(client, makeRequest('deltas 1000')))).to.equal(deltasText(1000));
    client.close();
    child.stdin.end();
    expect(await once(child, 'exit')).to.deep.equal([0, null]);
  });
});
