// Params and results of the turn/* methods. Main thread.
import { z } from 'zod';
import { absolutePathSchema } from './scalars.js';
import {
  approvalsReviewerSchema,
  askForApprovalSchema,
  collaborationModeSchema,
  multiAgentModeSchema,
  personalitySchema,
  reasoningEffortSchema,
  reasoningSummarySchema,
  sandboxPolicySchema,
} from './settings.js';
import { turnEnvironmentSchema } from './thread-methods.js';
import { turnSchema } from './thread.js';
import { userInputSchema } from './user-input.js';

/** What turn/start and turn/steer both take. */
const submission = {
  threadId: z.string(),
  /** The client's own id of this message: a retry with the same one is not a second message. */
  clientUserMessageId: z.string().nullish(),
  input: z.array(userInputSchema),
  responsesapiClientMetadata: z.record(z.string(), z.string()).nullish(),
  responsesapiClientMetadataPatch: z.record(z.string(), z.string()).nullish(),
  additionalContext: z
    .record(
      z.string(),
      z.object({ kind: z.enum(['untrusted', 'application']), value: z.string(), name: z.string().nullish() }),
    )
    .nullish(),
};

/** What turn/start and thread/settings/update both change. Absent and null keep what holds, but for `serviceTier`. */
export const settingsOverrides = {
  disabledPluginIds: z.array(z.string()).nullish(),
  cwd: z.string().nullish(),
  environments: z.array(turnEnvironmentSchema).nullish(),
  approvalPolicy: askForApprovalSchema.nullish(),
  approvalsReviewer: approvalsReviewerSchema.nullish(),
  sandboxPolicy: sandboxPolicySchema.nullish(),
  permissions: z.string().nullish(),
  model: z.string().nullish(),
  /** null goes back to none. */
  serviceTier: z.string().nullish(),
  effort: reasoningEffortSchema.nullish(),
  summary: reasoningSummarySchema.nullish(),
  collaborationMode: collaborationModeSchema.nullish(),
  multiAgentMode: multiAgentModeSchema.nullish(),
  personality: personalitySchema.nullish(),
};

/** Settings given here hold for this turn and those after it, but for `serviceTierForTurn` and `outputSchema`. */
export const turnStartParamsSchema = z.object({
  ...submission,
  ...settingsOverrides,
  turnTrigger: z.string().nullish(),
  parentTurnId: z.string().nullish(),
  rootTurnId: z.string().nullish(),
  toolOutput: z
    .object({
      name: z.string(),
      namespace: z.string().nullish(),
      output: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]),
      retain: z.boolean().optional(),
    })
    .nullish(),
  runtimeWorkspaceRoots: z.array(absolutePathSchema).nullish(),
  serviceTierForTurn: z.string().nullish(),
  /** JSON schema of the final answer. */
  outputSchema: z.unknown().optional(),
  cyberAccessProgram: z.enum(['standard', 'daybreakBlue', 'daybreakRed']).nullish(),
});

/** While a turn runs, the running one: the input was added to it. */
export const turnStartResponseSchema = z.object({ turn: turnSchema });

export const turnSteerParamsSchema = z.object({ ...submission, expectedTurnId: z.string() });

export const turnSteerResponseSchema = z.object({ turnId: z.string() });

export const turnInterruptParamsSchema = z.object({ threadId: z.string(), turnId: z.string() });

export const turnInterruptResponseSchema = z.object({});
