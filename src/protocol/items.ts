// The items of a turn as the wire spells them. Those this daemon makes carry every field, null where it has no value.
// Main thread.
import { z } from 'zod';
import { reasoningEffortSchema } from './settings.js';
import { intSchema, uint32Schema, uintSchema } from './scalars.js';
import { userInputSchema } from './user-input.js';

/** Unix milliseconds. `completedAtMs` is null while the item runs; both are null where the file does not tell. */
const times = { startedAtMs: intSchema.nullable(), completedAtMs: intSchema.nullable() };

/** True on an item that was cut short (interrupt, steer, cut stream) and holds what had come by then. */
const cut = { partial: z.boolean().optional() };

const workStatusSchema = z.enum(['inProgress', 'completed', 'failed', 'declined']);
const callStatusSchema = z.enum(['inProgress', 'completed', 'failed']);

const userMessageSchema = z.object({
  type: z.literal('userMessage'),
  id: z.string(),
  clientId: z.string().nullable(),
  content: z.array(userInputSchema),
  ...times,
});

const agentMessageSchema = z.object({
  type: z.literal('agentMessage'),
  id: z.string(),
  text: z.string(),
  phase: z.enum(['commentary', 'partial_answer', 'final_answer']).nullable(),
  moderation: z
    .object({
      moderated: z.boolean(),
      display: z
        .object({
          action: z.string(),
          blockType: z.string().nullish(),
          checkTrustedContacts: z.boolean().nullish(),
          cyberTrustedAccess: z.boolean().nullish(),
        })
        .nullish(),
    })
    .nullable(),
  memoryCitation: z
    .object({
      entries: z.array(
        z.object({ path: z.string(), lineStart: uint32Schema, lineEnd: uint32Schema, note: z.string() }),
      ),
      threadIds: z.array(z.string()),
    })
    .nullable(),
  delivery: z.enum(['async']).nullable(),
  questions: z.array(z.object({ title: z.string(), options: z.array(z.string()).nullish() })).nullable(),
  ...times,
  ...cut,
});

const reasoningSchema = z.object({
  type: z.literal('reasoning'),
  id: z.string(),
  summary: z.array(z.string()),
  content: z.array(z.string()),
  ...times,
  ...cut,
});

const planSchema = z.object({ type: z.literal('plan'), id: z.string(), text: z.string(), ...times });

export const commandActionSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('read'), command: z.string(), name: z.string(), path: z.string() }),
  z.object({ type: z.literal('listFiles'), command: z.string(), path: z.string().nullish() }),
  z.object({
    type: z.literal('search'),
    command: z.string(),
    query: z.string().nullish(),
    path: z.string().nullish(),
  }),
  z.object({ type: z.literal('unknown'), command: z.string() }),
]);

const commandExecutionSchema = z.object({
  type: z.literal('commandExecution'),
  id: z.string(),
  pluginId: z.string().nullable(),
  scriptPath: z.string().nullable(),
  command: z.string(),
  cwd: z.string(),
  processId: z.string().nullable(),
  source: z.enum(['agent', 'userShell', 'unifiedExecStartup', 'unifiedExecInteraction']),
  status: workStatusSchema,
  commandActions: z.array(commandActionSchema),
  aggregatedOutput: z.string().nullable(),
  exitCode: intSchema.nullable(),
  durationMs: intSchema.nullable(),
  ...times,
});

const fileChangeSchema = z.object({
  type: z.literal('fileChange'),
  id: z.string(),
  changes: z.array(
    z.object({
      path: z.string(),
      kind: z.discriminatedUnion('type', [
        z.object({ type: z.literal('add') }),
        z.object({ type: z.literal('delete') }),
        z.object({ type: z.literal('update'), move_path: z.string().nullish() }),
      ]),
      diff: z.string(),
    }),
  ),
  status: workStatusSchema,
  ...times,
});

/** What a tool that a client runs has to say. */
export const toolContentItemSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('inputText'), text: z.string() }),
  z.object({ type: z.literal('inputImage'), imageUrl: z.string() }),
  z.object({ type: z.literal('inputAudio'), audioUrl: z.string() }),
]);

const dynamicToolCallSchema = z.object({
  type: z.literal('dynamicToolCall'),
  id: z.string(),
  namespace: z.string().nullable(),
  tool: z.string(),
  arguments: z.unknown(),
  status: callStatusSchema,
  contentItems: z.array(toolContentItemSchema).nullable(),
  success: z.boolean().nullable(),
  durationMs: intSchema.nullable(),
  ...times,
});

