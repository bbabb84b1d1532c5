// Settings of a conversation as the wire spells them: approvals, sandbox, reasoning, modes. Main thread.
import { z } from 'zod';
import { absolutePathSchema } from './scalars.js';
import { wordUnknownVariant } from './wording.js';

/** Error map of a union of names and one-key objects: a wrong name is told all of them. */
function oneOf(...names: readonly string[]) {
  return {
    error: ({ input }: { input?: unknown }): string | undefined =>
      typeof input === 'string' ? wordUnknownVariant(input, names) : undefined,
  };
}

export const askForApprovalSchema = z.union(
  [
    z.enum(['untrusted', 'on-request', 'never']),
    z.object({
      granular: z.object({
        sandbox_approval: z.boolean(),
        rules: z.boolean(),
        skill_approval: z.boolean().optional(),
        request_permissions: z.boolean().optional(),
        mcp_elicitations: z.boolean(),
      }),
    }),
  ],
  oneOf('untrusted', 'on-request', 'granular', 'never'),
);

export const approvalsReviewerSchema = z.enum(['user', 'auto_review', 'guardian_subagent']);

export const sandboxModeSchema = z.enum(['read-only', 'workspace-write', 'danger-full-access']);

/** Absent fields mean the narrow value: no network, no extra roots, temporary folders writable. */
export const sandboxPolicySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('dangerFullAccess') }),
  z.object({ type: z.literal('readOnly'), networkAccess: z.boolean().optional() }),
  z.object({
    type: z.literal('externalSandbox'),
    networkAccess: z.enum(['restricted', 'enabled']).optional(),
  }),
  z.object({
    type: z.literal('workspaceWrite'),
    writableRoots: z.array(absolutePathSchema).optional(),
    networkAccess: z.boolean().optional(),
    excludeTmpdirEnvVar: z.boolean().optional(),
    excludeSlashTmp: z.boolean().optional(),
  }),
]);

/** Whatever a model offers; only the empty string is wrong. */
export const reasoningEffortSchema = z.string().min(1, { error: 'reasoning_effort must not be empty' });

export const reasoningSummarySchema = z.enum(['auto', 'concise', 'detailed', 'none']);

export const personalitySchema = z.enum(['none', 'friendly', 'pragmatic']);

export const multiAgentModeSchema = z.union(
  [z.enum(['explicitRequestOnly', 'proactive']), z.object({ custom: z.string() })],
  oneOf('explicitRequestOnly', 'proactive', 'custom'),
);

export const collaborationModeSchema = z.object({
  mode: z.enum(['plan', 'default']),
  settings: z.object({
    model: z.string(),
    reasoning_effort: reasoningEffortSchema.nullish(),
    developer_instructions: z.string().nullish(),
  }),
});

export const activePermissionProfileSchema = z.object({ id: z.string(), extends: z.string().nullable() });

export const historyModeSchema = z.enum(['legacy', 'paginated']);

export const sortDirectionSchema = z.enum(['asc', 'desc']);

export const turnItemsViewSchema = z.enum(['notLoaded', 'summary', 'full']);
