import { expect } from 'chai';
import { startListener } from '../../src/server/listener.js';
import type { Listener } from '../../src/server/listener.js';
import { exchangeHead, UPGRADE } from './exchange-head.js';

const TOKEN = 'the-token-of-this-home';
const ORIGIN = 'http://localhost:3000';

describe('the listener, every route by every credential', () => {
  let listener: Listener;
  let arrived: number;

  beforeEach(async () => {
    arrived = 0;
    listener = await startListener({
      listen: 'ws://127.0.0.1:0',
      authMode: 'token',
      token: TOKEN,
      allowedOrigins: [ORIGIN],
      allowedHosts: [],
      isReady: () => true,
      onConnection: () => (arrived += 1),
      log: { debug: () => undefined, warn: () => undefined },
    });
  });

  afterEach(() => listener.close());

  const LOCKED = {
    'no auth': 401,
    'bad token': 401,
    'bad header': 401,
    'foreign Origin': 403,
    'null Origin': 403,
    'rebound Host': 403,
    'no Host': 403,
  };
  const HEALTH = { ...LOCKED, 'no auth': 200, 'bad token': 200, 'bad header': 200 };
  const routes: [name: string, line: string, extra: string[], expected: Record<string, number>][] = [
    ['health', 'GET /healthz', [], { ...HEALTH, good: 200, 'good with Origin': 200 }],
    ['health, HEAD', 'HEAD /healthz', [], { ...HEALTH, good: 200, 'good with Origin': 200 }],
    ['readiness', 'GET /readyz?verbose', [], { ...HEALTH, good: 200, 'good with Origin': 200 }],
    ['health, POST', 'POST /healthz', ['Content-Length: 0'], { ...LOCKED, good: 405, 'good with Origin': 405 }],
    ['health by another spelling', 'GET /healthz/', [], { ...LOCKED, good: 426, 'good with Origin': 426 }],
    ['the root', 'GET /', [], { ...LOCKED, good: 426, 'good with Origin': 426 }],
    ['any path', `GET /any/path?token=${TOKEN}`, [], { ...LOCKED, good: 426, 'good with Origin': 426 }],
    [
      'a preflight',
      'OPTIONS /',
      ['Access-Control-Request-Method: GET'],
      { ...LOCKED, good: 405, 'good with Origin': 405 },
    ],
    [
      'a post',
      'POST /',
      ['Content-Length: 0', 'Expect: 100-continue'],
      { ...LOCKED, good: 405, 'good with Origin': 405 },
    ],
    ['an odd expectation', 'GET /', ['Expect: tea'], { ...LOCKED, good: 426, 'good with Origin': 426 }],
    ['an upgrade', 'GET /', UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
    ['an upgrade on a path', `GET /any?token=${TOKEN}`, UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
    ['an upgrade on the health path', 'GET /healthz', UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
    ['an upgrade on the readiness path', 'GET /readyz', UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
    [
      'an upgrade with subprotocols',
      'GET /',
      [...UPGRADE, `Sec-WebSocket-Protocol: bearer.${TOKEN}`],
      { ...LOCKED, good: 101, 'good with Origin': 101 },
    ],
    [
      'an upgrade to something else',
      'GET /healthz',
      ['Connection: Upgrade', 'Upgrade: h2c'],
      { ...LOCKED, good: 400, 'good with Origin': 400 },
    ],
    ['an upgrade by POST', 'POST /', UPGRADE, { ...LOCKED, good: 405, 'good with Origin': 405 }],
  ];
  const good = `Authorization: Bearer ${TOKEN}`;
  const credentials = (port: number): Record<string, string[]> => ({
    'no auth': [`Host: 127.0.0.1:${port}`],
    'bad token': [`Host: 127.0.0.1:${port}`, 'Authorization: Bearer guess'],
    'bad header': [`Host: 127.0.0.1:${port}`, `Authorization: Basic ${TOKEN}`],
    'foreign Origin': [`Host: 127.0.0.1:${port}`, good, `Origin: http://127.0.0.1:${port}`],
    'null Origin': [`Host: 127.0.0.1:${port}`, good, 'Origin: null'],
    'rebound Host': [`Host: evil.example:${port}`, good],
    'no Host': [good],
    good: [`Host: localhost:${port}`, good],
    'good with Origin': [`Host: localhost:${port}`, good, `Origin: ${ORIGIN}`],
  });

  for (const [name, line, extra, expected] of routes) {
    it(`answers ${name} as it should`, async () => {
      const { port } = listener;
      const statuses: Record<string, number> = {};
      for (const [credential, headers] of Object.entries(credentials(port))) {
        const answer = await exchangeHead(port, [`${line} HTTP/1.1`, ...headers, ...extra]);
        statuses[credential] = answer.status;
        expect(JSON.stringify(answer), credential).not.to.contain(TOKEN);
        if (answer.status === 200) expect(answer.body, credential).to.equal('');
      }
      expect(statuses).to.deep.equal(expected);
      expect(arrived).to.equal(expected['good'] === 101 ? 2 : 0);
    });
  }
});
