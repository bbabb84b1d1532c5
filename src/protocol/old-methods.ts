// Params and results of what is left of the protocol's first version: methods that have no slash in their names.
// Main thread.
import { z } from 'zod';
import { sessionSourceSchema } from './thread.js';

export const getConversationSummaryParamsSchema = z.union([
  z.object({ rolloutPath: z.string() }),
  z.object({ conversationId: z.string() }),
]);

/** Spelt as in a rollout. */
export const conversationGitInfoSchema = z.object({
  sha: z.string().nullable(),
  branch: z.string().nullable(),
  origin_url: z.string().nullable(),
});

export const conversationSummarySchema = z.object({
  conversationId: z.string(),
  path: z.string(),
  preview: z.string(),
  /** When it was started, as `2026-11-23T06:00:32.210Z`; so `updatedAt`. */
  timestamp: z.string().nullable(),
  updatedAt: z.string().nullable(),
  modelProvider: z.string(),
  cwd: z.string(),
  cliVersion: z.string(),
  source: sessionSourceSchema,
  gitInfo: conversationGitInfoSchema.nullable(),
});

export const getConversationSummaryResponseSchema = z.object({ summary: conversationSummarySchema });

export const getAuthStatusParamsSchema = z.object({
  includeToken: z.boolean().nullish(),
  refreshToken: z.boolean().nullish(),
});

export const authModeSchema = z.enum([
  'apikey',
  'chatgpt',
  'chatgptAuthTokens',
  'headers',
  'agentIdentity',
  'personalAccessToken',
  'bedrockApiKey',
  'bedrockAccessKeys',
]);

export const getAuthStatusResponseSchema = z.object({
  authMethod: authModeSchema.nullable(),
  authToken: z.string().nullable(),
  requiresOpenaiAuth: z.boolean().nullable(),
});
