import { expect } from 'chai';
import type { z } from 'zod';
import { EXPERIMENTAL_FIELDS, findExperimentalUse } from '../../src/protocol/experimental-use.js';
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
      'thread/read': 'none',
      'thread/list': 'none',
      'thread/loaded/list': 'none',
      'thread/unsubscribe': 'thread',
      'turn/start': 'thread',
      'turn/steer': 'thread',
      'turn/interrupt': 'none',
      'model/list': 'none',
      'config/read': 'none',
      'configRequirements/read': 'none',
      'account/read': 'none',
      'skills/list': 'none',
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
      const params = METHODS[method as MethodName].params as z.ZodObject;
      expect(Object.keys(params.shape)).to.include.members([...fields]);
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
  ];
  for (const [method, params, found] of cases) {
    it(`says ${found ?? 'nothing'} of ${method} ${JSON.stringify(params) ?? ''}`, () => {
      expect(findExperimentalUse(method, params)).to.equal(found);
    });
  }
});
