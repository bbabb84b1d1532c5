import { expect } from 'chai';
import fc from 'fast-check';
import { toPermissionProfile } from '../../src/agent/sandbox-lines.js';
import type { SandboxPolicy } from '../../src/protocol/thread.js';
import { toProfiledSandbox } from '../../src/rollout/permission-profile.js';

const NARROWEST: SandboxPolicy = { type: 'readOnly', networkAccess: false };

const special = (kind: string, fields: object = {}): object => ({ type: 'special', value: { kind, ...fields } });
const at = (path: string): object => ({ type: 'path', path });
const entry = (path: object, access: string): object => ({ path, access });
const root = entry(special('root'), 'read');
const workspace = entry(at('/ws'), 'write');

function managed(...entries: object[]): object {
  return { type: 'managed', file_system: { type: 'restricted', entries }, network: 'enabled' };
}

describe('toProfiledSandbox', () => {
  it('gives back every policy that this daemon records as a profile', () => {
    const folder = fc.constantFrom('/a', '/a/b', '/ws/inside', '/tmp/x');
    const policies = fc.oneof(
      fc.constant<SandboxPolicy>({ type: 'dangerFullAccess' }),
      fc.record({ type: fc.constant('readOnly' as const), networkAccess: fc.boolean() }),
      fc.record({
        type: fc.constant('externalSandbox' as const),
        networkAccess: fc.constantFrom('enabled' as const, 'restricted' as const),
      }),
      fc.record({
        type: fc.constant('workspaceWrite' as const),
        writableRoots: fc.uniqueArray(folder),
        networkAccess: fc.boolean(),
        excludeTmpdirEnvVar: fc.boolean(),
        excludeSlashTmp: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(policies, fc.constantFrom('/ws', '/'), (policy, cwd) => {
        expect(toProfiledSandbox(toPermissionProfile(policy, cwd), cwd)).to.deep.equal(policy);
      }),
    );
  });

  it('takes the roots of the project for the workspace, and entries that say the same twice for one', () => {
    const guard = entry(special('project_roots', { subpath: '.git' }), 'read');
    const profile = managed(
      root,
      entry(special('project_roots'), 'write'),
      guard,
      guard,
      entry(at('/ws/.aws/'), 'read'),
    );
    expect(toProfiledSandbox(profile, '/ws')).to.deep.equal({
      type: 'workspaceWrite',
      writableRoots: [],
      networkAccess: true,
      excludeTmpdirEnvVar: true,
      excludeSlashTmp: true,
    });
  });

  const narrowed: [string, unknown][] = [
    ['no profile', undefined],
    ['a word', 'disabled'],
    ['a type it does not know', { type: 'sudo' }],
    ['a file system it does not know', { type: 'managed', file_system: { type: 'unrestricted' }, network: 'enabled' }],
    ['a root that is not readable', managed(workspace)],
    ['a root that is writable', managed(entry(special('root'), 'write'))],
    ['a writable place, but not the workspace', managed(root, entry(at('/other'), 'write'))],
    ['a place that must not be read', managed(root, workspace, entry(at('/ws/secret'), 'deny'))],
    ['a place within the workspace that must not be written', managed(root, workspace, entry(at('/ws/fixed'), 'read'))],
    ['a place that is both', managed(root, workspace, entry(at('/ws'), 'read'))],
    ['a pattern', managed(root, entry({ type: 'glob_pattern', pattern: '**/.env' }, 'deny'))],
    ['a special place it does not know', managed(root, workspace, entry(special('unknown', { path: ':x' }), 'read'))],
    ['an entry that is none', managed(root, workspace, [])],
  ];
  for (const [what, profile] of narrowed) {
    it(`becomes the narrowest for ${what}`, () => {
      expect(toProfiledSandbox(profile, '/ws')).to.deep.equal(NARROWEST);
    });
  }
});
