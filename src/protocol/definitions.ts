// The names under which the contract is given to other programs: of every message, and of the schemas that messages
// share. Names are those of codex 0.169.0 where it has one. Main thread and clients.
import { z } from 'zod';
import {
  accountReadResponseSchema,
  configReadResponseSchema,
  modelListResponseSchema,
  planTypeSchema,
  skillsListResponseSchema,
} from './catalog-methods.js';
import * as commands from './command-methods.js';
import * as history from './history-methods.js';
import { commandActionSchema, threadItemSchema, toolContentItemSchema } from './items.js';
import { METHODS } from './methods.js';
import { NOTIFICATIONS } from './notifications.js';
import { authModeSchema, conversationGitInfoSchema, conversationSummarySchema } from './old-methods.js';
import { absolutePathSchema, intSchema, uintSchema } from './scalars.js';
import * as asked from './server-requests.js';
import * as settings from './settings.js';
import { gitInfoUpdateSchema, readStateOperationSchema } from './thread-admin-methods.js';
import {
  threadListParamsSchema,
  threadStartParamsSchema,
  threadStartResponseSchema,
  turnEnvironmentSchema,
} from './thread-methods.js';
import * as thread from './thread.js';
import { turnStartParamsSchema } from './turn-methods.js';
import { userInputSchema } from './user-input.js';

/** Which side reads the message: `incoming` the daemon, `outgoing` the client, `both` parts of either. */
export type Direction = 'incoming' | 'outgoing' | 'both';

export interface Definition {
  name: string;
  schema: z.ZodType;
  direction: Direction;
}

const { rateLimits } = NOTIFICATIONS['account/rateLimits/updated'].params.shape;

/** What several messages hold, or what is worth a name. A schema is known by its identity: it must be the very object. */
const SHARED = {
  AbsolutePathBuf: absolutePathSchema,
  Account: accountReadResponseSchema.shape.account.unwrap(),
  ActivePermissionProfile: settings.activePermissionProfileSchema,
  AdditionalContextEntry: turnStartParamsSchema.shape.additionalContext.unwrap().unwrap().valueType,
  ApprovalsReviewer: settings.approvalsReviewerSchema,
  AskForApproval: settings.askForApprovalSchema,
  AuthMode: authModeSchema,
  CodexErrorInfo: thread.codexErrorInfoSchema,
  CommandAction: commandActionSchema,
  CommandExecOutputStream: commands.outputStreamSchema,
  CommandExecTerminalSize: commands.terminalSizeSchema,
  CommandExecutionApprovalDecision: asked.commandApprovalDecisionSchema,
  CommandExecutionApprovalKind: asked.commandApprovalKindSchema,
  CollaborationMode: settings.collaborationModeSchema,
  ConfigLayerSource: configReadResponseSchema.shape.origins.valueType.shape.name,
  ConversationGitInfo: conversationGitInfoSchema,
  ConversationSummary: conversationSummarySchema,
  DynamicToolCallOutputContentItem: toolContentItemSchema,
  DynamicToolSpec: threadStartParamsSchema.shape.dynamicTools.unwrap().unwrap().element,
  FileChangeApprovalDecision: asked.fileChangeApprovalDecisionSchema,
  GitInfo: thread.gitInfoSchema,
  Model: modelListResponseSchema.shape.data.element,
  MultiAgentMode: settings.multiAgentModeSchema,
  NetworkApprovalContext: asked.networkApprovalContextSchema,
  NetworkPolicyAmendment: asked.networkPolicyAmendmentSchema,
  Personality: settings.personalitySchema,
  PlanType: planTypeSchema,
  RateLimitReachedType: rateLimits.shape.rateLimitReachedType.unwrap(),
  RateLimitSnapshot: rateLimits,
  RateLimitWindow: rateLimits.shape.primary.unwrap(),
  ReasoningEffort: settings.reasoningEffortSchema,
  ReasoningSummary: settings.reasoningSummarySchema,
  RequestId: NOTIFICATIONS['serverRequest/resolved'].params.shape.requestId,
  SandboxMode: settings.sandboxModeSchema,
  SandboxPolicy: settings.sandboxPolicySchema,
  SessionSource: thread.sessionSourceSchema,
  SkillMetadata: skillsListResponseSchema.shape.data.element.shape.skills.element,
  SortDirection: settings.sortDirectionSchema,
  TextPosition: NOTIFICATIONS.configWarning.params.shape.range.unwrap().unwrap().shape.start,
  Thread: thread.threadSchema,
  ThreadBackgroundTerminal: commands.backgroundTerminalSchema,
  ThreadEnvironment: thread.threadSchema.shape.environments.unwrap().element,
  ThreadEventsCursor: threadStartResponseSchema.shape.eventsCursor,
  ThreadHistoryMode: settings.historyModeSchema,
  ThreadItem: threadItemSchema,
  ThreadItemEntry: history.itemEntrySchema,
  ThreadItemOutputDeferral: history.itemOutputDeferralSchema,
  ThreadItemsListAnchor: history.itemsListAnchorSchema,
  ThreadItemsListCursor: history.itemsListCursorSchema,
  ThreadMetadataGitInfoUpdateParams: gitInfoUpdateSchema,
  ThreadOwner: thread.threadOwnerSchema,
  ThreadReadState: thread.readStateSchema,
  ThreadReadStateOperation: readStateOperationSchema,
  ThreadSettings: thread.threadSettingsSchema,
  ThreadSourceKind: threadListParamsSchema.shape.sourceKinds.unwrap().unwrap().element,
  ThreadStatus: thread.threadStatusSchema,
  ThreadTokenUsage: thread.tokenUsageSchema,
  ThreadUnreadPosition: thread.readStateSchema.shape.firstUnread.unwrap(),
  TokenUsageBreakdown: thread.tokenUsageSchema.shape.total,
  ToolRequestUserInputAnswer: asked.userInputAnswerSchema,
  ToolRequestUserInputOption: asked.userInputOptionSchema,
  ToolRequestUserInputQuestion: asked.userInputQuestionSchema,
  Turn: thread.turnSchema,
  TurnEnvironmentParams: turnEnvironmentSchema,
  TurnError: thread.turnErrorSchema,
  TurnItemsView: settings.turnItemsViewSchema,
  TurnStatus: thread.turnSchema.shape.status,
  TurnsPage: thread.turnsPageSchema,
  UserInput: userInputSchema,
} as const satisfies Record<string, z.ZodType>;

