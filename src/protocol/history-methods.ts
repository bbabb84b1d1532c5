// Params and results of the thread/* methods that page through a conversation's history or change it. Main thread.
import { z } from 'zod';
import { threadItemSchema } from './items.js';
import { intSchema, uint32Schema } from './scalars.js';
import { sortDirectionSchema, turnItemsViewSchema } from './settings.js';
import { threadSchema, turnsPageSchema } from './thread.js';

/** Of a paginated conversation; the turn and all after it leave the history, files of the user stay as they are. */
export const threadRevertParamsSchema = z.object({ threadId: z.string(), beforeTurnId: z.string() });

export const threadRevertResponseSchema = z.object({
  /** Without turns. */
  thread: threadSchema,
  /** For descending pages; null when nothing is left. */
  turnsBackwardsCursor: z.string().nullable(),
  itemsBackwardsCursor: z.string().nullable(),
});

/** Absent: descending, the summary of 25 turns. */
export const threadTurnsListParamsSchema = z.object({
  threadId: z.string(),
  cursor: z.string().nullish(),
  limit: uint32Schema.nullish(),
  sortDirection: sortDirectionSchema.nullish(),
  itemsView: turnItemsViewSchema.nullish(),
});

export const threadTurnsListResponseSchema = turnsPageSchema;

/** The item itself is not on the page. */
export const itemsListAnchorSchema = z.object({ type: z.literal('item'), itemId: z.string() });

export const itemsListCursorSchema = z.union([z.string(), itemsListAnchorSchema]);

/** Which outputs to leave out of a page; `thread/items/read` brings them. */
export const itemOutputDeferralSchema = z.object({
  commandExecution: z.boolean().optional(),
  mcpToolCall: z.boolean().optional(),
});

/** Absent: ascending, 25 items of all turns. An anchor needs the `turnId`. */
export const threadItemsListParamsSchema = z.object({
  threadId: z.string(),
  turnId: z.string().nullish(),
  cursor: itemsListCursorSchema.nullish(),
  limit: uint32Schema.nullish(),
  sortDirection: sortDirectionSchema.nullish(),
  deferOutput: itemOutputDeferralSchema.nullish(),
});

export const itemEntrySchema = z.object({
  turnId: z.string(),
  item: threadItemSchema,
  /** True when `deferOutput` left the item's output out. */
  outputDeferred: z.boolean().optional(),
  /** Unix milliseconds, as `completedAtMs`; null where the file does not tell. */
  startedAtMs: intSchema.nullable(),
  completedAtMs: intSchema.nullable(),
});

export const threadItemsListResponseSchema = z.object({
  data: z.array(itemEntrySchema),
  nextCursor: z.string().nullable(),
  backwardsCursor: z.string().nullable(),
});

export const threadItemsReadParamsSchema = z.object({
  threadId: z.string(),
  turnId: z.string(),
  /** 1 to 100 of them. */
  itemIds: z.array(z.string()),
});

/** In the order of the history; ids that the turn does not have are left out. */
export const threadItemsReadResponseSchema = z.object({ data: z.array(itemEntrySchema) });

/** Items for the model only: they show in no turn. Each is checked where the rollout is written. */
export const threadInjectItemsParamsSchema = z.object({ threadId: z.string(), items: z.array(z.unknown()) });

export const threadInjectItemsResponseSchema = z.object({});
