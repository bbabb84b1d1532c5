// Patches in the form that models write them, as the changes to files that they stand for. Any thread.
import { resolve } from 'node:path';
import type { CoreFileChange } from './line.js';

const BEGIN = '*** Begin Patch';
const END = '*** End Patch';

/** `cd FOLDER && apply_patch <<'EOF'`, the patch and `EOF`: what models tell a shell, and nothing besides. */
const SHELL_PATCH =
  /^\s*(?:cd\s+(?:'(?<single>[^']+)'|"(?<double>[^"]+)"|(?<bare>[^\s'"]+))\s*&&\s*)?(?:apply_patch|applypatch)\s*<<\s*(?<quote>['"]?)(?<mark>\w+)\k<quote>\n(?<patch>[^]*?)\n\k<mark>\s*$/;

/**
 * Changes by absolute path, or null when the text is no patch. An update holds its hunks as the patch gives them, without
 * line numbers; what a deleted file held is not known.
 */
export function parsePatch(text: string, cwd: string): Record<string, CoreFileChange> | null {
  const lines = text.trim().split(/\r?\n/);
  if (lines[0]?.trim() !== BEGIN || lines.at(-1)?.trim() !== END) return null;
  const changes: Record<string, CoreFileChange> = {};
  let update: Extract<CoreFileChange, { type: 'update' }> | null = null;
  let added: Extract<CoreFileChange, { type: 'add' }> | null = null;
  for (const line of lines.slice(1, -1)) {
    const [, verb, name = ''] = /^\*\*\* (Add File|Delete File|Update File|Move to): (.+)$/.exec(line) ?? [];
    const path = resolve(cwd, name.trim());
    if (verb === 'Move to') {
      if (update === null) return null;
      update.move_path = path;
    } else if (verb !== undefined) {
      update = verb === 'Update File' ? { type: 'update', unified_diff: '', move_path: null } : null;
      added = verb === 'Add File' ? { type: 'add', content: '' } : null;
      changes[path] = update ?? added ?? { type: 'delete', content: '' };
    } else if (added !== null && line.startsWith('+')) {
      added.content += `${line.slice(1)}\n`;
    } else if (update !== null && !line.startsWith('*** ')) {
      update.unified_diff += `${line}\n`;
    }
  }
  return Object.keys(changes).length === 0 ? null : changes;
}

/** The patch that a shell is told to apply, with the folder it applies to; null when the script does anything else. */
export function patchInScript(script: string, cwd: string): { text: string; cwd: string } | null {
  const { groups } = SHELL_PATCH.exec(script) ?? {};
  if (groups?.patch === undefined) return null;
  return { text: groups.patch, cwd: resolve(cwd, groups.single ?? groups.double ?? groups.bare ?? '.') };
}
