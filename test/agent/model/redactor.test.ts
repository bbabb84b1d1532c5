import { expect } from 'chai';
import { createRedactor } from '../../../src/agent/model/redactor.js';
import { makeProvider } from './sampling.js';

describe('createRedactor', () => {
  it('takes out the key in every spelling', () => {
    const redact = createRedactor(makeProvider('http://host/v1', { apiKey: 'a"b/c d' }));
    const base64 = Buffer.from('a"b/c d').toString('base64');
    expect(redact(`1 a"b/c d 2 a\\"b/c d 3 a%22b%2Fc%20d 4 ${base64} 5`)).to.equal('1 *** 2 *** 3 *** 4 *** 5');
  });

  it('takes out secret headers, query parameters and the password of the URL', () => {
    const redact = createRedactor(
      makeProvider('http://ann:p%40ss@host/v1', {
        headers: { 'api-key': 'header-secret', authorization: 'Token other-secret', 'x-flag': 'on' },
        queryParams: { 'api-key': 'query-secret', 'api-version': '2026-01-01' },
      }),
    );
    expect(redact('header-secret other-secret query-secret p%40ss p@ss')).to.equal('*** *** *** *** ***');
    expect(redact('on, version 2026-01-01')).to.equal('on, version 2026-01-01');
  });

  it('leaves every text as it is when there is nothing to hide', () => {
    const redact = createRedactor(makeProvider('not a url', { apiKey: '' }));
    expect(redact('some text')).to.equal('some text');
  });
});
