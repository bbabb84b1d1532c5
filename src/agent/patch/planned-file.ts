// One file of a patch, as the parts that plan, write and show it share it. Types alone, for the session worker.
import type { FileState } from './file-state.js';

/** What a patch creates, changes or removes. */
export interface PatchTarget {
  /** Absolute, as the patch names it. */
  path: string;
  /** With all links followed, but for a link that is itself removed. */
  realPath: string;
}

/** One file from what it was to what it shall be. */
export interface PlannedFile extends PatchTarget {
  before: FileState | null;
  after: FileState | null;
  /** The `realPath` of the file that this one was before, when it was moved here; there may be another one there now. */
  movedFrom: string | null;
}