const webSearchSchema = z.object({
  type: z.literal('webSearch'),
  id: z.string(),
  query: z.string(),
  action: z
    .discriminatedUnion('type', [
      z.object({
        type: z.literal('search'),
        query: z.string().nullish(),
        queries: z.array(z.string()).nullish(),
      }),
      z.object({ type: z.literal('openPage'), url: z.string().nullish() }),
      z.object({ type: z.literal('findInPage'), url: z.string().nullish(), pattern: z.string().nullish() }),
      z.object({ type: z.literal('other') }),
    ])
    .nullable(),
  results: z.array(z.unknown()).nullable(),
  ...times,
});

const contextCompactionSchema = z.object({ type: z.literal('contextCompaction'), id: z.string(), ...times });

// What follows is read from files and shown, never made by this daemon: optional where the format says so.

const mcpToolCallSchema = z.object({
  type: z.literal('mcpToolCall'),
  id: z.string(),
  server: z.string(),
  tool: z.string(),
  arguments: z.unknown(),
  status: callStatusSchema,
  result: z
    .object({
      content: z.array(z.unknown()),
      structuredContent: z.unknown().optional(),
      _meta: z.unknown().optional(),
    })
    .nullish(),
  error: z.object({ message: z.string() }).nullish(),
  appContext: z
    .object({
      connectorId: z.string(),
      linkId: z.string().nullish(),
      resourceUri: z.string().nullish(),
      appName: z.string().nullish(),
      actionName: z.string().nullish(),
    })
    .nullish(),
  mcpAppResourceUri: z.string().nullish(),
  mcpAppUi: z
    .object({ resourceUri: z.string(), preferredModelDisplayMode: z.enum(['inline', 'fullscreen']) })
    .nullish(),
  pluginId: z.string().nullish(),
  readOnlyHint: z.boolean().nullish(),
  durationMs: intSchema.nullish(),
  ...times,
});

const collabAgentToolCallSchema = z.object({
  type: z.literal('collabAgentToolCall'),
  id: z.string(),
  tool: z.enum([
    'spawnAgent',
    'sendInput',
    'resumeAgent',
    'wait',
    'closeAgent',
    'sendMessage',
    'followupTask',
    'interruptAgent',
    'listAgents',
  ]),
  status: z.enum(['inProgress', 'completed', 'failed', 'interrupted']),
  senderThreadId: z.string(),
  receiverThreadIds: z.array(z.string()),
  prompt: z.string().nullish(),
  model: z.string().nullish(),
  reasoningEffort: reasoningEffortSchema.nullish(),
  agentsStates: z.record(
    z.string(),
    z.object({
      status: z.enum(['pendingInit', 'running', 'interrupted', 'completed', 'errored', 'shutdown', 'notFound']),
      message: z.string().nullish(),
    }),
  ),
  ...times,
});

const subAgentActivitySchema = z.object({
  type: z.literal('subAgentActivity'),
  id: z.string(),
  kind: z.enum(['started', 'interacted', 'interrupted', 'completed']),
  agentThreadId: z.string(),
  agentPath: z.string(),
  model: z.string().nullish(),
  reasoningEffort: reasoningEffortSchema.nullish(),
  ...times,
});

/** The picture is in `result` (base64) or behind `fileId`. */
const imageGenerationSchema = z.object({
  type: z.literal('imageGeneration'),
  id: z.string(),
  status: z.string(),
  result: z.string().optional(),
  fileId: z.string().optional(),
  generationId: z.string().nullish(),
  revisedPrompt: z.string().nullish(),
  savedPath: z.string().nullish(),
  inputImages: z.array(z.object({ path: z.string(), sha256: z.string() })).optional(),
  transparentBackground: z.boolean().nullish(),
  failure: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('usageLimitExceeded'), limitId: z.string(), resetsAt: intSchema.nullish() }),
    ])
    .nullish(),
  ...times,
});

export const threadItemSchema = z.discriminatedUnion('type', [
  userMessageSchema,
  agentMessageSchema,
  reasoningSchema,
  planSchema,
  commandExecutionSchema,
  fileChangeSchema,
  dynamicToolCallSchema,
  webSearchSchema,
  contextCompactionSchema,
  mcpToolCallSchema,
  collabAgentToolCallSchema,
  subAgentActivitySchema,
  imageGenerationSchema,
  z.object({
    type: z.literal('hookPrompt'),
    id: z.string(),
    fragments: z.array(z.object({ hookRunId: z.string(), text: z.string() })),
    ...times,
  }),
  z.object({
    type: z.literal('functionCallOutput'),
    id: z.string(),
    name: z.string(),
    namespace: z.string().nullish(),
    output: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]),
    ...times,
  }),
  z.object({ type: z.literal('imageView'), id: z.string(), path: z.string(), ...times }),
  z.object({ type: z.literal('sleep'), id: z.string(), durationMs: uintSchema, ...times }),
  z.object({ type: z.literal('enteredReviewMode'), id: z.string(), review: z.string(), ...times }),
  z.object({ type: z.literal('exitedReviewMode'), id: z.string(), review: z.string(), ...times }),
]);
