import { expect } from 'chai';
import fc from 'fast-check';
import { METHODS } from '../../src/protocol/methods.js';
import type { MethodName } from '../../src/protocol/methods.js';
import { validateParams } from '../../src/protocol/validate-params.js';

const turn = (more: Record<string, unknown>) => ({ threadId: 't', input: [], ...more });

describe('validateParams', () => {
  it('gives back the params, without fields that nobody knows', () => {
    const raw = { threadId: 't', includeTurns: true, somethingNew: { a: 1 } };
    expect(validateParams('thread/read', raw)).to.deep.equal({
      ok: true,
      params: { threadId: 't', includeTurns: true },
    });
    expect(raw).to.have.property('somethingNew');
  });

  it('takes null for absent where the field may be null', () => {
    expect(validateParams('thread/list', { limit: null, cwd: null, modelProviders: [] })).to.deep.equal({
      ok: true,
      params: { limit: null, cwd: null, modelProviders: [] },
    });
  });

  it('needs no params where the method has none', () => {
    for (const raw of [undefined, null, {}]) expect(validateParams('configRequirements/read', raw).ok).to.equal(true);
  });

  it('tells null from absent, where null clears', () => {
    const gitInfo = { sha: 'c0ffee', branch: null };
    expect(validateParams('thread/metadata/update', { threadId: 't', gitInfo })).to.deep.equal({
      ok: true,
      params: { threadId: 't', gitInfo },
    });
    expect(validateParams('thread/list', { projectId: null })).to.deep.equal({ ok: true, params: { projectId: null } });
  });

  it('goes by the path when a summary is asked for by path and id', () => {
    expect(validateParams('getConversationSummary', { conversationId: 't', rolloutPath: '/r' })).to.deep.equal({
      ok: true,
      params: { rolloutPath: '/r' },
    });
  });

  it('passes items for the model on as they are', () => {
    const items = [5, null, { type: 'message', role: 'user', content: [] }];
    expect(validateParams('thread/inject_items', { threadId: 't', items })).to.deep.equal({
      ok: true,
      params: { threadId: 't', items },
    });
  });

  it('takes every form of input, and text without elements', () => {
    const input = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b', text_elements: [{ byteRange: { start: 0, end: 1 }, placeholder: null }] },
      { type: 'image', url: 'data:x' },
      { type: 'image', fileId: 'f', detail: 'high' },
      { type: 'localImage', path: '/a.png', detail: null },
      { type: 'audio', url: 'data:x' },
      { type: 'localAudio', path: '/a.wav' },
      { type: 'skill', name: 's', path: '/s' },
      { type: 'mention', name: 'm', path: 'm://' },
    ];
    expect(validateParams('turn/start', turn({ input }))).to.deep.equal({ ok: true, params: turn({ input }) });
  });

  it('takes a tool without a type for a function', () => {
    const tool = { name: 'f', description: 'd', inputSchema: {} };
    expect(validateParams('thread/start', { dynamicTools: [tool] })).to.deep.equal({
      ok: true,
      params: { dynamicTools: [tool] },
    });
  });

  const refused: [method: MethodName, raw: unknown, path: string, message: string][] = [
    ['thread/read', undefined, 'params', 'missing field `params`'],
    ['thread/loaded/list', null, 'params', 'missing field `params`'],
    ['thread/read', {}, 'params.threadId', 'missing field `threadId`'],
    ['turn/start', {}, 'params.threadId', 'missing field `threadId`'],
    ['turn/start', { input: 5 }, 'params.input', 'invalid type: integer `5`, expected a sequence'],
    ['thread/read', { threadId: 5 }, 'params.threadId', 'invalid type: integer `5`, expected a string'],
    ['thread/read', { threadId: null }, 'params.threadId', 'invalid type: null, expected a string'],
    ['thread/read', { threadId: {} }, 'params.threadId', 'invalid type: map, expected a string'],
    ['thread/read', { threadId: [] }, 'params.threadId', 'invalid type: sequence, expected a string'],
    ['thread/read', { threadId: true }, 'params.threadId', 'invalid type: boolean `true`, expected a string'],
    ['thread/read', { threadId: 1.5 }, 'params.threadId', 'invalid type: floating point `1.5`, expected a string'],
    [
      'thread/read',
      { threadId: 'x', includeTurns: null },
      'params.includeTurns',
      'invalid type: null, expected a boolean',
    ],
    ['thread/read', 'str', 'params', 'invalid type: string "str", expected an object'],
    ['thread/list', { limit: -1 }, 'params.limit', 'invalid value: integer `-1`, expected u32'],
    ['thread/list', { limit: 4294967296 }, 'params.limit', 'invalid value: integer `4294967296`, expected u32'],
    ['thread/list', { limit: 'x' }, 'params.limit', 'invalid type: string "x", expected u32'],
    ['thread/list', { limit: 1.5 }, 'params.limit', 'invalid type: floating point `1.5`, expected u32'],
    ['thread/list', { cwd: 5 }, 'params.cwd', 'invalid type: integer `5`, expected a string or a sequence'],
    ['thread/list', { cwd: ['a', 5] }, 'params.cwd[1]', 'invalid type: integer `5`, expected a string'],
    ['thread/list', { sortDirection: 'up' }, 'params.sortDirection', 'unknown variant `up`, expected `asc` or `desc`'],
    [
      'thread/list',
      { sortKey: 'bogus' },
      'params.sortKey',
      'unknown variant `bogus`, expected one of `created_at`, `updated_at`, `recency_at`, `section_position`',
    ],
    ['thread/list', { sortKey: 5 }, 'params.sortKey', 'invalid type: integer `5`, expected a string'],
    ['thread/start', { config: [] }, 'params.config', 'invalid type: sequence, expected a map'],
    ['turn/start', turn({ input: [{}] }), 'params.input[0].type', 'missing field `type`'],
    ['turn/start', turn({ input: [{ type: 'text' }] }), 'params.input[0].text', 'missing field `text`'],
    ['turn/start', turn({ input: [{ type: 'image' }] }), 'params.input[0]', 'missing field `url`'],
    ['turn/start', turn({ input: ['s'] }), 'params.input[0]', 'invalid type: string "s", expected an object'],
    [
      'turn/start',
      turn({ input: [{ type: 'bogus' }] }),
      'params.input[0].type',
      'unknown variant `bogus`, expected one of `text`, `image`, `localImage`, `audio`, `localAudio`, `skill`, `mention`',
    ],
    [
      'turn/start',
      turn({ input: [{ type: 'text', text: '', text_elements: [{ byteRange: { start: -1, end: 1 } }] }] }),
      'params.input[0].text_elements[0].byteRange.start',
      'invalid value: integer `-1`, expected usize',
    ],
    [
      'turn/start',
      turn({ approvalPolicy: 'maybe' }),
      'params.approvalPolicy',
      'unknown variant `maybe`, expected one of `untrusted`, `on-request`, `granular`, `never`',
    ],
    [
      'turn/start',
      turn({ approvalPolicy: { granular: {} } }),
      'params.approvalPolicy.granular.sandbox_approval',
      'missing field `sandbox_approval`',
    ],
    [
      'turn/start',
      turn({ approvalPolicy: 5 }),
      'params.approvalPolicy',
      'invalid type: integer `5`, expected a string or an object',
    ],
    ['turn/start', turn({ effort: '' }), 'params.effort', 'reasoning_effort must not be empty'],
    [
      'turn/start',
      turn({ sandboxPolicy: { type: 'workspaceWrite', writableRoots: ['here'] } }),
      'params.sandboxPolicy.writableRoots[0]',
      'invalid value: string "here", expected an absolute path',
    ],
    ['turn/interrupt', { threadId: 't' }, 'params.turnId', 'missing field `turnId`'],
    ['initialize', {}, 'params.clientInfo', 'missing field `clientInfo`'],
    ['thread/fork', {}, 'params.threadId', 'missing field `threadId`'],
    ['thread/fork', { threadId: 't', ephemeral: null }, 'params.ephemeral', 'invalid type: null, expected a boolean'],
    [
      'thread/readState/update',
      { threadId: 't', operation: { type: 'bogus' }, expectedRevision: 'r' },
      'params.operation.type',
      'unknown variant `bogus`, expected `read` or `unread`',
    ],
    [
      'thread/readState/update',
      { threadId: 't', operation: { type: 'read' } },
      'params.expectedRevision',
      'missing field `expectedRevision`',
    ],
    ['thread/revert', { threadId: 't' }, 'params.beforeTurnId', 'missing field `beforeTurnId`'],
    ['thread/items/list', { threadId: 't', cursor: { itemId: 'i' } }, 'params.cursor.type', 'missing field `type`'],
    [
      'thread/items/list',
      { threadId: 't', cursor: { type: 'turn', itemId: 'i' } },
      'params.cursor.type',
      'unknown variant `turn`, expected `item`',
    ],
    [
      'thread/items/list',
      { threadId: 't', cursor: 5 },
      'params.cursor',
      'invalid type: integer `5`, expected a string or an object',
    ],
    ['thread/items/read', { threadId: 't', turnId: 'u', itemId: 'i' }, 'params.itemIds', 'missing field `itemIds`'],
    ['thread/inject_items', { threadId: 't', items: {} }, 'params.items', 'invalid type: map, expected a sequence'],
    ['thread/delete', { threadId: 't', cascade: 1 }, 'params.cascade', 'invalid type: integer `1`, expected a boolean'],
    [
      'thread/metadata/update',
      { threadId: 't', gitInfo: { sha: 5 } },
      'params.gitInfo.sha',
      'invalid type: integer `5`, expected a string',
    ],
    ['getConversationSummary', {}, 'params', 'missing field `rolloutPath` or `conversationId`'],
    [
      'getConversationSummary',
      { conversationId: 5 },
      'params.conversationId',
      'invalid type: integer `5`, expected a string',
    ],
    ['getAuthStatus', undefined, 'params', 'missing field `params`'],
  ];
  for (const [method, raw, path, message] of refused) {
    it(`refuses ${method} ${JSON.stringify(raw) ?? ''} at ${path}`, () => {
      expect(validateParams(method, raw)).to.deep.equal({ ok: false, path, message });
    });
  }

  it('cuts what it repeats of a long value', () => {
    const result = validateParams('thread/list', { limit: 'x'.repeat(1000) });
    expect(result).to.deep.include({ message: `invalid type: string "${'x'.repeat(64)}…", expected u32` });
  });

  it('never throws, and says where and what for whatever it refuses', () => {
    const methods = Object.keys(METHODS) as MethodName[];
    const params = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom('threadId', 'input', 'limit', 'cwd', 'approvalPolicy', 'config'), fc.jsonValue()),
    );
    fc.assert(
      fc.property(fc.constantFrom(...methods), params, (method, raw) => {
        const result = validateParams(method, raw);
        if (result.ok) return;
        expect(result.path).to.match(/^params/);
        expect(result.message).to.match(/^(missing field `|invalid (type|value): |unknown variant `|\w)/);
      }),
    );
  });
});
