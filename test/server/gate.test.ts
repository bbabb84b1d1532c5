import { expect } from 'chai';
import fc from 'fast-check';
import { DaemonError } from '../../src/errors.js';
import { checkRequest, healthCheckOf, makeGatePolicy } from '../../src/server/gate.js';
import type { GateDecision, GateRequest, GateSettings } from '../../src/server/gate.js';
import { formatUrl, isLoopback, isWildcard, parseListenAddress } from '../../src/server/listen-address.js';

const TOKEN = 'the-token-of-this-home';

function settings(change: Partial<GateSettings> = {}): GateSettings {
  return {
    address: { ip: '127.0.0.1', port: 4545 },
    authMode: 'token',
    token: TOKEN,
    allowedHosts: ['box.example', 'proxy.example:443'],
    allowedOrigins: ['http://localhost:3000'],
    ...change,
  };
}

function request(change: Partial<GateRequest> = {}, headers: Record<string, string | string[]> = {}): GateRequest {
  const all = { host: '127.0.0.1:4545', authorization: `Bearer ${TOKEN}`, ...headers };
  const distinct: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(all)) distinct[name] = Array.isArray(value) ? value : [value];
  return { kind: 'upgrade', method: 'GET', url: '/', headers: distinct, ...change };
}

function verdict(decision: GateDecision): string {
  return decision.ok ? 'ok' : `${decision.status} ${decision.reason}`;
}

