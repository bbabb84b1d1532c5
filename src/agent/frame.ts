// How a session makes its notifications: once, in the worker, into the ordered outbox. Session worker.
import { notificationIndex } from '../protocol/notification-names.js';
import type { NotificationName } from '../protocol/notification-names.js';
import { frameText } from '../session/frame-text.js';
import type { Outbox, PublishLevel } from './outbox.js';

export function pushNotification(
  outbox: Outbox,
  method: NotificationName,
  params: unknown,
  level: PublishLevel = 'written',
): void {
  outbox.pushFrame(notificationIndex(method), frameText(method, params), level);
}
