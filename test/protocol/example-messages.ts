// Hand-written messages of every kind that the daemon sends, for the tests of the wire contract.
import type { ResultOf, MethodName } from '../../src/protocol/methods.js';
import type { NotificationName } from '../../src/protocol/notification-names.js';
import type { NotificationParams } from '../../src/protocol/notifications.js';
import type { Thread, Turn, TurnError } from '../../src/protocol/thread.js';
import { exampleAnswer, exampleItems } from './example-items.js';
import { exampleTerminals } from './example-terminals.js';

const THREAD_ID = '0199a000-0000-7000-8000-000000000001';
const TURN_ID = '0199a000-0000-7000-8000-000000000002';
const AT_MS = 1_760_000_000_123;
const AT = 1_760_000_000;

const exampleTurn: Turn = {
  id: TURN_ID,
  rootTurnId: TURN_ID,
  items: [],
  itemsView: 'notLoaded',
  status: 'inProgress',
  error: null,
  startedAt: AT,
  completedAt: null,
  durationMs: null,
};

const exampleThread: Thread = {
  id: THREAD_ID,
  environments: [{ environmentId: 'local', cwd: '/srv/garden', runtimeWorkspaceRoots: ['/srv/garden'] }],
  extra: null,
  sessionId: THREAD_ID,
  forkedFromId: null,
  attachedToThreadId: null,
  parentThreadId: null,
  preview: 'When do I sow beans?',
  ephemeral: false,
  section: null,
  sectionEnteredAt: null,
  projectId: null,
  historyMode: 'paginated',
  modelProvider: 'local',
  model: 'gardener-1',
  reasoningEffort: 'low',
  createdAt: AT,
  updatedAt: AT,
  recencyAt: AT,
  status: { type: 'active', activeFlags: ['waitingOnApproval'] },
  path: `/home/ana/.rolloutd/sessions/2025/10/09/rollout-2025-10-09T08-53-20-${THREAD_ID}.jsonl`,
  cwd: '/srv/garden',
  cliVersion: '0.1.0',
  originator: 'example',
  source: 'vscode',
  canAcceptDirectInput: true,
  threadSource: null,
  agentNickname: null,
  agentRole: null,
  gitInfo: { sha: 'c0ffee', branch: 'main', originUrl: null },
  name: 'Beans',
  daybreakEnabled: null,
  turns: [],
};

const error: TurnError = {
  message: 'Reconnecting... 1/5',
  codexErrorInfo: { responseStreamDisconnected: { httpStatusCode: null } },
  additionalDetails: 'the stream ended early',
  misalignment: null,
};

const counts = {
  totalTokens: 12,
  inputTokens: 8,
  cachedInputTokens: 2,
  cacheWriteInputTokens: 0,
  outputTokens: 4,
  reasoningOutputTokens: 1,
};

const inTurn = { threadId: THREAD_ID, turnId: TURN_ID };
const inItem = { ...inTurn, itemId: 'msg_1' };

