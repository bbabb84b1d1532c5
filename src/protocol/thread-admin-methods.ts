// Params and results of the thread/* methods that name, describe, set, put away or remove a conversation. Main thread.
import { z } from 'zod';
import { readStateSchema, threadSchema } from './thread.js';
import { settingsOverrides } from './turn-methods.js';

export const threadNameSetParamsSchema = z.object({ threadId: z.string(), name: z.string() });

export const threadNameSetResponseSchema = z.object({});

/** An absent field stays as it is, null clears it. */
export const gitInfoUpdateSchema = z.object({
  sha: z.string().nullish(),
  branch: z.string().nullish(),
  originUrl: z.string().nullish(),
});

/** At least one field beside the id. */
export const threadMetadataUpdateParamsSchema = z.object({
  threadId: z.string(),
  /** Empty clears it. */
  projectId: z.string().nullish(),
  gitInfo: gitInfoUpdateSchema.nullish(),
  daybreakEnabled: z.boolean().nullish(),
});

export const threadMetadataUpdateResponseSchema = z.object({ thread: threadSchema });

/** `unread` marks the whole conversation, whatever was read before. */
export const readStateOperationSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('read') }),
  z.object({ type: z.literal('unread') }),
]);

export const threadReadStateUpdateParamsSchema = z.object({
  threadId: z.string(),
  operation: readStateOperationSchema,
  /** Of the state that whoever asks has seen; refused when it is another by now. */
  expectedRevision: z.string(),
});

export const threadReadStateUpdateResponseSchema = z.object({ readState: readStateSchema });

export const threadArchiveParamsSchema = z.object({ threadId: z.string() });

export const threadArchiveResponseSchema = z.object({});

export const threadUnarchiveParamsSchema = z.object({ threadId: z.string() });

export const threadUnarchiveResponseSchema = z.object({ thread: threadSchema });

export const threadDeleteParamsSchema = z.object({
  threadId: z.string(),
  /** Also the conversations whose history goes on from this one; without it they stand in the way. */
  cascade: z.boolean().optional(),
});

export const threadDeleteResponseSchema = z.object({
  /** In the order in which they were removed: a conversation after those that depended on it. */
  deletedThreadIds: z.array(z.string()),
});

/** Not the peer's. `interrupt` ends a running turn, which otherwise stands in the way. */
export const threadUnloadParamsSchema = z.object({ threadId: z.string(), interrupt: z.boolean().optional() });

export const threadUnloadResponseSchema = z.object({});

/** For the turns to come; a running one goes on as it is. */
export const threadSettingsUpdateParamsSchema = z.object({ threadId: z.string(), ...settingsOverrides });

export const threadSettingsUpdateResponseSchema = z.object({});
