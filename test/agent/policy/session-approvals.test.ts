import { expect } from 'chai';
import { SessionApprovals } from '../../../src/agent/policy/session-approvals.js';

describe('SessionApprovals', () => {
  const command = { argv: ['/bin/bash', '-lc', 'touch a'], cwd: '/p', escalated: false };

  it('knows a command again by its words, its folder and whether it is escalated', () => {
    const approvals = new SessionApprovals();
    approvals.acceptCommand(command);
    const others = [
      { ...command, argv: ['/bin/bash', '-lc', 'touch b'] },
      { ...command, argv: ['/bin/bash', '-lc touch a'] },
      { ...command, cwd: '/q' },
      { ...command, escalated: true },
    ];
    expect([command, ...others].map((other) => approvals.hasCommand(other))).to.deep.equal([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('accepts a patch again when each of its files was accepted, in whatever patches', () => {
    const approvals = new SessionApprovals();
    approvals.acceptFiles(['/p/a']);
    approvals.acceptFiles(['/p/b']);
    expect([['/p/a'], ['/p/a', '/p/b'], ['/p/a', '/p/c'], []].map((paths) => approvals.hasFiles(paths))).to.deep.equal([
      true,
      true,
      false,
      false,
    ]);
  });
});
