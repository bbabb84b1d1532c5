import { expect } from 'chai';
import { environmentText } from '../../../src/agent/context/environment-text.js';
import type { SandboxPolicy } from '../../../src/protocol/thread.js';

function filesystemOf(sandboxPolicy: SandboxPolicy, cwd = '/p'): string {
  const text = environmentText({
    settings: { cwd, workspaceRoots: [cwd], sandboxPolicy },
    shell: 'bash',
    now: new Date(),
  });
  return /<filesystem>.*<\/filesystem>/.exec(text)![0];
}

describe('environmentText', () => {
  it('tells folder, shell, day and zone', () => {
    const settings = {
      cwd: '/p & <q>',
      workspaceRoots: ['/p & <q>', '/r'],
      sandboxPolicy: { type: 'dangerFullAccess' } as const,
    };
    expect(environmentText({ settings, shell: 'zsh', now: new Date(2026, 0, 5, 12) })).to.equal(`<environment_context>
  <cwd>/p &amp; &lt;q&gt;</cwd>
  <shell>zsh</shell>
  <current_date>2026-01-05</current_date>
  <timezone>${Intl.DateTimeFormat().resolvedOptions().timeZone}</timezone>
  <filesystem><workspace_roots><root>/p &amp; &lt;q&gt;</root><root>/r</root></workspace_roots><permission_profile type="disabled"><file_system type="unrestricted" /></permission_profile></filesystem>
</environment_context>`);
  });

  it('tells what the sandbox opens, as Codex does', () => {
    expect(filesystemOf({ type: 'readOnly' })).to.equal(
      '<filesystem><workspace_roots><root>/p</root></workspace_roots><permission_profile type="managed"><file_system type="restricted"><entry access="read"><special>:root</special></entry></file_system></permission_profile></filesystem>',
    );
    expect(filesystemOf({ type: 'workspaceWrite', writableRoots: ['/w'], excludeSlashTmp: true })).to.equal(
      '<filesystem><workspace_roots><root>/p</root><root>/w</root></workspace_roots><permission_profile type="managed"><file_system type="restricted"><entry access="read"><special>:root</special></entry><entry access="write"><path>/p</path></entry><entry access="write"><path>/w</path></entry><entry access="write"><special>:tmpdir</special></entry><entry access="read"><path>/p/.git</path></entry><entry access="read"><path>/p/.agents</path></entry><entry access="read"><path>/p/.codex</path></entry><entry access="read"><path>/p/.aws</path></entry></file_system></permission_profile></filesystem>',
    );
    expect(filesystemOf({ type: 'externalSandbox' })).to.equal(
      '<filesystem><workspace_roots><root>/p</root></workspace_roots><permission_profile type="external"><file_system type="unrestricted" /></permission_profile></filesystem>',
    );
  });
});
