// The table of notifications: what each carries. Its names and audiences are those of notification-names.ts, which the
// type system checks. Main thread.
import { z } from 'zod';
import { planTypeSchema } from './catalog-methods.js';
import { outputStreamSchema } from './command-methods.js';
import { threadItemSchema } from './items.js';
import type { NOTIFICATION_AUDIENCES, NotificationName } from './notification-names.js';
import { intSchema, uintSchema } from './scalars.js';
import {
  readStateSchema,
  threadOwnerSchema,
  threadSchema,
  threadSettingsSchema,
  threadStatusSchema,
  tokenUsageSchema,
  turnErrorSchema,
  turnSchema,
} from './thread.js';

const threadId = z.string();
const inTurn = { threadId, turnId: z.string() };
const inItem = { ...inTurn, itemId: z.string() };

const rateLimitWindow = z.object({
  usedPercent: intSchema,
  windowDurationMins: intSchema.nullish(),
  resetsAt: intSchema.nullish(),
});

const rateLimits = z.object({
  limitId: z.string().nullable(),
  limitName: z.string().nullable(),
  normalModelSlug: z.string().nullable(),
  primary: rateLimitWindow.nullable(),
  secondary: rateLimitWindow.nullable(),
  credits: z.object({ hasCredits: z.boolean(), unlimited: z.boolean(), balance: z.string().nullish() }).nullable(),
  individualLimit: z
    .object({ limit: z.string(), used: z.string(), remainingPercent: intSchema, resetsAt: intSchema })
    .nullable(),
  spendControlReached: z.boolean().nullable(),
  planType: planTypeSchema.nullable(),
  rateLimitReachedType: z
    .enum([
      'rate_limit_reached',
      'workspace_owner_credits_depleted',
      'workspace_member_credits_depleted',
      'workspace_owner_usage_limit_reached',
      'workspace_member_usage_limit_reached',
    ])
    .nullable(),
});

const textPosition = z.object({ line: uintSchema, column: uintSchema });

export const NOTIFICATIONS = {
  'thread/started': { audience: 'all', params: z.object({ thread: threadSchema }) },
  'thread/status/changed': { audience: 'all', params: z.object({ threadId, status: threadStatusSchema }) },
  'thread/closed': { audience: 'all', params: z.object({ threadId }) },
  'thread/owner/changed': {
    audience: 'thread',
    params: z.object({ threadId, owner: threadOwnerSchema.nullable() }),
  },
  'thread/archived': { audience: 'all', params: z.object({ threadId }) },
  'thread/unarchived': { audience: 'all', params: z.object({ threadId }) },
  'thread/deleted': { audience: 'all', params: z.object({ threadId }) },
  'thread/reverted': { audience: 'all', params: z.object({ threadId }) },
  'thread/name/updated': { audience: 'all', params: z.object({ threadId, threadName: z.string().nullish() }) },
  'thread/goal/cleared': { audience: 'all', params: z.object({ threadId }) },
  'thread/settings/updated': {
    audience: 'thread',
    params: z.object({ threadId, threadSettings: threadSettingsSchema }),
  },
  'thread/tokenUsage/updated': {
    audience: 'thread',
    params: z.object({ ...inTurn, tokenUsage: tokenUsageSchema }),
  },
  'thread/readState/changed': { audience: 'thread', params: z.object({ threadId, readState: readStateSchema }) },
  'turn/started': { audience: 'thread', params: z.object({ threadId, turn: turnSchema }) },
  'turn/completed': { audience: 'thread', params: z.object({ threadId, turn: turnSchema }) },
  'item/started': {
    audience: 'thread',
    params: z.object({ item: threadItemSchema, ...inTurn, startedAtMs: intSchema }),
  },
  'item/completed': {
    audience: 'thread',
    params: z.object({
      item: threadItemSchema,
      ...inTurn,
      contentTokenCount: uintSchema.nullable(),
      completedAtMs: intSchema,
    }),
  },
  'item/agentMessage/delta': { audience: 'thread', params: z.object({ ...inItem, delta: z.string() }) },
  'item/reasoning/summaryPartAdded': {
    audience: 'thread',
    params: z.object({ ...inItem, summaryIndex: intSchema }),
  },
  'item/reasoning/summaryTextDelta': {
    audience: 'thread',
    params: z.object({ ...inItem, delta: z.string(), summaryIndex: intSchema }),
  },
  'item/reasoning/textDelta': {
    audience: 'thread',
    params: z.object({ ...inItem, delta: z.string(), contentIndex: intSchema }),
  },
  'item/commandExecution/outputDelta': { audience: 'thread', params: z.object({ ...inItem, delta: z.string() }) },
  'item/commandExecution/terminalInteraction': {
    audience: 'thread',
    params: z.object({ ...inItem, processId: z.string(), stdin: z.string() }),
  },
  'turn/diff/updated': { audience: 'thread', params: z.object({ ...inTurn, diff: z.string() }) },
  'turn/plan/updated': {
    audience: 'thread',
    params: z.object({
      ...inTurn,
      explanation: z.string().nullable(),
      plan: z.array(z.object({ step: z.string(), status: z.enum(['pending', 'inProgress', 'completed']) })),
    }),
  },
  'account/rateLimits/updated': { audience: 'thread', params: z.object({ rateLimits }) },
  'serverRequest/resolved': {
    audience: 'thread',
    params: z.object({ threadId, requestId: z.union([z.string(), intSchema]) }),
  },
  warning: {
    audience: 'thread',
    // `code` is one of docs/errors.md, on a warning that stands for an error reply where there can be none.
    params: z.object({ threadId: threadId.nullish(), message: z.string(), code: z.string().optional() }),
  },
  error: {
    audience: 'thread',
    params: z.object({ error: turnErrorSchema, willRetry: z.boolean(), ...inTurn }),
  },
  'command/exec/outputDelta': {
    audience: 'connection',
    // `capReached`: what the stream says after this is not shown.
    params: z.object({
      processId: z.string(),
      stream: outputStreamSchema,
      deltaBase64: z.string(),
      capReached: z.boolean(),
    }),
  },
  deprecationNotice: {
    audience: 'connection',
    params: z.object({ summary: z.string(), details: z.string().nullable() }),
  },
  configWarning: {
    audience: 'connection',
    params: z.object({
      summary: z.string(),
      details: z.string().nullable(),
      path: z.string().nullish(),
      range: z.object({ start: textPosition, end: textPosition }).nullish(),
    }),
  },
  'remoteControl/status/changed': {
    audience: 'connection',
    params: z.object({
      status: z.enum(['disabled', 'connecting', 'connected', 'errored']),
      serverName: z.string(),
      installationId: z.string(),
      environmentId: z.string().nullable(),
    }),
  },
} as const satisfies {
  [Name in NotificationName]: { audience: (typeof NOTIFICATION_AUDIENCES)[Name]; params: z.ZodType };
};

export type NotificationParams<Name extends NotificationName> = z.infer<(typeof NOTIFICATIONS)[Name]['params']>;
