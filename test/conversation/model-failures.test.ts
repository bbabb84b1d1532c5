import { expect } from 'chai';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { agentTexts } from './wire-story.js';

const KEY = 'sk-test-0123456789abcdef';

/** Nobody listens there; a free port might be taken by whatever else runs. */
const CLOSED_PORT = 1;

describe('a turn whose model fails', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  before(async () => {
    const providers = `
[model_providers.gone]
name = "gone"
base_url = "http://127.0.0.1:${CLOSED_PORT}/v1"
request_max_retries = 1

[model_providers.locked]
name = "locked"
base_url = "http://127.0.0.1:${CLOSED_PORT}/v1"
env_key = "ROLLOUTD_TEST_MISSING_KEY"
`;
    rig = await DaemonRig.start({ extraToml: providers, env: { ROLLOUTD_TEST_MISSING_KEY: '' } });
    client = await rig.client();
  });
  after(() => rig.close());

  const http = (httpStatusCode: number | null) => ({ httpConnectionFailed: { httpStatusCode } });

  /** Command, requests made, what the client is told, words of the message. */
  const rows: [string, number, unknown, RegExp][] = [
    ['fail 400', 1, 'other', /scripted failure 400/],
    ['fail 401', 1, http(401), /401 Unauthorized/],
    ['fail 403', 1, http(403), /403 Forbidden/],
    ['fail 404', 1, http(404), /404 Not Found/],
    ['fail 429', 2, { responseTooManyFailedAttempts: { httpStatusCode: 429 } }, /429 Too Many Requests/],
    ['fail 500', 2, 'internalServerError', /500 Internal Server Error/],
    ['fail 503', 2, http(503), /503 Service Unavailable/],
    ['drop', 2, http(null), /connection failed/],
    ['cut', 2, 'other', /stream disconnected/],
    ['end-early', 2, 'other', /stream disconnected/],
    ['garbage', 2, 'other', /invalid response/],
    ['incomplete', 1, 'other', /max_output_tokens/],
    ['fail 400 context_length_exceeded', 1, 'contextWindowExceeded', /context window/],
    ['respfail context_length_exceeded', 1, 'contextWindowExceeded', /context window/],
    ['respfail insufficient_quota', 1, 'usageLimitExceeded', /quota/],
    ['respfail server_is_overloaded', 1, 'serverOverloaded', /overloaded/],
    ['respfail rate_limit_exceeded', 2, 'rateLimitExceeded', /rate limit/],
  ];

  it('says which kind of failure it was, tries again where that may help, and works again afterwards', async () => {
    const outcomes = await Promise.all(
      rows.map(async ([command, , , message]) => {
        const threadId = await client.startThread();
        const turn = await client.runTurn(threadId, command);
        expect(turn.error.message).to.match(message);
        const requests = rig.model.requests.filter(({ cacheKey }) => cacheKey === threadId).length;
        const told = client.received.filter(
          ({ method, params }) => method === 'error' && params!['threadId'] === threadId,
        );
        expect(told.map(({ params }) => params!['willRetry'])).to.deep.equal(requests === 2 ? [true, false] : [false]);
        expect(told.at(-1)!.params!['error']).to.deep.equal(turn.error);
        const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
        expect(thread.status).to.deep.equal({ type: 'systemError' });
        expect([thread.turns[0].status, thread.turns[0].error]).to.deep.equal(['failed', turn.error]);
        const next = await client.runTurn(threadId, 'recover');
        expect([next.status, agentTexts(next)]).to.deep.equal(['completed', ['echo: recover']]);
        return [command, turn.status, requests, turn.error.codexErrorInfo];
      }),
    );
    expect(outcomes).to.deep.equal(rows.map(([command, requests, info]) => [command, 'failed', requests, info]));
  });

  it('ends when nobody listens at the address', async () => {
    const threadId = await client.startThread({ modelProvider: 'gone' });
    const turn = await client.runTurn(threadId, 'hello');
    expect([turn.status, turn.error.codexErrorInfo]).to.deep.equal(['failed', http(null)]);
    expect(turn.error.message).to.match(/^connection failed: connect ECONNREFUSED/);
  });

  it('can be stopped while it waits for the next try', async () => {
    const threadId = await client.startThread();
    const { turnId, done } = await client.startTurn(threadId, 'retry-after 30');
    await client.notification('error', (params) => params['turnId'] === turnId);
    await client.call('turn/interrupt', { threadId, turnId });
    expect((await done).status).to.equal('interrupted');
  });

  it('says what to do when the provider has no key, without asking anybody', async () => {
    const threadId = await client.startThread({ modelProvider: 'locked' });
    const warned = await client.notification('warning', (params) => params['threadId'] === threadId);
    const turn = await client.runTurn(threadId, 'hello');
    expect([turn.status, turn.error.codexErrorInfo]).to.deep.equal(['failed', 'unauthorized']);
    expect(turn.error.message).to.contain('set ROLLOUTD_TEST_MISSING_KEY');
    expect(warned.params!['message']).to.equal(turn.error.message);
  });
});

describe('the key of a provider', () => {
  it('goes to the model, and nowhere else, also when the model repeats it', async () => {
    const env = { ROLLOUTD_TEST_KEY: KEY };
    const rig = await DaemonRig.start({
      env,
      logLevel: 'debug',
      configOverrides: [
        'model_providers.mock.env_key="ROLLOUTD_TEST_KEY"',
        'model_providers.mock.http_headers={"X-Api-Key"="header-secret-4711"}',
      ],
    });
    try {
      const secrets = [KEY, 'header-secret-4711'];
      rig.model.script(({ number, headers }, reply) => {
        const said = `you sent ${headers.authorization} and ${String(headers['x-api-key'])}`;
        if (number === 1) return reply.failWith(401, 'invalid_api_key', said);
        if (number === 2) return reply.failResponse('server_error', said);
        return false;
      });
      const client = await rig.client();
      const threadId = await client.startThread();
      const first = await client.runTurn(threadId, 'hello');
      expect(first.error.message).to.contain('you sent');
      expect((await client.runTurn(threadId, 'hello')).status).to.equal('completed');
      expect(rig.model.requests.map(({ headers }) => headers.authorization)).to.deep.equal(
        Array<string>(3).fill(`Bearer ${KEY}`),
      );
      await client.call('thread/read', { threadId, includeTurns: true });
      await client.call('config/read', { includeLayers: true });
      const wire = JSON.stringify(client.received);
      await rig.daemon.close();
      const files = (readdirSync(rig.home.path, { recursive: true }) as string[])
        .map((name) => join(rig.home.path, name))
        .filter((file) => statSync(file).isFile());
      expect(files.some((file) => file.endsWith('.jsonl'))).to.equal(true);
      expect(files.some((file) => file.endsWith('.log'))).to.equal(true);
      const texts = new Map([['the wire', wire], ...files.map((file) => [file, readFileSync(file, 'utf8')] as const)]);
      const leaks = [...texts].filter(([, text]) => secrets.some((secret) => text.includes(secret)));
      expect(leaks.map(([where]) => where)).to.deep.equal([]);
    } finally {
      await rig.close();
    }
  });
});