/** Where the peer's names do not follow from the method. */
const PEER_NAMES: Readonly<Record<string, string>> = {
  'account/read': 'GetAccount',
  'item/agentMessage/delta': 'AgentMessageDelta',
  'item/commandExecution/requestApproval': 'CommandExecutionRequestApproval',
  'item/fileChange/requestApproval': 'FileChangeRequestApproval',
  'item/reasoning/summaryPartAdded': 'ReasoningSummaryPartAdded',
  'item/reasoning/summaryTextDelta': 'ReasoningSummaryTextDelta',
  'item/reasoning/textDelta': 'ReasoningTextDelta',
  'item/commandExecution/outputDelta': 'CommandExecutionOutputDelta',
  'item/commandExecution/terminalInteraction': 'TerminalInteraction',
  'turn/diff/updated': 'TurnDiffUpdated',
  'turn/plan/updated': 'TurnPlanUpdated',
  'item/tool/call': 'DynamicToolCall',
  'item/tool/requestUserInput': 'ToolRequestUserInput',
  'thread/inject_items': 'ThreadInjectItems',
  'thread/name/set': 'ThreadSetName',
};

/** The stem of a message's names: `thread/start` gives `ThreadStart`. */
function stemOf(method: string): string {
  const words = method.split('/').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return PEER_NAMES[method] ?? words.join('');
}

/**
 * Every name once, sorted: params and result of each method and each server request, each notification, what they share, and the unions of
 * whole messages. Makes new unions on each call; all other schemas are those of the tables.
 */
export function listDefinitions(): Definition[] {
  const definitions: Definition[] = [
    { name: 'ClientNotification', schema: z.object({ method: z.literal('initialized') }), direction: 'incoming' },
    { name: 'ClientRequest', schema: z.union(requestSchemas()), direction: 'incoming' },
    { name: 'ServerNotification', schema: z.union(notificationSchemas()), direction: 'outgoing' },
    { name: 'ServerRequest', schema: z.union(serverRequestSchemas()), direction: 'outgoing' },
  ];
  for (const [name, schema] of Object.entries(SHARED)) definitions.push({ name, schema, direction: 'both' });
  for (const [method, { params, result }] of Object.entries(METHODS)) {
    definitions.push({ name: `${stemOf(method)}Params`, schema: params, direction: 'incoming' });
    definitions.push({ name: `${stemOf(method)}Response`, schema: result, direction: 'outgoing' });
  }
  for (const [method, { params, result }] of Object.entries(asked.SERVER_REQUESTS)) {
    definitions.push({ name: `${stemOf(method)}Params`, schema: params, direction: 'outgoing' });
    definitions.push({ name: `${stemOf(method)}Response`, schema: result, direction: 'incoming' });
  }
  for (const [method, { params }] of Object.entries(NOTIFICATIONS)) {
    definitions.push({ name: `${stemOf(method)}Notification`, schema: params, direction: 'outgoing' });
  }
  return definitions.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function requestSchemas(): z.ZodType[] {
  return Object.entries(METHODS).map(([method, { params }]) =>
    z.object({ id: SHARED.RequestId, method: z.literal(method), params }),
  );
}

function serverRequestSchemas(): z.ZodType[] {
  return Object.entries(asked.SERVER_REQUESTS).map(([method, { params }]) =>
    z.object({ id: SHARED.RequestId, method: z.literal(method), params }),
  );
}

function notificationSchemas(): z.ZodType[] {
  // `epoch` and `seq` number the events of one conversation: what concerns none has neither.
  const stamps = { emittedAtMs: intSchema, epoch: z.string().optional(), seq: uintSchema.optional() };
  return Object.entries(NOTIFICATIONS).map(([method, { params }]) =>
    z.object({ method: z.literal(method), params, ...stamps }),
  );
}
