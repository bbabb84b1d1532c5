import { expect } from 'chai';
import { METHODS } from '../../src/protocol/methods.js';
import type { MethodName } from '../../src/protocol/methods.js';
import { NOTIFICATION_AUDIENCES, NOTIFICATION_METHODS } from '../../src/protocol/notification-names.js';
import type { NotificationName } from '../../src/protocol/notification-names.js';
import { NOTIFICATIONS } from '../../src/protocol/notifications.js';
import { SERVER_REQUESTS } from '../../src/protocol/server-requests.js';
import type { ServerRequestName } from '../../src/protocol/server-requests.js';
import { OWN_METHODS, OWN_NOTIFICATIONS } from '../support/own-messages.js';
import { reducedSchema } from '../support/schema-validator.js';
import { ShapeComparer } from './compare-shapes.js';

/** Where our params differ from the peer's, and why. */
const PARAMS_DIFFERENCES: Record<string, string[]> = {
  'the peer takes a tool without a type for a function, whatever its schema says': [
    'DynamicToolSpec<function>: only theirs requires type',
  ],
  'items for the model are read where the rollout is; here they only need a type': [
    'ResponseItem: only ours allows type',
    'ResponseItem: only theirs allows additional_tools, message, agent_message, reasoning, local_shell_call, ' +
      'function_call, tool_search_call, function_call_output, custom_tool_call, custom_tool_call_output, ' +
      'tool_search_output, web_search_call, image_generation_call, compaction, configuration_update, ' +
      'compaction_trigger, context_compaction, other',
    'FunctionCallOutputContentItem: only ours allows type',
    'FunctionCallOutputContentItem: only theirs allows input_text, input_image, input_audio, encrypted_content',
  ],
  'a client may look on at what another process owns': ['ThreadResumeParams: only ours has readOnly'],
  'whoever comes back may say what it has': [
    'ThreadResumeParams: only ours has afterEpoch',
    'ThreadResumeParams: only ours has afterSeq',
  ],
  'forks may be deleted along with their source': ['ThreadDeleteParams<threadId>: only ours has cascade'],
};

/** Where what we send differs from the peer's schema, and why. */
const MESSAGES_DIFFERENCES: Record<string, string[]> = {
  'items that were cut short are completed with the text so far, and say so': [
    'ThreadItem<agentMessage>: only ours has partial',
    'ThreadItem<reasoning>: only ours has partial',
  ],
  'overrides that were not applied are named': [
    'ThreadStartResponse: only ours has ignoredOverrides',
    'ThreadResumeResponse: only ours has ignoredOverrides',
    'ThreadForkResponse: only ours has ignoredOverrides',
  ],
  'who looks on is told that it does, and at whose conversation': [
    'ThreadResumeResponse: only ours has readOnly',
    'ThreadResumeResponse: only ours has owner',
  ],
  'a reply tells its place among the numbered events, and how a client came back': [
    'ThreadStartResponse: only ours has eventsCursor',
    'ThreadResumeResponse: only ours has eventsCursor',
    'ThreadResumeResponse: only ours has reattach',
    'ThreadForkResponse: only ours has eventsCursor',
  ],
  'a list says how many conversations its defaults keep out': ['ThreadListResponse: only ours has hiddenCount'],
  'whoever deletes is told what is gone': [
    'ThreadDeleteResponse: only ours allows deletedThreadIds',
    'ThreadDeleteResponse{}: only in theirs',
  ],
  'the list of models has those of several providers, and says which has which': ['Model: only ours has modelProvider'],
  'contents of a tool output are passed on as they are': [
    'FunctionCallOutputContentItem: only ours allows type',
    'FunctionCallOutputContentItem: only theirs allows input_text, input_image, input_audio, encrypted_content',
  ],
  'the peer keeps room for error kinds to come': [
    'Turn.error.codexErrorInfo: only theirs allows string',
    'Turn.error.codexErrorInfo{}: only in theirs',
    'TurnError.codexErrorInfo: only theirs allows string',
    'TurnError.codexErrorInfo{}: only in theirs',
  ],
  'keys of the configuration that mean nothing here are passed on as they are': [
    'analytics',
    'apps',
    'browser_use',
    'client_search_provider',
    'computer_use',
    'desktop',
    'forced_chatgpt_workspace_id',
    'forced_login_method',
    'model_auto_compact_token_limit_scope',
    'tools',
    'web_search',
  ].map((key) => `Config: only theirs has ${key}`),
  'a warning may stand for an error reply where there can be none': ['WarningNotification: only ours has code'],
  'no command asks for more than the sandbox has, and no checkpoint is managed': [
    'CommandExecutionRequestApprovalParams: only theirs has additionalPermissions',
    'CommandExecutionRequestApprovalParams.kind: only theirs allows "humanCommand"',
  ],
  'nobody administers this daemon: requirements are null': [
    'ConfigRequirementsReadResponse.requirements: only theirs allows an object',
    'ConfigRequirementsReadResponse.requirements{}: only in ours',
  ],
};

describe('the tables and the JSON schema of the peer', () => {
  it('name the same methods and notifications, but for our own', () => {
    const peers = (names: readonly string[], own: object): string[] => names.filter((name) => !(name in own));
    expect({
      methods: Object.keys(reducedSchema.methods),
      notifications: Object.keys(reducedSchema.notifications),
      serverRequests: Object.keys(reducedSchema.serverRequests),
    }).to.deep.equal({
      methods: peers(Object.keys(METHODS), OWN_METHODS),
      notifications: peers(NOTIFICATION_METHODS, OWN_NOTIFICATIONS),
      serverRequests: Object.keys(SERVER_REQUESTS),
    });
  });

  it('agree on the params of every method, but for the differences listed here', () => {
    const comparer = new ShapeComparer(reducedSchema.definitions);
    for (const [method, { params }] of Object.entries(reducedSchema.methods)) {
      if (params !== null) comparer.compare(params, METHODS[method as MethodName].params, 'incoming');
    }
    for (const [name, { result }] of Object.entries(reducedSchema.serverRequests)) {
      comparer.compare(result, SERVER_REQUESTS[name as ServerRequestName].result, 'incoming');
    }
    expect([...comparer.differences]).to.have.members(Object.values(PARAMS_DIFFERENCES).flat());
  });

  it('agree on results and notifications, but for the differences listed here', () => {
    const comparer = new ShapeComparer(reducedSchema.definitions);
    for (const [method, { result }] of Object.entries(reducedSchema.methods)) {
      comparer.compare(result, METHODS[method as MethodName].result, 'outgoing');
    }
    for (const [name, { params }] of Object.entries(reducedSchema.serverRequests)) {
      comparer.compare(params, SERVER_REQUESTS[name as ServerRequestName].params, 'outgoing');
    }
    for (const [name, definition] of Object.entries(reducedSchema.notifications)) {
      comparer.compare(definition, NOTIFICATIONS[name as NotificationName].params, 'outgoing');
    }
    expect([...comparer.differences]).to.have.members(Object.values(MESSAGES_DIFFERENCES).flat());
  });

  it('give every notification an audience', () => {
    const audiences = Object.fromEntries(NOTIFICATION_METHODS.map((name) => [name, NOTIFICATIONS[name].audience]));
    expect(audiences).to.deep.equal(NOTIFICATION_AUDIENCES);
  });
});
