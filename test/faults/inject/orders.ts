// What the driver and the layer inside the daemon say to each other. Any thread of both.

export type ThreadRole = 'session' | 'writer' | 'index' | 'other';

/** How a thread is made to die. `spin` does not die: it answers nobody any more. */
export type WayToDie = 'heap' | 'buffers' | 'spin' | 'throw' | 'exit' | 'reject';

export interface DiskFault {
  errno: 'ENOSPC' | 'EIO' | 'EROFS';
  /** `write` refuses bytes, and new files; `half` takes half of the next write first; `sync` takes them and loses them. */
  at: 'write' | 'half' | 'sync';
  /** Part of a path, such as a conversation's id; null fails all rollouts and journals. */
  path: string | null;
}

/** Driver to daemon. */
export type Order =
  | { type: 'die'; thread: number; way: WayToDie }
  /** To the writer, also to one that takes its place later: these faults from now on and no others. */
  | { type: 'disk'; faults: DiskFault[] };

/** Daemon to driver. */
export type Report =
  | { type: 'here'; thread: number; role: ThreadRole }
  | { type: 'exited'; thread: number }
  /** A session worker has begun, or ended, to run this conversation. */
  | { type: 'hosts'; thread: number; conversation: string }
  | { type: 'leaves'; thread: number; conversation: string }
  /** A thread that does nothing else woke up so late. */
  | { type: 'stalled'; atEpochMs: number; lateMs: number }
  /** A write ended early: what is in the file then is the beginning of a record, up to this size. */
  | { type: 'tore'; path: string; size: number }
  /** The writer has taken the faults. */
  | { type: 'diskSet'; thread: number };

/** The channel between the threads of one daemon. */
export const FAULTS_CHANNEL = 'faults';