/** At least one set of params for each notification. */
export const exampleNotifications: { [Name in NotificationName]: NotificationParams<Name>[] } = {
  'thread/started': [{ thread: exampleThread }],
  'thread/status/changed': [
    { threadId: THREAD_ID, status: { type: 'idle' } },
    { threadId: THREAD_ID, status: { type: 'systemError' } },
    { threadId: THREAD_ID, status: { type: 'notLoaded' } },
  ],
  'thread/closed': [{ threadId: THREAD_ID }],
  'thread/archived': [{ threadId: THREAD_ID }],
  'thread/unarchived': [{ threadId: THREAD_ID }],
  'thread/deleted': [{ threadId: THREAD_ID }],
  'thread/reverted': [{ threadId: THREAD_ID }],
  'thread/name/updated': [{ threadId: THREAD_ID, threadName: 'Beans' }],
  'thread/goal/cleared': [{ threadId: THREAD_ID }],
  'thread/settings/updated': [
    {
      threadId: THREAD_ID,
      threadSettings: {
        disabledPluginIds: [],
        cwd: '/srv/garden',
        environments: null,
        approvalPolicy: 'on-request',
        approvalsReviewer: 'user',
        sandboxPolicy: {
          type: 'workspaceWrite',
          writableRoots: ['/srv/seeds'],
          networkAccess: false,
          excludeTmpdirEnvVar: false,
          excludeSlashTmp: true,
        },
        activePermissionProfile: null,
        model: 'gardener-1',
        modelProvider: 'local',
        serviceTier: null,
        effort: 'low',
        summary: 'auto',
        collaborationMode: {
          mode: 'default',
          settings: { model: 'gardener-1', reasoning_effort: 'low', developer_instructions: null },
        },
        multiAgentMode: 'explicitRequestOnly',
        personality: null,
      },
    },
  ],
  'thread/owner/changed': [
    { threadId: THREAD_ID, owner: { pid: 4711, command: 'codex' } },
    { threadId: THREAD_ID, owner: null },
  ],
  'thread/tokenUsage/updated': [{ ...inTurn, tokenUsage: { total: counts, last: counts, modelContextWindow: null } }],
  'thread/readState/changed': [
    { threadId: THREAD_ID, readState: { firstUnread: { type: 'turn', turnId: TURN_ID }, revision: 'r1' } },
    { threadId: THREAD_ID, readState: { firstUnread: null, revision: 'r2' } },
  ],
  'turn/started': [{ threadId: THREAD_ID, turn: exampleTurn }],
  'turn/completed': [
    {
      threadId: THREAD_ID,
      turn: {
        ...exampleTurn,
        items: [exampleAnswer],
        itemsView: 'summary',
        status: 'completed',
        completedAt: AT,
        durationMs: 9,
      },
    },
    { threadId: THREAD_ID, turn: { ...exampleTurn, status: 'failed', error } },
  ],
  'item/started': exampleItems.map((item) => ({ item, ...inTurn, startedAtMs: AT_MS })),
  'item/completed': exampleItems.map((item) => ({
    item,
    ...inTurn,
    contentTokenCount: null,
    completedAtMs: AT_MS,
  })),
  'item/agentMessage/delta': [{ ...inItem, delta: 'In ' }],
  'item/reasoning/summaryPartAdded': [{ ...inItem, summaryIndex: 0 }],
  'item/reasoning/summaryTextDelta': [{ ...inItem, delta: '**Fr', summaryIndex: 0 }],
  'item/reasoning/textDelta': [{ ...inItem, delta: 'late', contentIndex: 0 }],
  'item/commandExecution/outputDelta': [{ ...inItem, delta: 'seeds.txt\n' }],
  'item/commandExecution/terminalInteraction': [{ ...inItem, processId: '4711', stdin: 'yes\n' }],
  'turn/diff/updated': [{ ...inTurn, diff: 'diff --git a/seeds.txt b/seeds.txt\n' }],
  'turn/plan/updated': [
    { ...inTurn, explanation: null, plan: [{ step: 'Sow the beans', status: 'inProgress' }] },
    { ...inTurn, explanation: 'It rains', plan: [] },
  ],
  'account/rateLimits/updated': [
    {
      rateLimits: {
        limitId: 'codex',
        limitName: null,
        normalModelSlug: null,
        primary: { usedPercent: 3, windowDurationMins: 300, resetsAt: AT },
        secondary: null,
        credits: null,
        individualLimit: null,
        spendControlReached: null,
        planType: null,
        rateLimitReachedType: null,
      },
    },
  ],
  'serverRequest/resolved': [
    { threadId: THREAD_ID, requestId: 0 },
    { threadId: THREAD_ID, requestId: 'a' },
  ],
  warning: [
    { threadId: THREAD_ID, message: 'the last line of the file was torn' },
    { message: 'old' },
    { message: 'm', code: 'c' },
  ],
  error: [
    { ...inTurn, error, willRetry: true },
    { ...inTurn, error: { ...error, codexErrorInfo: 'other' }, willRetry: false },
  ],
  'command/exec/outputDelta': [{ processId: 'p', stream: 'stderr', deltaBase64: 'YQo=', capReached: false }],
  deprecationNotice: [{ summary: 'old way', details: null }],
  configWarning: [
    {
      summary: 'unknown key',
      details: 'gardn',
      path: '/home/ana/.rolloutd/config.toml',
      range: { start: { line: 3, column: 1 }, end: { line: 3, column: 6 } },
    },
  ],
  'remoteControl/status/changed': [
    { status: 'disabled', serverName: 'shed', installationId: 'i', environmentId: null },
  ],
};

