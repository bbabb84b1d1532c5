// Params and results of the methods that concern no single conversation. Main thread.
import { z } from 'zod';
import { intSchema, uint32Schema } from './scalars.js';
import {
  approvalsReviewerSchema,
  askForApprovalSchema,
  reasoningEffortSchema,
  reasoningSummarySchema,
  sandboxModeSchema,
} from './settings.js';

export const initializeParamsSchema = z.object({
  clientInfo: z.object({
    name: z.string(),
    title: z.string().nullish(),
    version: z.string(),
  }),
  capabilities: z
    .object({
      experimentalApi: z.boolean().optional(),
      requestAttestation: z.boolean().optional(),
      requiredHumanApproval: z.boolean().optional(),
      explicitGatewayOauth: z.boolean().optional(),
      mcpServerOpenaiFormElicitation: z.boolean().optional(),
      extensions: z.record(z.string(), z.unknown()).nullish(),
      /** Exact names of notifications that this connection does not want. */
      optOutNotificationMethods: z.array(z.string()).nullish(),
    })
    .nullish(),
});

export const initializeResponseSchema = z.object({
  userAgent: z.string(),
  codexHome: z.string(),
  platformFamily: z.string(),
  platformOs: z.string(),
});

export const modelListParamsSchema = z.object({
  modelProvider: z.string().nullish(),
  cursor: z.string().nullish(),
  limit: uint32Schema.nullish(),
  includeHidden: z.boolean().nullish(),
});

const modelSchema = z.object({
  id: z.string(),
  model: z.string(),
  /** The provider that has it; not the peer's: for thread/start. */
  modelProvider: z.string().optional(),
  upgrade: z.string().nullable(),
  upgradeInfo: z
    .object({
      model: z.string(),
      upgradeCopy: z.string().nullish(),
      modelLink: z.string().nullish(),
      migrationMarkdown: z.string().nullish(),
      retirementAt: intSchema.nullish(),
    })
    .nullable(),
  availabilityNux: z.object({ message: z.string() }).nullable(),
  displayName: z.string(),
  description: z.string(),
  modelSpecialty: z.string().nullable(),
  hidden: z.boolean(),
  supportedReasoningEfforts: z.array(z.object({ reasoningEffort: reasoningEffortSchema, description: z.string() })),
  defaultReasoningEffort: reasoningEffortSchema,
  inputModalities: z.array(z.enum(['text', 'image', 'audio'])),
  supportsPersonality: z.boolean(),
  multiAgentVersion: z.enum(['disabled', 'v1', 'v2']).nullable(),
  additionalSpeedTiers: z.array(z.string()),
  serviceTiers: z.array(z.object({ id: z.string(), name: z.string(), description: z.string() })),
  defaultServiceTier: z.string().nullable(),
  availableAccessPrograms: z.object({ cyber: z.array(z.enum(['standard', 'daybreakBlue', 'daybreakRed'])) }).nullable(),
  isDefault: z.boolean(),
});

export const modelListResponseSchema = z.object({
  data: z.array(modelSchema),
  nextCursor: z.string().nullable(),
});

export const configReadParamsSchema = z.object({
  cwd: z.string().nullish(),
  includeLayers: z.boolean().optional(),
});

const configLayerSourceSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('packagedDefaults'), file: z.string() }),
  z.object({ type: z.literal('mdm'), domain: z.string(), key: z.string() }),
  z.object({ type: z.literal('system'), file: z.string() }),
  z.object({ type: z.literal('enterpriseManaged'), id: z.string(), name: z.string() }),
  z.object({ type: z.literal('user'), file: z.string(), profile: z.string().nullish() }),
  z.object({ type: z.literal('project'), dotCodexFolder: z.string() }),
  z.object({ type: z.literal('sessionFlags') }),
  z.object({ type: z.literal('legacyManagedConfigTomlFromFile'), file: z.string() }),
  z.object({ type: z.literal('legacyManagedConfigTomlFromMdm') }),
]);

