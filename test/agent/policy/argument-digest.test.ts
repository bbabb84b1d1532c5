import { expect } from 'chai';
import fc from 'fast-check';
import { digestArguments, toCanonicalJson } from '../../../src/agent/policy/argument-digest.js';

describe('digestArguments', () => {
  it('is the SHA-256 of id, tool and arguments in one form', () => {
    const digest = digestArguments('call_1', 'exec_command', { cmd: 'ls', workdir: 'a' });
    expect(digest).to.match(/^[0-9a-f]{64}$/);
    expect(digestArguments('call_1', 'exec_command', { workdir: 'a', cmd: 'ls', tty: undefined })).to.equal(digest);
  });

  it('differs when anything differs', () => {
    const digests = [
      digestArguments('call_1', 'exec_command', { cmd: 'ls' }),
      digestArguments('call_2', 'exec_command', { cmd: 'ls' }),
      digestArguments('call_1', 'shell', { cmd: 'ls' }),
      digestArguments('call_1', 'exec_command', { cmd: 'ls ' }),
      digestArguments('call_1', 'exec_command', { cmd: ['ls'] }),
      digestArguments('call_1', 'exec_command', { cmd: 'ls', tty: null }),
      digestArguments('call_1', 'exec_command', '{"cmd":"ls"}'),
    ];
    expect(new Set(digests).size).to.equal(digests.length);
  });

  it('tells values apart exactly as JSON does, but for the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        expect(JSON.parse(toCanonicalJson(left))).to.deep.equal(JSON.parse(JSON.stringify(left)));
        const isSame = JSON.stringify(left) === JSON.stringify(right);
        if (isSame) expect(toCanonicalJson(left)).to.equal(toCanonicalJson(right));
      }),
    );
    const shuffled = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue()), { selector: ([key]) => key });
    fc.assert(
      fc.property(shuffled, (entries) => {
        expect(toCanonicalJson(Object.fromEntries(entries))).to.equal(
          toCanonicalJson(Object.fromEntries(entries.toReversed())),
        );
      }),
    );
  });
});
