// Why a turn failed, as the wire tells it. Any thread.
import type { CodexErrorInfo, TurnError } from '../protocol/thread.js';
import type { EventError } from './line.js';
import { camelCaseKeys, toCamelCase } from './wire-words.js';

/** Wire form of the error in a task_complete or error event. */
export function toTurnError({ message, codex_error_info }: EventError): TurnError {
  return {
    message: typeof message === 'string' ? message : '',
    codexErrorInfo: toErrorInfo(codex_error_info),
    additionalDetails: null,
    misalignment: null,
  };
}

function toErrorInfo(info: unknown): CodexErrorInfo | null {
  if (typeof info === 'string') return toCamelCase(info) as CodexErrorInfo;
  if (typeof info !== 'object' || info === null) return null;
  return camelCaseKeys(info) as CodexErrorInfo;
}
