// When there is no sandbox to be had: the command is refused, never run without. Main thread.
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Sandbox } from '../../../src/agent/sandbox/sandbox.js';
import type { SandboxOptions } from '../../../src/agent/sandbox/sandbox.js';
import type { DaemonError } from '../../../src/errors.js';
import type { SandboxPolicy } from '../../../src/protocol/thread.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { BARE, makeRunner, WORKSPACE } from '../exec/runner-rig.js';

const NO_PLACES = { hidden: [], covered: [], shown: [] };

describe('Sandbox', () => {
  const folder = useTempFolder();

  function wrap(policy: SandboxPolicy, options: Partial<SandboxOptions> = {}) {
    const sandbox = new Sandbox({ places: NO_PLACES, searchPath: folder(), ...options });
    const request = { argv: ['true'], cwd: folder(), policy, workspaceRoots: [folder()], temporaryFolder: null };
    return sandbox.wrap(request).then(
      ({ argv }) => argv,
      ({ code, message }: DaemonError) => ({ code, message }),
    );
  }

  function makeBwrap(script: string): void {
    writeFileSync(join(folder(), 'bwrap'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder(), 'bwrap'), 0o755);
  }

  it('runs a command as it is where the policy asks for no sandbox', async () => {
    expect([await wrap(BARE), await wrap({ type: 'externalSandbox' })]).to.deep.equal([['true'], ['true']]);
  });

  it('says that bwrap is missing', async () => {
    expect(await wrap(WORKSPACE, { platform: 'linux' })).to.deep.equal({
      code: 'sandbox_unavailable',
      message: 'no sandbox for this command: bwrap is not installed (Debian package bubblewrap)',
    });
  });

  it('says why bwrap cannot work, and tries again the next time', async () => {
    makeBwrap('echo "bwrap: No permissions to create new namespace" >&2; exit 1');
    const sandbox = new Sandbox({ places: NO_PLACES, searchPath: folder(), platform: 'linux' });
    const request = { argv: ['true'], cwd: folder(), policy: WORKSPACE, workspaceRoots: [], temporaryFolder: null };
    const refusal = await sandbox.wrap(request).catch((error: DaemonError) => error.message);
    makeBwrap('exit 0');
    const { argv } = await sandbox.wrap(request);
    expect([refusal, argv[0]]).to.deep.equal([
      'no sandbox for this command: bwrap cannot make a sandbox here: bwrap: No permissions to create new namespace',
      join(folder(), 'bwrap'),
    ]);
  });

  it('knows no sandbox for other systems', async () => {
    expect(await wrap(WORKSPACE, { platform: 'win32' })).to.deep.equal({
      code: 'sandbox_unavailable',
      message: 'no sandbox for this command: there is none for win32',
    });
  });

  it('runs nothing when there is none', async () => {
    const sandbox = new Sandbox({ places: NO_PLACES, searchPath: folder(), platform: 'linux' });
    const rig = makeRunner(folder(), { sandbox });
    const request = rig.script('touch ran', { sandboxPolicy: WORKSPACE });
    const code = await rig.runner.exec(request).catch((error: DaemonError) => error.code);
    expect([code, existsSync(join(rig.project, 'ran')), rig.reports]).to.deep.equal(['sandbox_unavailable', false, []]);
  });
});
