// The objects that conversations are made of on the wire, and the types by which other rooms name them. zod runs in the
// main thread only: elsewhere `import type`.
import { z } from 'zod';
import { threadItemSchema } from './items.js';
import { intSchema, uintSchema } from './scalars.js';
import {
  activePermissionProfileSchema,
  approvalsReviewerSchema,
  askForApprovalSchema,
  collaborationModeSchema,
  historyModeSchema,
  multiAgentModeSchema,
  personalitySchema,
  reasoningEffortSchema,
  reasoningSummarySchema,
  turnItemsViewSchema,
} from './settings.js';
import type { sandboxModeSchema } from './settings.js';
import { sandboxPolicySchema } from './settings.js';
import type { userInputSchema } from './user-input.js';

export type UserInput = z.infer<typeof userInputSchema>;
export type ThreadItem = z.infer<typeof threadItemSchema>;
export type AskForApproval = z.infer<typeof askForApprovalSchema>;
export type SandboxPolicy = z.infer<typeof sandboxPolicySchema>;
export type SandboxMode = z.infer<typeof sandboxModeSchema>;
export type ReasoningSummary = z.infer<typeof reasoningSummarySchema>;

const httpStatus = z.object({ httpStatusCode: uintSchema.nullish() });

export const codexErrorInfoSchema = z.union([
  z.enum([
    'contextWindowExceeded',
    'sessionBudgetExceeded',
    'usageLimitExceeded',
    'rateLimitExceeded',
    'flexUnavailable',
    'serverOverloaded',
    'modelNotFound',
    'policyCapacityUnavailable',
    'cyberPolicy',
    'misalignmentPolicyViolation',
    'tooManyDenials',
    'internalServerError',
    'unauthorized',
    'badRequest',
    'threadRollbackFailed',
    'sandboxError',
    'other',
    'inferenceHookDenied',
  ]),
  z.object({ httpConnectionFailed: httpStatus }),
  z.object({ responseStreamConnectionFailed: httpStatus }),
  z.object({ responseStreamDisconnected: httpStatus }),
  z.object({ responseTooManyFailedAttempts: httpStatus }),
  z.object({ activeTurnNotSteerable: z.object({ turnKind: z.enum(['review', 'compact']) }) }),
]);
export type CodexErrorInfo = z.infer<typeof codexErrorInfoSchema>;

export const turnErrorSchema = z.object({
  message: z.string(),
  codexErrorInfo: codexErrorInfoSchema.nullable(),
  additionalDetails: z.string().nullable(),
  misalignment: z
    .object({
      errorType: z.string().nullish(),
      detailedExplanation: z.string().nullish(),
      reviewTarget: z.string().nullish(),
      steer: z.object({ message: z.string() }).nullish(),
    })
    .nullable(),
});
export type TurnError = z.infer<typeof turnErrorSchema>;

export const turnSchema = z.object({
  id: z.string(),
  rootTurnId: z.string().nullable(),
  items: z.array(threadItemSchema),
  /** How much of the turn `items` holds. */
  itemsView: turnItemsViewSchema,
  status: z.enum(['inProgress', 'completed', 'interrupted', 'failed']),
  error: turnErrorSchema.nullable(),
  /** Unix seconds, as `completedAt`. */
  startedAt: intSchema.nullable(),
  completedAt: intSchema.nullable(),
  durationMs: intSchema.nullable(),
});
export type Turn = z.infer<typeof turnSchema>;

export const turnsPageSchema = z.object({
  data: z.array(turnSchema),
  nextCursor: z.string().nullable(),
  backwardsCursor: z.string().nullable(),
});

export const threadStatusSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('notLoaded') }),
  z.object({ type: z.literal('idle') }),
  /** The last turn failed; the next one works as any other. */
  z.object({ type: z.literal('systemError') }),
  z.object({
    type: z.literal('active'),
    activeFlags: z.array(z.enum(['waitingOnApproval', 'waitingOnUserInput'])),
  }),
]);
export type ThreadStatus = z.infer<typeof threadStatusSchema>;

/** The process that has a conversation loaded; null for what cannot be told. */
export const threadOwnerSchema = z.object({ pid: intSchema.nullable(), command: z.string().nullable() });
export type ThreadOwner = z.infer<typeof threadOwnerSchema>;

export const gitInfoSchema = z.object({
  sha: z.string().nullable(),
  branch: z.string().nullable(),
  originUrl: z.string().nullable(),
});
export type GitInfo = z.infer<typeof gitInfoSchema>;

