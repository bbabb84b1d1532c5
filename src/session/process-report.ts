// What a session tells the main thread of the processes that it starts, so that they can be ended when it no longer can.
// Types only, any thread.
import type { ProcessIdentity } from './process-table.js';

/** In the order of events: `started` right after the start, `ended` when the process itself is gone, not all its children. */
export type ProcessReport =
  | { type: 'processStarted'; /** Leads a process group of its own. */ process: ProcessIdentity }
  | { type: 'processEnded'; process: ProcessIdentity };
