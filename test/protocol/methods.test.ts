import { expect } from 'chai';
import { z } from 'zod';
import { EXPERIMENTAL_FIELDS, findExperimentalUse } from '../../src/protocol/experimental-use.js';
import type { JsonSchema } from '../../src/protocol/json-schema.js';
import { isMethodName, METHODS } from '../../src/protocol/methods.js';
import type { MethodName } from '../../src/protocol/methods.js';

describe('METHODS', () => {
  it('knows its own names only', () => {
    expect(['turn/start', 'turn/begin', 'toString', '__proto__', ''].map(isMethodName)).to.deep.equal([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('lets nothing stand before an interrupt or a read, and keeps every other request of a conversation in order', () => {
    const scopes = Object.entries(METHODS).map(([name, { scope }]) => [name, scope]);
    expect(Object.fromEntries(scopes)).to.deep.equal({
      initialize: 'connection',
      'thread/start': 'none',
      'thread/resume': 'thread',
      'thread/fork': 'thread',
      'thread/revert': 'thread',
      'thread/read': 'none',
      'thread/turns/list': 'none',
      'thread/items/list': 'none',
      'thread/items/read': 'none',
      'thread/list': 'none',
      'thread/loaded/list': 'none',
      'thread/unsubscribe': 'thread',
      'thread/unload': 'thread',
      'thread/name/set': 'thread',
      'thread/metadata/update': 'thread',
      'thread/readState/update': 'thread',
      'thread/settings/update': 'thread',
      'thread/inject_items': 'thread',
      'thread/archive': 'thread',
      'thread/unarchive': 'thread',
      'thread/delete': 'thread',
      'turn/start': 'thread',
      'turn/steer': 'thread',
      'turn/interrupt': 'none',
      'thread/shellCommand': 'thread',
      'thread/backgroundTerminals/list': 'none',
      'thread/backgroundTerminals/terminate': 'none',
      'thread/backgroundTerminals/clean': 'none',
      'command/exec': 'none',
      'command/exec/write': 'none',
      'command/exec/resize': 'none',
      'command/exec/terminate': 'none',
      'model/list': 'none',
      'config/read': 'none',
      'configRequirements/read': 'none',
      'account/read': 'none',
      'skills/list': 'none',
      getConversationSummary: 'none',
      getAuthStatus: 'none',
      'daemon/status': 'none',
      'daemon/drain': 'none',
    });
  });

  it('orders by conversation only where the params name one', () => {
    const threaded = Object.values(METHODS).filter(({ scope }) => scope === 'thread');
    for (const { params } of threaded) expect(Object.keys((params as z.ZodObject).shape)).to.include('threadId');
  });
});

describe('findExperimentalUse', () => {
  it('finds only fields that the method has', () => {
    for (const [method, fields] of Object.entries(EXPERIMENTAL_FIELDS)) {
      const json = z.toJSONSchema(METHODS[method as MethodName].params, { io: 'input' });
      for (const field of fields) {
        const found = field.split('.').reduce<JsonSchema | undefined>((schema, key) => {
          const forms = [schema ?? {}, ...(schema?.anyOf ?? [])];
          return forms.find(({ properties }) => properties?.[key] !== undefined)?.properties?.[key];
        }, json as JsonSchema);
        expect(found, `${method}.${field}`).to.not.equal(undefined);
      }
    }
  });

  const granular = { granular: { sandbox_approval: true, rules: true, mcp_elicitations: true } };
  const cases: [method: MethodName, params: unknown, found: string | null][] = [
    ['thread/start', { historyMode: 'legacy' }, 'thread/start.historyMode'],
    ['thread/start', { historyMode: null, experimentalRawEvents: false, cwd: '/x' }, null],
    ['thread/start', { experimentalRawEvents: true }, 'thread/start.experimentalRawEvents'],
    ['thread/start', { dynamicTools: [], permissions: 'x' }, 'thread/start.permissions'],
    ['thread/resume', { threadId: 't', path: '/x', history: [] }, 'thread/resume.history'],
    ['thread/resume', { threadId: 't', path: '/x' }, 'thread/resume.path'],
    ['turn/start', { threadId: 't', input: [], additionalContext: {} }, 'turn/start.additionalContext'],
    ['turn/start', { threadId: 't', input: [], approvalPolicy: granular }, 'askForApproval.granular'],
    ['turn/start', { threadId: 't', input: [], approvalPolicy: 'never' }, null],
    ['configRequirements/read', undefined, null],
    ['thread/fork', { threadId: 't', lastTurnId: 'u', ephemeral: true, attachToSource: false }, null],
    ['thread/fork', { threadId: 't', beforeTurnId: '' }, 'thread/fork.beforeTurnId'],
    [
      'thread/fork',
      { threadId: 't', path: '', experimentalPredictionMode: true },
      'thread/fork.experimentalPredictionMode',
    ],
    ['thread/items/list', { threadId: 't', deferOutput: {} }, null],
    ['thread/items/list', { threadId: 't', deferOutput: { commandExecution: false } }, null],
    [
      'thread/items/list',
      { threadId: 't', deferOutput: { mcpToolCall: true } },
      'thread/items/list.deferOutput.mcpToolCall',
    ],
    ['thread/items/read', { threadId: 't', turnId: 'u', itemIds: [] }, 'thread/items/read'],
    ['thread/settings/update', { threadId: 't' }, 'thread/settings/update'],
    ['daemon/drain', {}, 'daemon/drain'],
    ['thread/list', { parentThreadId: null, includeAttachedThreads: false }, null],
    ['thread/list', { projectId: null }, 'thread/list.projectId'],
    ['thread/metadata/update', { threadId: 't', projectId: null, daybreakEnabled: null }, null],
    ['thread/metadata/update', { threadId: 't', daybreakEnabled: false }, 'thread/metadata/update.daybreakEnabled'],
    ['thread/start', { daybreakEnabled: false }, 'thread/start.daybreakEnabled'],
    ['thread/delete', { threadId: 't', cascade: true }, null],
  ];
  for (const [method, params, found] of cases) {
    it(`says ${found ?? 'nothing'} of ${method} ${JSON.stringify(params) ?? ''}`, () => {
      expect(findExperimentalUse(method, params)).to.equal(found);
    });
  }
});
