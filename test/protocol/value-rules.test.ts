import { expect } from 'chai';
import fc from 'fast-check';
import { METHODS } from '../../src/protocol/methods.js';
import type { MethodName, ParamsOf } from '../../src/protocol/methods.js';
import { validateParams } from '../../src/protocol/validate-params.js';
import { findBrokenRule } from '../../src/protocol/value-rules.js';

const ID = '0199a000-0000-7000-8000-000000000001';
const OTHER = '0199A000-0000-7000-8000-000000000002';

type Params = { [Method in MethodName]: [Method, ParamsOf<Method>] }[MethodName];

function find([method, params]: Params): unknown {
  return findBrokenRule(method, params);
}

describe('findBrokenRule', () => {
  const kept: Params[] = [
    ['thread/fork', { threadId: ID, lastTurnId: 'u', beforeTurnId: null, permissions: null, sandbox: 'read-only' }],
    ['thread/fork', { threadId: ID, attachToSource: true, ephemeral: false, deferGoalContinuation: false }],
    ['thread/fork', { threadId: ID, experimentalPredictionMode: true, ephemeral: true, path: '' }],
    ['thread/items/list', { threadId: ID, turnId: 'u', cursor: { type: 'item', itemId: 'i' } }],
    ['thread/items/list', { threadId: ID, cursor: 'c' }],
    ['thread/items/read', { threadId: ID, turnId: 'u', itemIds: Array<string>(100).fill('i') }],
    ['thread/list', {}],
    ['thread/list', { excludedThreadIds: [ID, OTHER], originators: [], projectId: null, parentThreadId: OTHER }],
    ['thread/list', { excludedThreadIds: Array<string>(100).fill(ID), parentThreadId: null, ancestorThreadId: ID }],
    ['thread/list', { sortKey: 'section_position', sectionId: 's', includeAttachedThreads: true, searchTerm: 'x' }],
    ['thread/resume', { threadId: ID, afterEpoch: 'e', afterSeq: 0 }],
    ['thread/resume', { threadId: ID, afterEpoch: null }],
    ['thread/name/set', { threadId: ID, name: ' a ' }],
    ['thread/metadata/update', { threadId: ID, gitInfo: { branch: null } }],
    ['thread/metadata/update', { threadId: ID, projectId: '' }],
    ['thread/metadata/update', { threadId: ID, daybreakEnabled: false }],
    ['thread/settings/update', { threadId: ID }],
    ['thread/inject_items', { threadId: ID, items: [null] }],
    ['command/exec', { command: [], timeoutMs: 0, outputBytesCap: 0, disableTimeout: false, disableOutputCap: false }],
    ['command/exec', { command: ['a'], disableTimeout: true, timeoutMs: null, tty: true, size: { rows: 1, cols: 1 } }],
    ['command/exec/write', { processId: 'p', closeStdin: true }],
    ['command/exec/write', { processId: 'p', deltaBase64: '' }],
    ['command/exec/write', { processId: 'p', deltaBase64: 'YWI=' }],
    ['thread/shellCommand', { threadId: ID, command: '', timeoutMs: 0 }],
    ['configRequirements/read', undefined],
  ];
  for (const [method, params] of kept) {
    it(`finds none in ${method} ${JSON.stringify(params)?.slice(0, 120) ?? ''}`, () => {
      expect(find([method, params] as Params)).to.equal(null);
    });
  }

  const broken: [params: Params, path: string, message: string][] = [
    [
      ['command/exec', { command: ['a'], timeoutMs: 5, disableTimeout: true }],
      'params.disableTimeout',
      'command/exec cannot set both timeoutMs and disableTimeout',
    ],
    [
      ['command/exec', { command: ['a'], outputBytesCap: 5, disableOutputCap: true }],
      'params.disableOutputCap',
      'command/exec cannot set both outputBytesCap and disableOutputCap',
    ],
    [
      ['command/exec', { command: ['a'], size: { rows: 1, cols: 1 } }],
      'params.size',
      'command/exec size requires tty: true',
    ],
    [
      ['command/exec', { command: ['a'], tty: true, size: { rows: 0, cols: 1 } }],
      'params.size',
      'command/exec size rows and cols must be greater than 0',
    ],
    [
      ['command/exec', { command: ['a'], timeoutMs: -1 }],
      'params.timeoutMs',
      'command/exec timeoutMs must be non-negative, got -1',
    ],
    [
      ['command/exec/resize', { processId: 'p', size: { rows: 1, cols: 0 } }],
      'params.size',
      'command/exec size rows and cols must be greater than 0',
    ],
    [
      ['command/exec/write', { processId: 'p', deltaBase64: null, closeStdin: false }],
      'params.deltaBase64',
      'command/exec/write requires deltaBase64 or closeStdin',
    ],
    [
      ['command/exec/write', { processId: 'p', deltaBase64: '***' }],
      'params.deltaBase64',
      'invalid deltaBase64: it is not base64',
    ],
    [
      ['thread/shellCommand', { threadId: ID, command: 'a', timeoutMs: -1 }],
      'params.timeoutMs',
      'thread/shellCommand timeoutMs must be non-negative, got -1',
    ],
    [
      ['thread/fork', { threadId: ID, lastTurnId: '', beforeTurnId: '' }],
      'params.beforeTurnId',
      '`beforeTurnId` cannot be combined with `lastTurnId`',
    ],
    [
      ['thread/fork', { threadId: ID, permissions: 'p', sandbox: 'read-only' }],
      'params.permissions',
      '`permissions` cannot be combined with `sandbox`',
    ],
    [
      ['thread/fork', { threadId: ID, attachToSource: true, ephemeral: true }],
      'params.attachToSource',
      'attachToSource cannot be combined with ephemeral or deferGoalContinuation',
    ],
    [
      ['thread/fork', { threadId: ID, attachToSource: true, deferGoalContinuation: true }],
      'params.attachToSource',
      'attachToSource cannot be combined with ephemeral or deferGoalContinuation',
    ],
    [
      ['thread/fork', { threadId: ID, experimentalDisablePredictionMcp: true, ephemeral: true }],
      'params.experimentalDisablePredictionMcp',
      '`experimentalDisablePredictionMcp` requires `experimentalPredictionMode: true`',
    ],
    [
      ['thread/fork', { threadId: ID, experimentalPredictionMode: true }],
      'params.experimentalPredictionMode',
      '`experimentalPredictionMode` requires `ephemeral: true`',
    ],
    [
      ['thread/fork', { threadId: ID, experimentalPredictionMode: true, ephemeral: true, lastTurnId: 'u' }],
      'params.experimentalPredictionMode',
      '`experimentalPredictionMode` requires a thread id without a path or turn cutoff',
    ],
    [
      ['thread/fork', { threadId: ID, experimentalPredictionMode: true, ephemeral: true, path: '/r' }],
      'params.experimentalPredictionMode',
      '`experimentalPredictionMode` requires a thread id without a path or turn cutoff',
    ],
    [
      ['thread/items/list', { threadId: ID, cursor: { type: 'item', itemId: 'i' } }],
      'params.turnId',
      'turnId is required when cursor is an item anchor',
    ],
    [
      ['thread/items/list', { threadId: ID, turnId: '', cursor: { type: 'item', itemId: 'i' } }],
      'params.turnId',
      'turnId is required when cursor is an item anchor',
    ],
    [
      ['thread/items/read', { threadId: ID, turnId: 'u', itemIds: [] }],
      'params.itemIds',
      'itemIds must contain 1 to 100 IDs',
    ],
    [
      ['thread/items/read', { threadId: ID, turnId: 'u', itemIds: Array<string>(101).fill('i') }],
      'params.itemIds',
      'itemIds must contain 1 to 100 IDs',
    ],
    [
      ['thread/list', { parentThreadId: ID, ancestorThreadId: ID }],
      'params.ancestorThreadId',
      'parentThreadId and ancestorThreadId are mutually exclusive',
    ],
    [
      ['thread/list', { attachedToThreadId: ID, ancestorThreadId: ID }],
      'params.attachedToThreadId',
      'attachedToThreadId cannot be combined with parentThreadId or ancestorThreadId',
    ],
    [['thread/list', { parentThreadId: '' }], 'params.parentThreadId', 'invalid parent thread id: '],
    [['thread/list', { ancestorThreadId: 'x' }], 'params.ancestorThreadId', 'invalid ancestor thread id: x'],
    [['thread/list', { attachedToThreadId: 'x' }], 'params.attachedToThreadId', 'invalid attached thread parent id: x'],
    [
      ['thread/list', { excludedThreadIds: [ID, `${ID}0`] }],
      'params.excludedThreadIds[1]',
      `invalid excluded thread id: ${ID}0`,
    ],
    [
      ['thread/list', { excludedThreadIds: Array<string>(101).fill('x') }],
      'params.excludedThreadIds',
      'excludedThreadIds accepts at most 100 entries',
    ],
    [
      ['thread/list', { originators: [''] }],
      'params.originators',
      'originator filtering is not supported by the local app-server',
    ],
    [['thread/list', { projectId: '' }], 'params.projectId', 'projectId must not be empty'],
    [
      ['thread/list', { sortKey: 'section_position', sectionId: null }],
      'params.sortKey',
      'section-position sorting requires a section filter',
    ],
    [
      ['thread/list', { includeAttachedThreads: true, searchTerm: '' }],
      'params.includeAttachedThreads',
      'includeAttachedThreads requires a non-empty searchTerm',
    ],
    [['thread/resume', { threadId: ID, afterEpoch: 'e' }], 'params.afterSeq', '`afterEpoch` requires `afterSeq`'],
    [['thread/resume', { threadId: ID, afterSeq: 0 }], 'params.afterEpoch', '`afterSeq` requires `afterEpoch`'],
    [['thread/name/set', { threadId: ID, name: ' \n ' }], 'params.name', 'thread name must not be empty'],
    [
      ['thread/metadata/update', { threadId: ID, gitInfo: null, projectId: null, daybreakEnabled: null }],
      'params.gitInfo',
      'thread metadata update must include at least one field',
    ],
    [
      ['thread/metadata/update', { threadId: ID, gitInfo: {} }],
      'params.gitInfo',
      'gitInfo must include at least one field',
    ],
    [
      ['thread/metadata/update', { threadId: ID, gitInfo: { sha: 'a', originUrl: ' ' } }],
      'params.gitInfo.originUrl',
      'gitInfo.originUrl must not be empty',
    ],
    [
      ['thread/settings/update', { threadId: ID, permissions: 'p', sandboxPolicy: { type: 'readOnly' } }],
      'params.permissions',
      '`permissions` cannot be combined with `sandboxPolicy`',
    ],
    [['thread/inject_items', { threadId: ID, items: [] }], 'params.items', 'items must not be empty'],
  ];
  for (const [params, path, message] of broken) {
    it(`says of ${params[0]} ${JSON.stringify(params[1])?.slice(0, 120) ?? ''}: ${message}`, () => {
      expect(find(params)).to.deep.equal({ path, message });
    });
  }

  it('repeats no more than the beginning of a long id', () => {
    expect(findBrokenRule('thread/list', { parentThreadId: 'x'.repeat(1000) })).to.deep.equal({
      path: 'params.parentThreadId',
      message: `invalid parent thread id: ${'x'.repeat(100)}`,
    });
  });

  it('never throws for what was validated, whatever it holds', () => {
    const value = fc.oneof(
      fc.constantFrom(null, true, '', ID, {}, [], ['x'], { type: 'item', itemId: 'i' }),
      fc.string(),
    );
    const params = fc.dictionary(
      fc.constantFrom(
        'threadId',
        'turnId',
        'name',
        'items',
        'itemIds',
        'cursor',
        'gitInfo',
        'parentThreadId',
        'projectId',
      ),
      value,
    );
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(METHODS) as MethodName[])), params, (method, raw) => {
        const validated = validateParams(method, { threadId: ID, turnId: 'u', ...raw });
        if (!validated.ok) return;
        const rule = findBrokenRule(method, validated.params);
        if (rule !== null) expect(rule.path).to.match(/^params\.\w/);
      }),
    );
  });
});
