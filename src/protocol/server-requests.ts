// The table of server requests: what the daemon asks of clients, and what an answer must look like. Main thread.
import { z } from 'zod';
import { commandActionSchema, toolContentItemSchema } from './items.js';
import { intSchema, uintSchema } from './scalars.js';

const inTurn = { threadId: z.string(), turnId: z.string() };
const inItem = { ...inTurn, itemId: z.string() };

export const networkPolicyAmendmentSchema = z.object({ host: z.string(), action: z.enum(['allow', 'deny']) });

export const networkApprovalContextSchema = z.object({
  host: z.string(),
  protocol: z.enum(['http', 'https', 'socks5Tcp', 'socks5Udp']),
});

export const commandApprovalKindSchema = z.enum(['command', 'writeStdin']);

/** `cancel` interrupts the turn as well; `decline` lets it go on. */
export const commandApprovalDecisionSchema = z.union([
  z.enum(['accept', 'acceptForSession', 'decline', 'cancel']),
  z.object({ acceptWithExecpolicyAmendment: z.object({ execpolicy_amendment: z.array(z.string()) }) }),
  z.object({ applyNetworkPolicyAmendment: z.object({ network_policy_amendment: networkPolicyAmendmentSchema }) }),
]);

export const fileChangeApprovalDecisionSchema = z.enum(['accept', 'acceptForSession', 'decline', 'cancel']);

export const userInputOptionSchema = z.object({ label: z.string(), description: z.string() });

export const userInputQuestionSchema = z.object({
  id: z.string(),
  header: z.string(),
  question: z.string(),
  /** The user may answer in words of their own. */
  isOther: z.boolean(),
  /** What is typed is not to be shown. */
  isSecret: z.boolean(),
  options: z.array(userInputOptionSchema).nullable(),
});

export const userInputAnswerSchema = z.object({ answers: z.array(z.string()) });

export const SERVER_REQUESTS = {
  'item/commandExecution/requestApproval': {
    params: z.object({
      kind: commandApprovalKindSchema,
      ...inItem,
      startedAtMs: intSchema,
      /** Tells several questions of one item apart; null where there is but one. */
      approvalId: z.string().nullish(),
      environmentId: z.string().nullable(),
      reason: z.string().nullish(),
      networkApprovalContext: networkApprovalContextSchema.nullish(),
      command: z.string().nullish(),
      cwd: z.string().nullish(),
      commandActions: z.array(commandActionSchema).nullish(),
      proposedExecpolicyAmendment: z.array(z.string()).nullish(),
      proposedNetworkPolicyAmendments: z.array(networkPolicyAmendmentSchema).nullish(),
      /** In the order in which they are worth showing; others are honoured, too. */
      availableDecisions: z.array(commandApprovalDecisionSchema).nullish(),
    }),
    result: z.object({ decision: commandApprovalDecisionSchema }),
  },
  'item/fileChange/requestApproval': {
    /** The changes themselves are in the item's item/started. */
    params: z.object({
      ...inItem,
      startedAtMs: intSchema,
      reason: z.string().nullable(),
      grantRoot: z.string().nullable(),
    }),
    result: z.object({ decision: fileChangeApprovalDecisionSchema }),
  },
  'item/tool/requestUserInput': {
    params: z.object({
      ...inItem,
      questions: z.array(userInputQuestionSchema),
      isBlocking: z.boolean(),
      autoResolutionMs: uintSchema.nullable(),
    }),
    /** By the ids of the questions. */
    result: z.object({ answers: z.record(z.string(), userInputAnswerSchema) }),
  },
  'item/tool/call': {
    params: z.object({
      ...inTurn,
      callId: z.string(),
      namespace: z.string().nullable(),
      tool: z.string(),
      arguments: z.unknown(),
    }),
    result: z.object({ contentItems: z.array(toolContentItemSchema), success: z.boolean() }),
  },
} as const satisfies Record<string, ServerRequestSpec>;

/** `result` is what an answer must fit to count as one. */
export interface ServerRequestSpec {
  params: z.ZodType;
  result: z.ZodType;
}

export type ServerRequestName = keyof typeof SERVER_REQUESTS;
export type ServerRequestParams<Name extends ServerRequestName> = z.infer<(typeof SERVER_REQUESTS)[Name]['params']>;
export type ServerRequestResult<Name extends ServerRequestName> = z.infer<(typeof SERVER_REQUESTS)[Name]['result']>;

export function isServerRequest(name: string): name is ServerRequestName {
  return Object.hasOwn(SERVER_REQUESTS, name);
}
