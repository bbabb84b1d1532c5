// When a further file of a conversation begins. Pure. Main thread.
import { basename } from 'node:path';
import { parseRolloutName } from '../rollout/file-name.js';

/** Now, but in another second than the former file: readers take the one with the later name for the current one. */
export function laterThan(formerPath: string | null): Date {
  const former = formerPath === null ? null : parseRolloutName(basename(formerPath));
  return new Date(Math.max(Date.now(), (former?.createdAt.getTime() ?? 0) + 1000));
}
