// The changes of a patch as rollouts hold them and, by way of toThreadItem, as clients see them. Session worker; pure.
import type { CoreFileChange } from '../../rollout/line.js';
import type { FileState } from './file-state.js';
import type { PlannedFile } from './planned-file.js';
import { unifiedDiff } from './unified-diff.js';

/** As Codex shows them: less than a diff for programs would have. */
const CONTEXT_LINES = 1;

/**
 * From the first state to the last, by absolute path; a moved file is listed where it was. Bytes that are no UTF-8 are shown
 * as replacement characters.
 */
export function toFileChanges(files: readonly PlannedFile[]): Record<string, CoreFileChange> {
  const byRealPath = new Map(files.map((file) => [file.realPath, file]));
  const moved = new Set(files.flatMap(({ movedFrom }) => (movedFrom === null ? [] : [movedFrom])));
  const changes = new Map<string, CoreFileChange>();
  for (const file of files) {
    const { before, after, movedFrom, realPath } = file;
    // A link and what it leads to may both have changed: the name is the link's own.
    const path = byRealPath.has(file.path) ? realPath : file.path;
    const origin = movedFrom === null ? undefined : byRealPath.get(movedFrom);
    if (origin?.after === null) {
      changes.set(origin.path, {
        type: 'update',
        unified_diff: unifiedDiff(bytesOf(origin.before), bytesOf(after), CONTEXT_LINES).hunks,
        move_path: path,
      });
    } else if (after === null) {
      if (before !== null && !moved.has(realPath))
        changes.set(path, { type: 'delete', content: bytesOf(before).toString('utf8') });
    } else if (before === null) {
      changes.set(path, { type: 'add', content: bytesOf(after).toString('utf8') });
    } else if (before !== after) {
      changes.set(path, {
        type: 'update',
        unified_diff: unifiedDiff(bytesOf(before), bytesOf(after), CONTEXT_LINES).hunks,
        move_path: null,
      });
    }
  }
  return Object.fromEntries(changes);
}

function bytesOf(state: FileState | null): Buffer {
  if (state === null) return Buffer.alloc(0);
  return state.type === 'file' ? state.bytes : Buffer.from(state.target);
}
