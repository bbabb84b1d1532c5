import { expect } from 'chai';
import { toSandboxPolicy } from '../../src/config/sandbox-policy.js';

describe('toSandboxPolicy', () => {
  const workspaceWrite = {
    writableRoots: ['/a'],
    networkAccess: true,
    excludeTmpdirEnvVar: true,
    excludeSlashTmp: false,
  };

  it('gives each mode its shape on the wire', () => {
    expect(toSandboxPolicy('read-only', workspaceWrite)).to.deep.equal({ type: 'readOnly', networkAccess: false });
    expect(toSandboxPolicy('danger-full-access', workspaceWrite)).to.deep.equal({ type: 'dangerFullAccess' });
    expect(toSandboxPolicy('workspace-write', workspaceWrite)).to.deep.equal({
      type: 'workspaceWrite',
      writableRoots: ['/a'],
      networkAccess: true,
      excludeTmpdirEnvVar: true,
      excludeSlashTmp: false,
    });
  });
});
