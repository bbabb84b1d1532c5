// The notifications of the wire by name and number, and who gets them. No zod: session workers load this. Any thread.

/** Every initialized connection; those subscribed to the conversation; one connection, the one it concerns. */
export type NotificationAudience = 'all' | 'thread' | 'connection';

/** In the order that session messages refer to by index. */
export const NOTIFICATION_AUDIENCES = {
  'thread/started': 'all',
  'thread/status/changed': 'all',
  'thread/closed': 'all',
  'thread/owner/changed': 'thread',
  'thread/archived': 'all',
  'thread/unarchived': 'all',
  'thread/deleted': 'all',
  'thread/reverted': 'all',
  'thread/name/updated': 'all',
  'thread/goal/cleared': 'all',
  'thread/settings/updated': 'thread',
  'thread/tokenUsage/updated': 'thread',
  'thread/readState/changed': 'thread',
  'turn/started': 'thread',
  'turn/completed': 'thread',
  'item/started': 'thread',
  'item/completed': 'thread',
  'item/agentMessage/delta': 'thread',
  'item/reasoning/summaryPartAdded': 'thread',
  'item/reasoning/summaryTextDelta': 'thread',
  'item/reasoning/textDelta': 'thread',
  'item/commandExecution/outputDelta': 'thread',
  'item/commandExecution/terminalInteraction': 'thread',
  'turn/diff/updated': 'thread',
  'turn/plan/updated': 'thread',
  'account/rateLimits/updated': 'thread',
  'serverRequest/resolved': 'thread',
  warning: 'thread',
  error: 'thread',
  'command/exec/outputDelta': 'connection',
  deprecationNotice: 'connection',
  configWarning: 'connection',
  'remoteControl/status/changed': 'connection',
} as const satisfies Record<string, NotificationAudience>;

export type NotificationName = keyof typeof NOTIFICATION_AUDIENCES;

export const NOTIFICATION_METHODS: readonly NotificationName[] = Object.keys(
  NOTIFICATION_AUDIENCES,
) as NotificationName[];

const INDICES: ReadonlyMap<NotificationName, number> = new Map(
  NOTIFICATION_METHODS.map((name, index) => [name, index]),
);

/** Index into NOTIFICATION_METHODS. */
export function notificationIndex(name: NotificationName): number {
  return INDICES.get(name)!;
}

export function notificationAudience(name: NotificationName): NotificationAudience {
  return NOTIFICATION_AUDIENCES[name];
}

/** Those that append to a text of one item, made by deltaFrameText(). */
const DELTAS: ReadonlySet<string> = new Set([
  'item/agentMessage/delta',
  'item/reasoning/summaryTextDelta',
  'item/reasoning/textDelta',
  'item/commandExecution/outputDelta',
]);

export function isDelta(name: string): boolean {
  return DELTAS.has(name);
}

/** True for what names its conversation, and so can carry that conversation's count. */
export function isNumbered(name: NotificationName): boolean {
  return name !== 'account/rateLimits/updated';
}
