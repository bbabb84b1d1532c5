// The text of a notification, made once. Any thread.
import type { NotificationName } from '../protocol/notification-names.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';

/**
 * JSON text of a notification up to, not including, its closing brace: whoever numbers it appends `epoch` and `seq`
 * without parsing. `params` must be JSON-serialisable.
 */
export function frameText(method: NotificationName, params: unknown): string {
  return `{"method":"${method}","params":${stringifyWellFormed(params)},"emittedAtMs":${Date.now()}`;
}
