// The text that macOS enforces; nobody runs it here. Main thread.
import { expect } from 'chai';
import { seatbeltProfile } from '../../../src/agent/sandbox/seatbelt-profile.js';

describe('seatbeltProfile()', () => {
  it('denies by default, lets all be read, and has its places in the order in which the last one holds', () => {
    const profile = seatbeltProfile({
      networkAccess: false,
      mounts: [
        { path: '/srv', kind: 'writable' },
        { path: '/srv/.git', kind: 'readOnly' },
        { path: '/Users/me/.rolloutd', kind: 'emptyFolder' },
        { path: '/srv/a "quoted" \\ name', kind: 'emptyFile' },
      ],
    });
    const lines = profile.trimEnd().split('\n');
    expect(lines.slice(0, 2)).to.deep.equal(['(version 1)', '(deny default)']);
    expect(lines.slice(-8)).to.deep.equal([
      '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
      '(allow file-read* file-write* (subpath "/srv"))',
      '(deny file-write* (subpath "/srv/.git"))',
      '(allow file-read* (subpath "/srv/.git"))',
      '(deny file-read* file-write* (subpath "/Users/me/.rolloutd"))',
      '(deny network-outbound (subpath "/Users/me/.rolloutd"))',
      '(deny file-read* file-write* (subpath "/srv/a \\"quoted\\" \\\\ name"))',
      '(deny network-outbound (subpath "/srv/a \\"quoted\\" \\\\ name"))',
    ]);
  });

  it('allows the network only when the policy does', () => {
    const [off, on] = [false, true].map((networkAccess) => seatbeltProfile({ mounts: [], networkAccess }));
    expect([off?.includes('(allow network*)'), on?.includes('(allow network*)')]).to.deep.equal([false, true]);
  });

  it('has as many brackets that close as that open', () => {
    const profile = seatbeltProfile({ mounts: [{ path: '/a', kind: 'writable' }], networkAccess: true });
    expect(profile.split('(').length).to.equal(profile.split(')').length);
  });
});
