// Errors as they go over the wire: the only place that knows JSON-RPC codes for the daemon's own errors. Main thread.
import { DaemonError } from '../errors.js';
import type { DaemonErrorCode } from '../errors.js';
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  OVERLOADED,
  PARSE_ERROR,
} from '../protocol/error-codes.js';

/** The `error` of a reply. */
export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

const RPC_CODES: Record<DaemonErrorCode, number> = {
  invalid_params: INVALID_PARAMS,
  invalid_request: INVALID_REQUEST,
  invalid_thread_id: INVALID_REQUEST,
  conversation_not_found: INVALID_REQUEST,
  conversation_not_loaded: INVALID_REQUEST,
  conversation_archived: INVALID_REQUEST,
  rollout_not_found: INVALID_REQUEST,
  rollout_path_not_allowed: INVALID_REQUEST,
  rollout_unreadable: INTERNAL_ERROR,
  rollout_conflict: INTERNAL_ERROR,
  rollout_write_failed: INTERNAL_ERROR,
  history_not_materialized: INVALID_REQUEST,
  lineage_broken: INVALID_REQUEST,
  turn_not_found: INVALID_REQUEST,
  forks_depend_on_it: INVALID_REQUEST,
  unsupported_for_thread: INVALID_REQUEST,
  read_state_changed: INVALID_REQUEST,
  stale_path: INVALID_REQUEST,
  history_while_running: INVALID_REQUEST,
  already_has_writer: INVALID_REQUEST,
  turn_running: INVALID_REQUEST,
  lock_unavailable: INTERNAL_ERROR,
  listen_failed: INTERNAL_ERROR,
  session_configured_not_first_event: INTERNAL_ERROR,
  session_failed: INTERNAL_ERROR,
  session_over: INTERNAL_ERROR,
  worker_lost: INTERNAL_ERROR,
  writer_lost: INTERNAL_ERROR,
  index_lost: INTERNAL_ERROR,
  no_active_turn: INVALID_REQUEST,
  active_turn_mismatch: INVALID_REQUEST,
  empty_input: INVALID_REQUEST,
  client_message_conflict: INVALID_REQUEST,
  input_too_large: INVALID_PARAMS,
  server_request_not_pending: INVALID_REQUEST,
  server_request_not_yours: INVALID_REQUEST,
  server_answer_invalid: INVALID_PARAMS,
  config_invalid: INVALID_REQUEST,
  provider_unknown: INVALID_REQUEST,
  provider_unreachable: INVALID_REQUEST,
  auth_missing: INVALID_REQUEST,
  sandbox_unavailable: INTERNAL_ERROR,
  command_not_started: INTERNAL_ERROR,
  command_not_found: INVALID_REQUEST,
  command_input_closed: INVALID_REQUEST,
  command_id_in_use: INVALID_REQUEST,
  too_many_commands: INVALID_REQUEST,
  overloaded: OVERLOADED,
  shutting_down: OVERLOADED,
};

/** `data.reason` is the stable code; what else the error carries stands beside it. */
export function toRpcError(error: unknown): RpcError {
  if (!(error instanceof DaemonError)) {
    return { code: INTERNAL_ERROR, message: error instanceof Error ? error.message : 'internal error' };
  }
  const extra = typeof error.data === 'object' && error.data !== null ? error.data : {};
  return { code: RPC_CODES[error.code], message: error.message, data: { reason: error.code, ...extra } };
}

export function parseError(): RpcError {
  return { code: PARSE_ERROR, message: 'Parse error: the frame is not JSON' };
}

export function invalidRequest(message: string): RpcError {
  return { code: INVALID_REQUEST, message };
}

export function methodNotFound(method: string): RpcError {
  return { code: METHOD_NOT_FOUND, message: `method not found: ${method.slice(0, 100)}` };
}

export function invalidParams(message: string, path: string): RpcError {
  return { code: INVALID_PARAMS, message: `Invalid request: ${message}`, data: { path } };
}

export function overloaded(): RpcError {
  return { code: OVERLOADED, message: 'Server overloaded; retry later.' };
}
