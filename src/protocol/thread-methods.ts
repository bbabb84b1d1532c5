// Params and results of the thread/* methods. Main thread.
import { z } from 'zod';
import { absolutePathSchema, uint32Schema, uintSchema } from './scalars.js';
import {
  activePermissionProfileSchema,
  approvalsReviewerSchema,
  askForApprovalSchema,
  collaborationModeSchema,
  historyModeSchema,
  multiAgentModeSchema,
  personalitySchema,
  reasoningEffortSchema,
  sandboxModeSchema,
  sandboxPolicySchema,
  sortDirectionSchema,
  turnItemsViewSchema,
} from './settings.js';
import { readStateSchema, threadOwnerSchema, threadSchema, turnsPageSchema } from './thread.js';

/** Where the tools of a conversation or turn run. */
export const turnEnvironmentSchema = z.object({
  environmentId: z.string(),
  cwd: z.string(),
  runtimeWorkspaceRoots: z.array(z.string()).nullish(),
});

const functionTool = {
  name: z.string(),
  description: z.string(),
  inputSchema: z.unknown(),
  deferLoading: z.boolean().optional(),
};

/** A tool without a type is a function. */
const dynamicToolSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('function').optional(), ...functionTool }),
  z.object({
    type: z.literal('namespace'),
    name: z.string(),
    description: z.string(),
    tools: z.array(z.discriminatedUnion('type', [z.object({ type: z.literal('function'), ...functionTool })])),
  }),
]);

/** What thread/start, thread/resume and thread/fork all take. */
const startingSettings = {
  model: z.string().nullish(),
  modelProvider: z.string().nullish(),
  serviceTier: z.string().nullish(),
  cwd: z.string().nullish(),
  runtimeWorkspaceRoots: z.array(absolutePathSchema).nullish(),
  approvalPolicy: askForApprovalSchema.nullish(),
  approvalsReviewer: approvalsReviewerSchema.nullish(),
  sandbox: sandboxModeSchema.nullish(),
  permissions: z.string().nullish(),
  /** Configuration keys that override the files for this conversation. */
  config: z.record(z.string(), z.unknown()).nullish(),
  baseInstructions: z.string().nullish(),
  developerInstructions: z.string().nullish(),
};

export const threadStartParamsSchema = z.object({
  ...startingSettings,
  personality: personalitySchema.nullish(),
  allowProviderModelFallback: z.boolean().optional(),
  serviceName: z.string().nullish(),
  multiAgentMode: multiAgentModeSchema.nullish(),
  ephemeral: z.boolean().nullish(),
  historyMode: historyModeSchema.nullish(),
  sessionStartSource: z.enum(['startup', 'clear']).nullish(),
  threadSource: z.string().nullish(),
  projectId: z.string().nullish(),
  daybreakEnabled: z.boolean().nullish(),
  environments: z.array(turnEnvironmentSchema).nullish(),
  dynamicTools: z.array(dynamicToolSchema).nullish(),
  selectedCapabilityRoots: z
    .array(
      z.object({
        id: z.string(),
        location: z.discriminatedUnion('type', [
          z.object({ type: z.literal('environment'), environmentId: z.string(), path: z.string() }),
        ]),
      }),
    )
    .nullish(),
  mockExperimentalField: z.string().nullish(),
  experimentalRawEvents: z.boolean().optional(),
});

/** The effective settings: what the request asked for, completed and limited by the configuration. */
const startedSettings = {
  thread: threadSchema,
  model: z.string(),
  modelProvider: z.string(),
  serviceTier: z.string().nullable(),
  disabledPluginIds: z.array(z.string()),
  cwd: z.string(),
  runtimeWorkspaceRoots: z.array(z.string()),
  instructionSources: z.array(z.string()),
  approvalPolicy: askForApprovalSchema,
  approvalsReviewer: approvalsReviewerSchema,
  sandbox: sandboxPolicySchema,
  activePermissionProfile: activePermissionProfileSchema.nullable(),
  reasoningEffort: reasoningEffortSchema.nullable(),
  multiAgentMode: multiAgentModeSchema,
  /** Fields of the request that were not applied; absent when all were. */
  ignoredOverrides: z.array(z.string()).optional(),
  /** Where in the thread's numbered notifications the reply stands: it shows what they told up to here. */
  eventsCursor: z.object({ epoch: z.string(), seq: uintSchema }),
};

export const threadStartResponseSchema = z.object(startedSettings);

