// Holds the bound on streamed text that a kill may cost. Runs without a daemon.
import { expect } from 'chai';
import { BOUND_MS, checkBounded } from '../faults/check-bounded.js';
import { foundByRead } from '../faults/found.js';
import { THREAD } from './hand-made.js';

const STREAM = {
  threadId: THREAD,
  turnId: 'turn-1',
  itemId: 'msg-1',
  completed: false,
  pieces: [
    { atMs: 0, text: '' },
    { atMs: 100, text: 'old ' },
    { atMs: 1000 - BOUND_MS, text: 'due ' },
    { atMs: 900, text: 'new' },
  ],
};

function check(text: string | null, slackMs = 0) {
  const items = text === null ? [] : [{ type: 'agentMessage', id: 'msg-1', text }];
  const { loss, violation } = checkBounded(
    STREAM,
    foundByRead([{ id: 'turn-1', status: 'interrupted', items }]),
    1000,
    BOUND_MS + slackMs,
  );
  return { ...loss, kind: violation?.kind ?? null };
}

describe('checkBounded', () => {
  it('allows the loss of what arrived within the bound', () => {
    expect(check('old due ')).to.deep.equal({ lostCharacters: 3, lostMs: 100, kind: null });
    expect(check('old due new')).to.deep.equal({ lostCharacters: 0, lostMs: 0, kind: null });
    expect(check('old due n')).to.deep.equal({ lostCharacters: 2, lostMs: 100, kind: null });
  });

  it('allows text that no client had received yet', () => {
    expect(check('old due new and more')).to.deep.equal({ lostCharacters: 0, lostMs: 0, kind: null });
  });

  it('reports text that was older', () => {
    expect(check('old ')).to.deep.equal({ lostCharacters: 7, lostMs: BOUND_MS, kind: 'bounded' });
    expect(check(null)).to.deep.equal({ lostCharacters: 11, lostMs: 900, kind: 'bounded' });
  });

  it('gives the slack that was measured', () => {
    expect(check('old ', 10).kind).to.equal(null);
    expect(check(null, 10).kind).to.equal('bounded');
  });

  it('reports text that differs from what was streamed', () => {
    expect(check('old due neX').kind).to.equal('bounded');
  });
});