export const sessionSourceSchema = z.union([
  z.enum(['cli', 'vscode', 'exec', 'appServer', 'unknown']),
  z.object({ custom: z.string() }),
  z.object({
    subAgent: z.union([
      z.enum(['review', 'compact', 'memory_consolidation']),
      z.object({
        thread_spawn: z.object({
          parent_thread_id: z.string(),
          depth: intSchema,
          agent_path: z.string().nullish(),
          agent_nickname: z.string().nullish(),
          agent_role: z.string().nullish(),
        }),
      }),
      z.object({ other: z.string() }),
    ]),
  }),
]);
export type SessionSource = z.infer<typeof sessionSourceSchema>;

const threadEnvironmentSchema = z.object({
  environmentId: z.string(),
  cwd: z.string(),
  runtimeWorkspaceRoots: z.array(z.string()),
});

export const threadSchema = z.object({
  id: z.string(),
  environments: z.array(threadEnvironmentSchema).nullable(),
  extra: z.record(z.string(), z.unknown()).nullable(),
  sessionId: z.string(),
  forkedFromId: z.string().nullable(),
  attachedToThreadId: z.string().nullable(),
  parentThreadId: z.string().nullable(),
  /** The first user message, or empty. */
  preview: z.string(),
  ephemeral: z.boolean(),
  section: z
    .object({
      id: z.string(),
      name: z.string(),
      appearance: z.object({ color: z.string().nullish(), icon: z.string().nullish() }).nullish(),
    })
    .nullable(),
  sectionEnteredAt: intSchema.nullable(),
  projectId: z.string().nullable(),
  historyMode: historyModeSchema,
  modelProvider: z.string(),
  model: z.string().nullable(),
  reasoningEffort: reasoningEffortSchema.nullable(),
  /** Unix seconds, as the two times below. */
  createdAt: intSchema,
  updatedAt: intSchema,
  recencyAt: intSchema.nullable(),
  status: threadStatusSchema,
  /** Absolute path of the rollout; null for an ephemeral conversation. */
  path: z.string().nullable(),
  cwd: z.string(),
  cliVersion: z.string(),
  originator: z.string().nullable(),
  source: sessionSourceSchema,
  canAcceptDirectInput: z.boolean().nullable(),
  threadSource: z.string().nullable(),
  agentNickname: z.string().nullable(),
  agentRole: z.string().nullable(),
  gitInfo: gitInfoSchema.nullable(),
  name: z.string().nullable(),
  daybreakEnabled: z.boolean().nullable(),
  /** Empty but in the replies to a read or resume that asked for turns. */
  turns: z.array(turnSchema),
});
export type Thread = z.infer<typeof threadSchema>;

const tokenCountsSchema = z.object({
  totalTokens: intSchema,
  inputTokens: intSchema,
  cachedInputTokens: intSchema,
  cacheWriteInputTokens: intSchema,
  outputTokens: intSchema,
  reasoningOutputTokens: intSchema,
});

export const tokenUsageSchema = z.object({
  /** Of the whole conversation. */
  total: tokenCountsSchema,
  /** Of the last request to the model: what the context now holds. */
  last: tokenCountsSchema,
  modelContextWindow: intSchema.nullable(),
});
export type TokenUsage = z.infer<typeof tokenUsageSchema>;

export const readStateSchema = z.object({
  firstUnread: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('threadStart') }),
      z.object({ type: z.literal('turn'), turnId: z.string() }),
    ])
    .nullable(),
  revision: z.string(),
});
export type ReadState = z.infer<typeof readStateSchema>;

export const threadSettingsSchema = z.object({
  disabledPluginIds: z.array(z.string()),
  cwd: z.string(),
  environments: z.array(threadEnvironmentSchema).nullable(),
  approvalPolicy: askForApprovalSchema,
  approvalsReviewer: approvalsReviewerSchema,
  sandboxPolicy: sandboxPolicySchema,
  activePermissionProfile: activePermissionProfileSchema.nullable(),
  model: z.string(),
  modelProvider: z.string(),
  serviceTier: z.string().nullable(),
  effort: reasoningEffortSchema.nullable(),
  summary: reasoningSummarySchema.nullable(),
  collaborationMode: collaborationModeSchema,
  multiAgentMode: multiAgentModeSchema,
  personality: personalitySchema.nullable(),
});
