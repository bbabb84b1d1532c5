// Where the model works, in the envelope that readers know. Pure. Session worker.
import type { SessionSettings } from '../../session/messages.js';
import { toPermissionProfile } from '../sandbox-lines.js';

export interface EnvironmentFacts {
  settings: Pick<SessionSettings, 'cwd' | 'workspaceRoots' | 'sandboxPolicy'>;
  /** Bare name, such as bash. */
  shell: string;
  now: Date;
}

/** Its working folder, shell, day, the folders of the workspace, and what the sandbox lets be read and written. */
export function environmentText({ settings, shell, now }: EnvironmentFacts): string {
  const { cwd, sandboxPolicy } = settings;
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0'));
  const roots = sandboxPolicy.type === 'workspaceWrite' ? (sandboxPolicy.writableRoots ?? []) : [];
  const workspace = [...new Set([...settings.workspaceRoots, ...roots])].map((root) => `<root>${escape(root)}</root>`);
  return [
    '<environment_context>',
    `  <cwd>${escape(cwd)}</cwd>`,
    `  <shell>${escape(shell)}</shell>`,
    `  <current_date>${date.join('-')}</current_date>`,
    `  <timezone>${Intl.DateTimeFormat().resolvedOptions().timeZone}</timezone>`,
    `  <filesystem><workspace_roots>${workspace.join('')}</workspace_roots>${profileText(settings)}</filesystem>`,
    '</environment_context>',
  ].join('\n');
}

/** The profile of a rollout's `permission_profile`, as far as it is read here. */
interface Profile {
  type: string;
  file_system?: { type: string; entries: { access: string; path: { path?: string; value?: { kind: string } } }[] };
}

function profileText({ sandboxPolicy, cwd }: EnvironmentFacts['settings']): string {
  const { type, file_system } = toPermissionProfile(sandboxPolicy, cwd) as Profile;
  if (file_system === undefined) {
    return `<permission_profile type="${type}"><file_system type="unrestricted" /></permission_profile>`;
  }
  const entries = file_system.entries.map(({ access, path }) => {
    const place =
      path.path === undefined ? `<special>:${path.value!.kind}</special>` : `<path>${escape(path.path)}</path>`;
    return `<entry access="${access}">${place}</entry>`;
  });
  return `<permission_profile type="${type}"><file_system type="${file_system.type}">${entries.join('')}</file_system></permission_profile>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
