// How a rollout spells the sandbox of a turn, in its older and its newer form. Pure. Session worker.
import path from 'node:path';
import type { SandboxPolicy } from '../protocol/thread.js';
import { GUARDED_FOLDERS } from '../rollout/permission-profile.js';

/** The rollout's own spelling of a sandbox policy. */
export function toCoreSandboxPolicy(policy: SandboxPolicy): unknown {
  switch (policy.type) {
    case 'dangerFullAccess':
      return { type: 'danger-full-access' };
    case 'readOnly':
      return { type: 'read-only', ...(policy.networkAccess === true ? { network_access: true } : {}) };
    case 'workspaceWrite':
      return {
        type: 'workspace-write',
        writable_roots: policy.writableRoots ?? [],
        network_access: policy.networkAccess ?? false,
        exclude_tmpdir_env_var: policy.excludeTmpdirEnvVar ?? false,
        exclude_slash_tmp: policy.excludeSlashTmp ?? false,
      };
    case 'externalSandbox':
      return { type: 'external-sandbox', network_access: policy.networkAccess ?? 'restricted' };
  }
}

/** The same policy as the newer `permission_profile` spells it. */
export function toPermissionProfile(policy: SandboxPolicy, cwd: string): unknown {
  const network = (allowed: boolean | null | undefined): string => (allowed === true ? 'enabled' : 'restricted');
  const special = (kind: string) => ({ type: 'special', value: { kind } });
  const readRoot = { path: special('root'), access: 'read' };
  switch (policy.type) {
    case 'dangerFullAccess':
      return { type: 'disabled' };
    case 'externalSandbox':
      return { type: 'external', network: policy.networkAccess ?? 'restricted' };
    case 'readOnly':
      return {
        type: 'managed',
        file_system: { type: 'restricted', entries: [readRoot] },
        network: network(policy.networkAccess),
      };
    case 'workspaceWrite': {
      const writable = [cwd, ...(policy.writableRoots ?? [])].map((root) => ({
        path: { type: 'path', path: root },
        access: 'write',
      }));
      const temporary = [
        ...(policy.excludeSlashTmp === true ? [] : ['slash_tmp']),
        ...(policy.excludeTmpdirEnvVar === true ? [] : ['tmpdir']),
      ].map((kind) => ({ path: special(kind), access: 'write' }));
      const guarded = GUARDED_FOLDERS.map((name) => ({
        path: { type: 'path', path: path.join(cwd, name) },
        access: 'read',
        missing_path_behavior: 'skip',
      }));
      return {
        type: 'managed',
        file_system: { type: 'restricted', entries: [readRoot, ...writable, ...temporary, ...guarded] },
        network: network(policy.networkAccess),
      };
    }
  }
}
