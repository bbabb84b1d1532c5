// Holds what is told of deltas that were joined for a client that lags behind. Runs without a daemon.
import { expect } from 'chai';
import { ByteLedger, stampOf } from '../faults/slow-clients/byte-ledger.js';

function frame(method: string, params: object, seq: number): Buffer {
  const text = JSON.stringify({ method, params });
  return Buffer.from(`${text.slice(0, -1)},"emittedAtMs":${1000 + seq},"epoch":"e1","seq":${seq}}`);
}

function delta(text: string, seq: number, itemId = 'msg-1'): Buffer {
  return frame('item/agentMessage/delta', { threadId: 't', turnId: 'turn-1', itemId, delta: text }, seq);
}

describe('ByteLedger', () => {
  let ledger: ByteLedger;
  beforeEach(() => {
    ledger = new ByteLedger();
    ledger.note(4, delta('one "quoted" ', 4));
    ledger.note(5, delta('two ', 5));
    ledger.note(6, delta('three', 6));
    ledger.note(7, frame('item/completed', { threadId: 't' }, 7));
    ledger.note(8, delta('another', 8, 'msg-2'));
  });

  it('reads number and time off the end', () => {
    expect(stampOf(delta('"seq":99} is not it', 4))).to.deep.equal({ seq: 4, emittedAtMs: 1004 });
    expect(stampOf(Buffer.from('{"method":"account/rateLimits/updated","params":{}}'))).to.equal(null);
  });

  it('notices other bytes under a number', () => {
    expect([ledger.note(5, delta('two ', 5)), ledger.note(5, delta('two', 5))]).to.deep.equal([true, false]);
  });

  it('accepts the deltas of one item as one, and nothing else', () => {
    const outcomes = [
      ledger.isJoined(4, 6, delta('one "quoted" two three', 6)),
      ledger.isJoined(5, 6, delta('two three', 6)),
      ledger.isJoined(4, 6, delta('two three', 6)),
      ledger.isJoined(4, 6, delta('one "quoted" two three', 6, 'msg-2')),
      ledger.isJoined(4, 7, frame('item/completed', { threadId: 't' }, 7)),
      ledger.isJoined(6, 8, delta('threeanother', 8)),
      ledger.isJoined(8, 9, delta('another and more', 9, 'msg-2')),
    ];
    expect(outcomes).to.deep.equal([true, true, false, false, false, false, false]);
  });
});