const started: ResultOf<'thread/start'> = {
  thread: exampleThread,
  model: 'gardener-1',
  modelProvider: 'local',
  serviceTier: null,
  disabledPluginIds: [],
  cwd: '/srv/garden',
  runtimeWorkspaceRoots: ['/srv/garden'],
  instructionSources: ['/srv/garden/AGENTS.md'],
  approvalPolicy: { granular: { sandbox_approval: true, rules: false, mcp_elicitations: false } },
  approvalsReviewer: 'user',
  sandbox: { type: 'readOnly', networkAccess: false },
  activePermissionProfile: null,
  reasoningEffort: null,
  multiAgentMode: 'explicitRequestOnly',
  eventsCursor: { epoch: '5b1f0c2e', seq: 7 },
};

/** One result of each method. */
export const exampleResults: { [Method in MethodName]: ResultOf<Method> } = {
  initialize: {
    userAgent: 'example/0.1.0',
    codexHome: '/home/ana/.rolloutd',
    platformFamily: 'unix',
    platformOs: 'linux',
  },
  'thread/start': started,
  'thread/resume': {
    ...started,
    thread: {
      ...exampleThread,
      source: { subAgent: 'review' },
      turns: [{ ...exampleTurn, items: exampleItems, itemsView: 'full' }],
    },
    collaborationMode: {
      mode: 'plan',
      settings: { model: 'gardener-1', reasoning_effort: null, developer_instructions: null },
    },
    initialTurnsPage: { data: [exampleTurn], nextCursor: null, backwardsCursor: 'c' },
    turnsBackwardsCursor: 'c',
    itemsBackwardsCursor: null,
    reattach: { type: 'resync', reason: 'epoch_changed' },
  },
  'thread/fork': { ...started, thread: { ...exampleThread, forkedFromId: TURN_ID }, ignoredOverrides: ['personality'] },
  'thread/revert': {
    thread: { ...exampleThread, status: { type: 'idle' } },
    turnsBackwardsCursor: 'c',
    itemsBackwardsCursor: null,
  },
  'thread/read': { thread: { ...exampleThread, environments: null }, readState: null },
  'thread/turns/list': { data: [{ ...exampleTurn, items: [exampleAnswer] }], nextCursor: 'n', backwardsCursor: 'b' },
  'thread/items/list': {
    data: [
      ...exampleItems.map((item) => ({ turnId: TURN_ID, item, startedAtMs: AT_MS, completedAtMs: AT_MS })),
      { turnId: TURN_ID, item: exampleAnswer, outputDeferred: true, startedAtMs: null, completedAtMs: null },
    ],
    nextCursor: null,
    backwardsCursor: 'b',
  },
  'thread/items/read': {
    data: [{ turnId: TURN_ID, item: exampleAnswer, startedAtMs: AT_MS, completedAtMs: null }],
  },
  'thread/list': {
    data: [{ ...exampleThread, source: { custom: 'shed' } }],
    readStates: { [THREAD_ID]: { firstUnread: { type: 'threadStart' }, revision: 'r' } },
    nextCursor: 'n',
    backwardsCursor: null,
    hiddenCount: 2,
  },
  'thread/loaded/list': { data: [THREAD_ID], nextCursor: null },
  'thread/unsubscribe': { status: 'unsubscribed' },
  'thread/unload': {},
  'thread/name/set': {},
  'thread/metadata/update': { thread: exampleThread },
  'thread/readState/update': { readState: { firstUnread: { type: 'threadStart' }, revision: 'r' } },
  'thread/settings/update': {},
  'thread/inject_items': {},
  'thread/archive': {},
  'thread/unarchive': { thread: exampleThread },
  'thread/delete': { deletedThreadIds: [THREAD_ID] },
  'turn/start': { turn: { ...exampleTurn, startedAt: null } },
  'turn/steer': { turnId: TURN_ID },
  'turn/interrupt': {},
  'thread/shellCommand': {},
  'thread/backgroundTerminals/list': { data: exampleTerminals, nextCursor: '1795413366082.27052' },
  'thread/backgroundTerminals/terminate': { terminated: true },
  'thread/backgroundTerminals/clean': {},
  'command/exec': { exitCode: 0, stdout: 'out', stderr: '' },
  'command/exec/write': {},
  'command/exec/resize': {},
  'command/exec/terminate': {},
  'model/list': {
    data: [
      {
        id: 'gardener-1',
        model: 'gardener-1',
        upgrade: null,
        upgradeInfo: null,
        availabilityNux: null,
        displayName: 'Gardener',
        description: 'Knows beans.',
        modelSpecialty: null,
        hidden: false,
        supportedReasoningEfforts: [{ reasoningEffort: 'low', description: 'quick' }],
        defaultReasoningEffort: 'low',
        inputModalities: ['text', 'image'],
        supportsPersonality: false,
        multiAgentVersion: null,
        additionalSpeedTiers: [],
        serviceTiers: [],
        defaultServiceTier: null,
        availableAccessPrograms: null,
        isDefault: true,
      },
    ],
    nextCursor: null,
  },
  'config/read': {
    config: { model: 'gardener-1', approval_policy: 'never', sandbox_mode: 'read-only', shed: { door: 'green' } },
    origins: {
      model: { name: { type: 'user', file: '/home/ana/.rolloutd/config.toml', profile: null }, version: 'v' },
    },
    layers: [{ name: { type: 'sessionFlags' }, version: 'v', config: {}, disabledReason: null }],
  },
  'configRequirements/read': { supportsIndependentSpeedModes: false, requirements: null },
  'account/read': { account: { type: 'apiKey' }, userId: null, requiresOpenaiAuth: false, workspaceRouting: null },
  'skills/list': {
    data: [
      {
        cwd: '/srv/garden',
        skills: [
          {
            name: 'sow',
            description: 'sows',
            interface: { displayName: 'Sow', iconSmall: null },
            dependencies: { tools: [{ type: 'cli', value: 'rake' }] },
            path: '/srv/garden/skills/sow/SKILL.md',
            scope: 'repo',
            enabled: true,
            pluginId: null,
          },
        ],
        errors: [{ path: '/srv/garden/skills/dig', message: 'no name' }],
      },
    ],
  },
  getConversationSummary: {
    summary: {
      conversationId: THREAD_ID,
      path: '/home/ana/.rolloutd/sessions/2025/10/09/rollout.jsonl',
      preview: 'When do I sow beans?',
      timestamp: '2025-10-09T08:53:20.123Z',
      updatedAt: null,
      modelProvider: 'local',
      cwd: '/srv/garden',
      cliVersion: '0.1.0',
      source: { custom: 'shed' },
      gitInfo: { sha: 'c0ffee', branch: null, origin_url: 'https://example.com/garden.git' },
    },
  },
  getAuthStatus: { authMethod: 'apikey', authToken: null, requiresOpenaiAuth: false },
  'daemon/status': {
    version: '1.0.0',
    pid: 1,
    startedAtMs: 1,
    stopping: false,
    clientCount: 1,
    loadedThreadCount: 2,
    runningTurnCount: 1,
    refusedRequestCount: 0,
  },
  'daemon/drain': { drained: true },
};