describe('checkRequest', () => {
  const policy = makeGatePolicy(settings());
  const check = (...args: Parameters<typeof request>) => verdict(checkRequest(request(...args), policy));

  it('lets in who names this daemon, comes from no web page and has the token', () => {
    expect(check()).to.equal('ok');
  });

  it('says why it refuses, for machines and for people, and repeats nothing of the request', () => {
    expect(checkRequest(request({ url: '/?secret' }, { authorization: 'Bearer guess' }), policy)).to.deep.equal({
      ok: false,
      status: 401,
      reason: 'invalid_token',
      body: {
        error: 'invalid_token',
        message: "This is not the daemon's token. It is in the file rolloutd/token of the daemon's home.",
      },
    });
  });

  for (const host of [
    '127.0.0.1:4545',
    'localhost:4545',
    'LOCALHOST:4545',
    '[::1]:4545',
    'box.example',
    'box.example:4545',
    'proxy.example:443',
  ]) {
    it(`accepts the host ${host}`, () => expect(check({}, { host })).to.equal('ok'));
  }

  for (const host of [
    '',
    'evil.example',
    'evil.example:4545',
    'localhost',
    'localhost:80',
    'localhost.:4545',
    'localhost:4545.evil.example',
    'evil.example:4545@localhost:4545',
    ' localhost:4545',
    '127.0.0.1:04545',
    '127.1:4545',
    '0.0.0.0:4545',
    '::1:4545',
    'proxy.example',
    'box.example:4546',
  ]) {
    it(`refuses the host '${host}' whatever else is right`, () => {
      expect(check({}, { host })).to.equal('403 host_not_allowed');
      expect(check({ kind: 'plain', url: '/healthz' }, { host })).to.equal('403 host_not_allowed');
    });
  }

  it('refuses no Host and more than one', () => {
    expect(check({}, { host: [] })).to.equal('403 host_not_allowed');
    expect(check({}, { host: ['localhost:4545', 'localhost:4545'] })).to.equal('403 host_not_allowed');
  });

  it('accepts an origin only when it is exactly on the list', () => {
    expect(check({}, { origin: 'http://localhost:3000' })).to.equal('ok');
    for (const origin of [
      'null',
      '',
      '*',
      'http://127.0.0.1:4545',
      'https://localhost:3000',
      'http://localhost:3000/',
      'http://localhost:30000',
      'HTTP://localhost:3000',
      'http://evil.example',
    ]) {
      expect(check({}, { origin }), origin).to.equal('403 origin_not_allowed');
      expect(check({ kind: 'plain', url: '/readyz' }, { origin }), origin).to.equal('403 origin_not_allowed');
    }
    expect(check({}, { origin: ['http://localhost:3000', 'http://localhost:3000'] })).to.equal(
      '403 origin_not_allowed',
    );
  });

  it('looks at the host first, then the origin, then the token', () => {
    expect(check({}, { host: 'evil', origin: 'null', authorization: [] })).to.equal('403 host_not_allowed');
    expect(check({}, { origin: 'null', authorization: [] })).to.equal('403 origin_not_allowed');
    expect(check({}, { authorization: [] })).to.equal('401 missing_token');
  });

  it('reads the scheme in any case and tells a bad header from a bad token', () => {
    expect(check({}, { authorization: `bEaReR   ${TOKEN} ` })).to.equal('ok');
    for (const authorization of [
      '',
      TOKEN,
      'Bearer',
      'Bearer ',
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN} ${TOKEN}`,
      `Bearer${TOKEN}`,
    ]) {
      expect(check({}, { authorization }), authorization).to.equal('401 invalid_authorization_header');
    }
    expect(check({}, { authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] })).to.equal(
      '401 invalid_authorization_header',
    );
    for (const token of ['x', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
      expect(check({}, { authorization: `Bearer ${token}` }), token).to.equal('401 invalid_token');
    }
  });

  it('takes the token from nowhere else', () => {
    const elsewhere = {
      authorization: [],
      'sec-websocket-protocol': `bearer.${TOKEN}, ${TOKEN}`,
      cookie: `token=${TOKEN}`,
      'x-token': TOKEN,
      'proxy-authorization': `Bearer ${TOKEN}`,
    };
    expect(check({ url: `/?token=${TOKEN}&access_token=${TOKEN}` }, elsewhere)).to.equal('401 missing_token');
  });

  it('exempts plain health checks from the token, and nothing that only looks like one', () => {
    const none = { authorization: [] };
    for (const url of ['/healthz', '/readyz', '/readyz?x=1']) {
      expect(check({ kind: 'plain', url }, none), url).to.equal('ok');
      expect(check({ kind: 'plain', method: 'HEAD', url }, none), url).to.equal('ok');
      expect(check({ kind: 'plain', method: 'POST', url }, none), url).to.equal('401 missing_token');
      expect(check({ kind: 'upgrade', url }, none), url).to.equal('401 missing_token');
    }
    for (const url of [
      '/',
      '/healthz/',
      '//healthz',
      '/healthz/x',
      '/HEALTHZ',
      '/%68ealthz',
      '/x/../healthz',
      '/healthz#',
      '/healthzz',
    ]) {
      expect(check({ kind: 'plain', url }, none), url).to.equal('401 missing_token');
    }
    for (const url of ['http://127.0.0.1:4545/healthz', 'healthz', '*', '']) {
      expect(check({ kind: 'plain', url }, none), url).to.equal('400 invalid_request_target');
    }
  });

  it('asks for no token when authentication is off, yet still checks host and origin', () => {
    const open = makeGatePolicy(settings({ authMode: 'none', token: null }));
    expect(verdict(checkRequest(request({}, { authorization: [] }), open))).to.equal('ok');
    expect(verdict(checkRequest(request({}, { host: 'evil.example' }), open))).to.equal('403 host_not_allowed');
    expect(verdict(checkRequest(request({}, { origin: 'null' }), open))).to.equal('403 origin_not_allowed');
  });

  it('never lets in a request without the token, whatever it holds', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('Bearer', 'bearer ', '/healthz', '/', 'null', 'localhost:4545'),
    );
    const name = fc.constantFrom(
      'host',
      'origin',
      'authorization',
      'upgrade',
      'cookie',
      'sec-websocket-protocol',
      '__proto__',
    );
    fc.assert(
      fc.property(
        fc.constantFrom<GateRequest['kind']>('plain', 'upgrade'),
        fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'get'),
        text,
        fc.dictionary(name, fc.array(text, { maxLength: 2 })),
        (kind, method, url, headers) => {
          const asked = { kind, method, url, headers: { host: ['localhost:4545'], ...headers } };
          const isHealth = kind === 'plain' && /^\/(healthz|readyz)(\?|$)/.test(url) && /^(GET|HEAD)$/.test(method);
          expect(healthCheckOf(asked) !== null).to.equal(isHealth);
          if (!isHealth) expect(checkRequest(asked, policy).ok).to.equal(false);
        },
      ),
    );
  });
});

describe('makeGatePolicy', () => {
  function refusalOf(change: Partial<GateSettings>): string {
    try {
      makeGatePolicy(settings(change));
    } catch (error) {
      expect(error).to.be.instanceOf(DaemonError).with.property('code', 'config_invalid');
      return (error as DaemonError).message;
    }
    return 'accepted';
  }

  it('refuses no authentication on any address that others can reach', () => {
    for (const ip of ['0.0.0.0', '::', '192.168.1.5', 'fe80::1', '::ffff:10.0.0.1', '1.127.0.0']) {
      expect(refusalOf({ authMode: 'none', address: { ip, port: 1 } }), ip).to.contain('without authentication');
      expect(refusalOf({ authMode: 'token', address: { ip, port: 1 } }), ip).to.equal('accepted');
    }
    for (const ip of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
      expect(refusalOf({ authMode: 'none', address: { ip, port: 1 } }), ip).to.equal('accepted');
    }
  });

  it('refuses to check against no token', () => {
    expect(refusalOf({ token: null })).to.contain('no token');
    expect(refusalOf({ token: '' })).to.contain('no token');
  });

  it('refuses origins that stand for many', () => {
    for (const origin of [
      '*',
      'null',
      '',
      'http://*.example',
      'http://a.example/',
      'localhost:3000',
      'http://a, http://b',
    ]) {
      expect(refusalOf({ allowedOrigins: [origin] }), origin).to.contain('no exact origin');
    }
    expect(refusalOf({ allowedOrigins: ['vscode-webview://abc', 'https://a.example'] })).to.equal('accepted');
  });

  it('knows the daemon by the address it listens on, but not by a wildcard', () => {
    const hosts = (ip: string, port = 4545) => [
      ...makeGatePolicy(settings({ address: { ip, port }, allowedHosts: [] })).hosts,
    ];
    const always = ['127.0.0.1:4545', 'localhost:4545', '[::1]:4545'];
    expect(hosts('0.0.0.0')).to.deep.equal(always);
    expect(hosts('::')).to.deep.equal(always);
    expect(hosts('192.168.1.5')).to.deep.equal([...always, '192.168.1.5:4545']);
    expect(hosts('fd00::5')).to.deep.equal([...always, '[fd00::5]:4545']);
    expect(hosts('127.0.0.1', 80)).to.include.members(['localhost', 'localhost:80', '[::1]']);
  });
});

describe('parseListenAddress', () => {
  it('reads literal addresses only', () => {
    expect(parseListenAddress('ws://127.0.0.1:4545')).to.deep.equal({ ip: '127.0.0.1', port: 4545 });
    expect(parseListenAddress('ws://0.0.0.0:0/')).to.deep.equal({ ip: '0.0.0.0', port: 0 });
    expect(parseListenAddress('ws://[0:0:0:0:0:0:0:1]:65535')).to.deep.equal({ ip: '::1', port: 65_535 });
    for (const listen of [
      '',
      'ws://localhost:4545',
      'http://127.0.0.1:4545',
      'wss://127.0.0.1:4545',
      '127.0.0.1:4545',
      'ws://127.0.0.1',
      'ws://127.0.0.1:65536',
      'ws://127.0.0.1:4545/path',
      'ws://127.1:4545',
      'ws://::1:4545',
      'ws://[127.0.0.1]:4545',
      'ws://[fe80::1%eth0]:4545',
      'ws://user@127.0.0.1:4545',
    ]) {
      expect(() => parseListenAddress(listen), listen)
        .to.throw(DaemonError, 'write ws://IP:PORT')
        .with.property('code', 'config_invalid');
    }
  });

  it('writes an address back as clients use it', () => {
    expect(formatUrl(parseListenAddress('ws://[::1]:1'))).to.equal('ws://[::1]:1');
    expect(formatUrl({ ip: '127.0.0.1', port: 1 })).to.equal('ws://127.0.0.1:1');
  });

  it('tells loopback and wildcard addresses from others', () => {
    const kinds = [
      '127.0.0.1',
      '::1',
      '::ffff:7f00:1',
      '0.0.0.0',
      '::',
      '0:0::0',
      '10.0.0.1',
      '::2',
      'localhost',
      '',
    ].map((ip) => [ip, isLoopback(ip), isWildcard(ip)]);
    expect(kinds).to.deep.equal([
      ['127.0.0.1', true, false],
      ['::1', true, false],
      ['::ffff:7f00:1', true, false],
      ['0.0.0.0', false, true],
      ['::', false, true],
      ['0:0::0', false, true],
      ['10.0.0.1', false, false],
      ['::2', false, false],
      ['localhost', false, false],
      ['', false, false],
    ]);
  });
});
