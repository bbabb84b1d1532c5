// Messages between the rollout writer thread and those who use it. Types only, any thread.
import type { MessagePort } from 'node:worker_threads';
import type { DaemonErrorData } from '../errors.js';

/** Main thread → writer thread, over the worker's own port. */
export type WriterControl =
  | {
      type: 'open';
      conversationId: string;
      /** Absolute path of the rollout; created (0600, folders 0700) at the first append. */
      path: string;
      /** Absolute path of the side journal, or null when this conversation keeps none. */
      journalPath: string | null;
      /** The session's end of the channel is elsewhere; this is the writer's. */
      port: MessagePort;
    }
  | {
      /**
       * The conversation's session is gone, with or without `end`. What it had sent is still written, then its file is
       * closed and the release reported; a conversation that is not open is reported at once.
       */
      type: 'release';
      conversationId: string;
    }
  /** Answered at once, by `pong`. */
  | { type: 'ping' }
  | { type: 'close' };

/** Writer thread → main thread. `closed` comes once every file is written, synced and closed. */
export type WriterReport = { type: 'released'; conversationId: string } | { type: 'pong' } | { type: 'closed' };

/** Session → writer, over the session's own port. Messages of one port are handled in order. */
export type WriterRequest =
  | {
      type: 'append';
      /** Byte offset at which `text` starts in the file: the file's size when nothing went wrong. */
      offset: number;
      /** Whole lines, each with its newline; a first append after a torn tail starts with the newline that closes it. */
      text: string;
      /** True when an acknowledgement of level `synced` is wanted for this text. */
      sync: boolean;
    }
  | {
      type: 'journal';
      /** Complete JSON lines for the side journal, or null to drop the journal. */
      text: string | null;
      /** True starts the journal afresh with `text`; false appends. */
      truncate: boolean;
    }
  | {
      /** No more appends. The writer syncs, drops the journal, answers `ended` and closes the port. */
      type: 'end';
    };

/** Writer → session. Offsets are file sizes in bytes and never go back. */
export type WriterReply =
  | { type: 'ack'; written: number; synced: number }
  | {
      /**
       * An append could not be written. What was sent behind it is dropped; an append that starts at or before the
       * acknowledged end is taken as a new attempt, except after a failed sync.
       */
      type: 'failed';
      error: DaemonErrorData;
    }
  /** The side journal cannot be written, and lacks what comes until it is begun afresh. The rollout goes on without it. */
  | { type: 'journalFailed'; message: string }
  | { type: 'ended'; written: number; synced: number };