export const configReadResponseSchema = z.object({
  /** The effective keys, in the spelling of config.toml. Keys beside these are kept as they are. */
  config: z.looseObject({
    model: z.string().nullish(),
    model_provider: z.string().nullish(),
    model_context_window: intSchema.nullish(),
    model_auto_compact_token_limit: intSchema.nullish(),
    model_reasoning_effort: reasoningEffortSchema.nullish(),
    model_reasoning_summary: reasoningSummarySchema.nullish(),
    model_verbosity: z.enum(['low', 'medium', 'high']).nullish(),
    review_model: z.string().nullish(),
    approval_policy: askForApprovalSchema.nullish(),
    approvals_reviewer: approvalsReviewerSchema.nullish(),
    sandbox_mode: sandboxModeSchema.nullish(),
    sandbox_workspace_write: z
      .object({
        writable_roots: z.array(z.string()).optional(),
        network_access: z.boolean().optional(),
        exclude_tmpdir_env_var: z.boolean().optional(),
        exclude_slash_tmp: z.boolean().optional(),
      })
      .nullish(),
    instructions: z.string().nullish(),
    developer_instructions: z.string().nullish(),
    compact_prompt: z.string().nullish(),
    service_tier: z.string().nullish(),
  }),
  /** By dotted key: the layer that had the last word. */
  origins: z.record(z.string(), z.object({ name: configLayerSourceSchema, version: z.string() })),
  /** Only when asked for. */
  layers: z
    .array(
      z.object({
        name: configLayerSourceSchema,
        version: z.string(),
        config: z.unknown(),
        disabledReason: z.string().nullish(),
      }),
    )
    .nullish(),
});

/** Has no params; null and an empty object pass for none. */
export const configRequirementsReadParamsSchema = z.object({}).nullish();

export const configRequirementsReadResponseSchema = z.object({
  supportsIndependentSpeedModes: z.boolean().nullable(),
  /** What an administrator demands: nothing here. */
  requirements: z.record(z.string(), z.unknown()).nullable(),
});

export const planTypeSchema = z.enum([
  'free',
  'go',
  'plus',
  'pro',
  'prolite',
  'promax',
  'team',
  'self_serve_business_prolite',
  'self_serve_business_usage_based',
  'business',
  'ent26',
  'enterprise_cbp_automation',
  'enterprise_cbp_usage_based',
  'enterprise',
  'edu',
  'edu_plus',
  'edu_pro',
  'sci',
  'sci_plus',
  'unknown',
]);

export const accountReadParamsSchema = z.object({ refreshToken: z.boolean().optional() });

export const accountReadResponseSchema = z.object({
  account: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('apiKey') }),
      z.object({
        type: z.literal('chatgpt'),
        email: z.string().nullable(),
        planType: planTypeSchema,
        workspaceName: z.string().nullish(),
      }),
      z.object({ type: z.literal('amazonBedrock'), usesCodexManagedCredentials: z.boolean().optional() }),
      z.object({ type: z.literal('gcp') }),
    ])
    .nullable(),
  userId: z.string().nullable(),
  requiresOpenaiAuth: z.boolean(),
  workspaceRouting: z
    .object({
      chatgptAccountId: z.string(),
      backendOrigin: z.string(),
      accountRoutingOverride: z.enum(['NO_CONSTRAINT', 'us', 'us_cr']),
    })
    .nullable(),
});

export const skillsListParamsSchema = z.object({
  cwds: z.array(z.string()).optional(),
  forceReload: z.boolean().optional(),
});

const skillSchema = z.object({
  name: z.string(),
  description: z.string(),
  shortDescription: z.string().nullish(),
  interface: z
    .object({
      displayName: z.string().nullish(),
      shortDescription: z.string().nullish(),
      iconSmall: z.string().nullish(),
      iconLarge: z.string().nullish(),
      iconSmallUrl: z.string().nullish(),
      iconLargeUrl: z.string().nullish(),
      brandColor: z.string().nullish(),
      defaultPrompt: z.string().nullish(),
    })
    .nullish(),
  dependencies: z
    .object({
      tools: z.array(
        z.object({
          type: z.string(),
          value: z.string(),
          description: z.string().nullish(),
          transport: z.string().nullish(),
          command: z.string().nullish(),
          url: z.string().nullish(),
        }),
      ),
    })
    .nullish(),
  path: z.string(),
  scope: z.enum(['user', 'repo', 'system', 'admin']),
  enabled: z.boolean(),
  pluginId: z.string().nullish(),
});

export const skillsListResponseSchema = z.object({
  data: z.array(
    z.object({
      cwd: z.string(),
      skills: z.array(skillSchema),
      errors: z.array(z.object({ path: z.string(), message: z.string() })),
    }),
  ),
});
