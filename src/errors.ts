// The one catalogue of errors that the daemon raises on purpose. Any thread.

/** Every code a DaemonError may carry. docs/errors.md lists them; a test holds the two together. */
export const DAEMON_ERROR_CODES = [
  'invalid_params',
  'invalid_request',
  'invalid_thread_id',
  'conversation_not_found',
  'conversation_not_loaded',
  'conversation_archived',
  'rollout_not_found',
  'rollout_path_not_allowed',
  'rollout_unreadable',
  'rollout_conflict',
  'rollout_write_failed',
  'history_not_materialized',
  'lineage_broken',
  'turn_not_found',
  'forks_depend_on_it',
  'unsupported_for_thread',
  'read_state_changed',
  'stale_path',
  'history_while_running',
  'already_has_writer',
  'turn_running',
  'lock_unavailable',
  'session_configured_not_first_event',
  'session_failed',
  'session_over',
  'worker_lost',
  'writer_lost',
  'index_lost',
  'no_active_turn',
  'active_turn_mismatch',
  'empty_input',
  'client_message_conflict',
  'input_too_large',
  'server_request_not_pending',
  'server_request_not_yours',
  'server_answer_invalid',
  'config_invalid',
  'listen_failed',
  'provider_unknown',
  'provider_unreachable',
  'auth_missing',
  'sandbox_unavailable',
  'command_not_started',
  'command_not_found',
  'command_input_closed',
  'command_id_in_use',
  'too_many_commands',
  'overloaded',
  'shutting_down',
] as const;

export type DaemonErrorCode = (typeof DAEMON_ERROR_CODES)[number];

/** A DaemonError as it crosses a thread: class and prototype are lost on the way, these fields are not. */
export interface DaemonErrorData {
  code: DaemonErrorCode;
  message: string;
  data?: unknown;
}

/** An expected failure with a stable code. `message` is written for the person at the client. */
export class DaemonError extends Error {
  readonly code: DaemonErrorCode;
  readonly data: unknown;

  constructor(code: DaemonErrorCode, message: string, options: { data?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DaemonError';
    this.code = code;
    this.data = options.data;
  }

  /** Plain data for a message port. */
  toData(): DaemonErrorData {
    return { code: this.code, message: this.message, ...(this.data === undefined ? {} : { data: this.data }) };
  }

  static fromData(data: DaemonErrorData): DaemonError {
    return new DaemonError(data.code, data.message, { data: data.data });
  }

  /** Turns whatever was thrown into a DaemonError; `fallback` names the code of an unexpected one. */
  static from(error: unknown, fallback: DaemonErrorCode): DaemonError {
    if (error instanceof DaemonError) return error;
    return new DaemonError(fallback, error instanceof Error ? error.message : String(error), { cause: error });
  }
}
