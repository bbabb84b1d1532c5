import { expect } from 'chai';
import { readOssEnvironment } from '../../src/config/oss-environment.js';

const at = (base_url: string) => ({ model_providers: { ollama: { base_url }, lmstudio: { base_url } } });
const BAD_URL = 'CODEX_OSS_BASE_URL is no http:// or https:// address; it is ignored';
const BAD_PORT = 'CODEX_OSS_PORT is no number of a port; it is ignored';

const CASES: [what: string, env: Record<string, string>, table: object, warning: string | null][] = [
  ['nothing', {}, {}, null],
  ['nothing in empty words', { CODEX_OSS_BASE_URL: '', CODEX_OSS_PORT: ' ' }, {}, null],
  ['an address', { CODEX_OSS_BASE_URL: ' http://box:1/v1 ' }, at('http://box:1/v1'), null],
  ['an address over a port', { CODEX_OSS_BASE_URL: 'https://box/v1', CODEX_OSS_PORT: '1' }, at('https://box/v1'), null],
  ['a port of this machine', { CODEX_OSS_PORT: '8080' }, at('http://127.0.0.1:8080/v1'), null],
  ['no address of another kind', { CODEX_OSS_BASE_URL: 'ftp://box' }, {}, BAD_URL],
  ['no address that is none', { CODEX_OSS_BASE_URL: 'box', CODEX_OSS_PORT: '1' }, {}, BAD_URL],
  ['no port 0', { CODEX_OSS_PORT: '0' }, {}, BAD_PORT],
  ['no port beyond the last', { CODEX_OSS_PORT: '65536' }, {}, BAD_PORT],
  ['no port in words', { CODEX_OSS_PORT: '80a' }, {}, BAD_PORT],
];

describe('readOssEnvironment', () => {
  for (const [what, env, table, warning] of CASES) {
    it(`takes ${what}`, () => {
      const read = readOssEnvironment(env);
      expect(JSON.parse(JSON.stringify(read))).to.deep.equal({ table, warning });
    });
  }
});