export const threadResumeParamsSchema = z.object({
  threadId: z.string(),
  /** Items for the model in place of a file. */
  history: z.array(z.looseObject({ type: z.string() })).nullish(),
  /** Of a rollout. A conversation that is not loaded is found by this alone; `threadId` then does not count. */
  path: z.string().nullish(),
  /** With `afterSeq`: the last notification of the thread that the client has, to be given what came after it. */
  afterEpoch: z.string().nullish(),
  afterSeq: uintSchema.nullish(),
  ...startingSettings,
  personality: personalitySchema.nullish(),
  excludeTurns: z.boolean().optional(),
  /** Not the peer's: looks on at what another process owns, or nobody. One that is loaded here is joined as always. */
  readOnly: z.boolean().optional(),
  initialTurnsPage: z
    .object({
      limit: uint32Schema.nullish(),
      sortDirection: sortDirectionSchema.nullish(),
      itemsView: turnItemsViewSchema.nullish(),
    })
    .nullish(),
});

export const threadResumeResponseSchema = z.object({
  ...startedSettings,
  collaborationMode: collaborationModeSchema.nullable(),
  initialTurnsPage: turnsPageSchema.nullable(),
  turnsBackwardsCursor: z.string().nullable(),
  itemsBackwardsCursor: z.string().nullable(),
  /** Only where the conversation is not loaded here: nothing can be started, and `owner` is who could. */
  readOnly: z.literal(true).optional(),
  owner: threadOwnerSchema.nullable().optional(),
  /** What `afterEpoch` and `afterSeq` lead to; absent without them. */
  reattach: z
    .object({
      /** What was missed follows the reply; nothing was missed; what was missed is not known any more. */
      type: z.enum(['replay', 'current', 'resync']),
      reason: z.enum(['epoch_changed', 'expired', 'ahead']).nullable(),
    })
    .optional(),
});

/** All of the source's history unless one of `lastTurnId` (kept) and `beforeTurnId` (not kept) cuts it. */
export const threadForkParamsSchema = z.object({
  threadId: z.string(),
  experimentalPredictionMode: z.boolean().optional(),
  experimentalDisablePredictionMcp: z.boolean().optional(),
  lastTurnId: z.string().nullish(),
  beforeTurnId: z.string().nullish(),
  /** Of the source's rollout; empty counts as absent. `threadId` then does not count. */
  path: z.string().nullish(),
  ...startingSettings,
  ephemeral: z.boolean().optional(),
  attachToSource: z.boolean().optional(),
  threadSource: z.string().nullish(),
  excludeTurns: z.boolean().optional(),
  deferGoalContinuation: z.boolean().optional(),
});

export const threadForkResponseSchema = z.object(startedSettings);

export const threadReadParamsSchema = z.object({ threadId: z.string(), includeTurns: z.boolean().optional() });

export const threadReadResponseSchema = z.object({ thread: threadSchema, readState: readStateSchema.nullable() });

export const threadListParamsSchema = z.object({
  cursor: z.string().nullish(),
  limit: uint32Schema.nullish(),
  sortKey: z.enum(['created_at', 'updated_at', 'recency_at', 'section_position']).nullish(),
  sortDirection: sortDirectionSchema.nullish(),
  /** Absent: the configured provider only; empty: all. */
  modelProviders: z.array(z.string()).nullish(),
  sourceKinds: z
    .array(
      z.enum([
        'cli',
        'vscode',
        'exec',
        'appServer',
        'subAgent',
        'subAgentReview',
        'subAgentCompact',
        'subAgentThreadSpawn',
        'subAgentOther',
        'unknown',
      ]),
    )
    .nullish(),
  originators: z.array(z.string()).nullish(),
  archived: z.boolean().nullish(),
  cwd: z.union([z.string(), z.array(z.string())]).nullish(),
  searchTerm: z.string().nullish(),
  excludedThreadIds: z.array(z.string()).nullish(),
  sectionId: z.string().nullish(),
  projectId: z.string().nullish(),
  parentThreadId: z.string().nullish(),
  ancestorThreadId: z.string().nullish(),
  attachedToThreadId: z.string().nullish(),
  includeAttachedThreads: z.boolean().optional(),
  currentAccountOnly: z.boolean().optional(),
  useStateDbOnly: z.boolean().optional(),
});

export const threadListResponseSchema = z.object({
  data: z.array(threadSchema),
  /** By thread id. */
  readStates: z.record(z.string(), readStateSchema),
  nextCursor: z.string().nullable(),
  backwardsCursor: z.string().nullable(),
  /** Conversations that only the filters for providers and sources, or their defaults, keep out. */
  hiddenCount: uintSchema,
});

export const threadLoadedListParamsSchema = z.object({
  cursor: z.string().nullish(),
  limit: uint32Schema.nullish(),
});

/** Ids in ascending order; the cursor is the last of them. */
export const threadLoadedListResponseSchema = z.object({
  data: z.array(z.string()),
  nextCursor: z.string().nullable(),
});

export const threadUnsubscribeParamsSchema = z.object({ threadId: z.string() });

export const threadUnsubscribeResponseSchema = z.object({
  status: z.enum(['notLoaded', 'notSubscribed', 'unsubscribed']),
});
