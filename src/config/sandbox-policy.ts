// From the configuration's sandbox_mode to the wire's sandbox policy. Any thread.
import type { SandboxMode, SandboxPolicy } from '../protocol/thread.js';
import type { WorkspaceWriteConfig } from './config.js';

/** `workspaceWrite` matters to that mode alone. */
export function toSandboxPolicy(mode: SandboxMode, workspaceWrite: WorkspaceWriteConfig): SandboxPolicy {
  switch (mode) {
    case 'danger-full-access':
      return { type: 'dangerFullAccess' };
    case 'read-only':
      return { type: 'readOnly', networkAccess: false };
    case 'workspace-write':
      return {
        type: 'workspaceWrite',
        writableRoots: [...workspaceWrite.writableRoots],
        networkAccess: workspaceWrite.networkAccess,
        excludeTmpdirEnvVar: workspaceWrite.excludeTmpdirEnvVar,
        excludeSlashTmp: workspaceWrite.excludeSlashTmp,
      };
  }
}
