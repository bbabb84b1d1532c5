// Holds what a follower makes of hand-made connections. Runs without a daemon.
import { expect } from 'chai';
import type { WireMessage } from '../faults/byte-log.js';
import { EventLedger } from '../faults/disconnects/event-ledger.js';
import type { Cursor } from '../faults/disconnects/event-ledger.js';
import { emptyCounts, Follower } from '../faults/disconnects/follower.js';
import { notification, THREAD } from './hand-made.js';

const STARTED = { turnId: 'turn-1', item: { type: 'agentMessage', id: 'msg-1', text: '' } };
const TURNS = [{ id: 'turn-1', status: 'inProgress', items: [] }];

function makeFollower(ledger = new EventLedger()): Follower {
  return new Follower({
    name: 'c1',
    threadId: THREAD,
    ledger,
    counts: emptyCounts(),
    isKept: (events) => events < 100,
  });
}

function at(seq: number, epoch = 'e1'): Cursor {
  return { epoch, seq };
}

function tell(follower: Follower, ...messages: WireMessage[]): void {
  for (const message of messages) follower.takeNotification(message, JSON.stringify(message));
}

/** A follower that joined at number 4 and saw two events. */
function joined(ledger?: EventLedger): Follower {
  const follower = makeFollower(ledger);
  follower.reconnect();
  follower.ask(null);
  follower.takeReply({ thread: { turns: TURNS }, eventsCursor: at(4) });
  tell(follower, notification('item/started', STARTED, 5), delta('one ', 6));
  return follower;
}

/** The same, on another connection. */
function reattach(
  follower: Follower,
  claim: Cursor,
  eventsCursor: Cursor,
  type: string,
  reason: string | null = null,
): void {
  follower.reconnect();
  follower.ask(claim);
  follower.takeReply({ thread: { turns: TURNS }, eventsCursor, reattach: { type, reason } });
}

function delta(text: string, seq: number): WireMessage {
  return notification('item/agentMessage/delta', { turnId: 'turn-1', itemId: 'msg-1', delta: text }, seq);
}

function completed(text: string, seq: number): WireMessage {
  return notification('item/completed', { turnId: 'turn-1', item: { type: 'agentMessage', id: 'msg-1', text } }, seq);
}

function findings({ violations }: Follower): string[] {
  return violations.map(({ kind, what }) => `${kind}: ${what.replace('c1: ', '')}`);
}

describe('Follower', () => {
  it('finds nothing wrong with what comes once and in order, over two connections', () => {
    const follower = joined();
    reattach(follower, at(6), at(8), 'replay');
    tell(follower, delta('two ', 7), delta('three', 8), completed('one two three', 9));
    expect(findings(follower)).to.deep.equal([]);
    expect(follower.cursor).to.deep.equal(at(9));
  });

  it('lets a newcomer be told of what runs, under the number of its reply', () => {
    const follower = makeFollower();
    follower.ask(null);
    follower.takeReply({ thread: { turns: TURNS }, eventsCursor: at(4) });
    const soFar = { turnId: 'turn-1', item: { type: 'agentMessage', id: 'msg-1', text: 'so far ' } };
    tell(follower, notification('thread/goal/cleared', {}, 4), notification('item/started', soFar, 4));
    expect(follower.claim).to.equal(null);
    tell(follower, delta('so good', 5), completed('so far so good', 6));
    expect(follower.claim).to.deep.equal(at(6));
    expect(findings(follower)).to.deep.equal([]);
  });

  it('does not count what a connection is told before its reply', () => {
    const follower = joined();
    follower.reconnect();
    tell(follower, notification('thread/status/changed', {}, 9));
    follower.ask(at(6));
    follower.takeReply({ thread: { turns: TURNS }, eventsCursor: at(6), reattach: { type: 'current', reason: null } });
    tell(follower, delta('two', 7));
    expect(findings(follower)).to.deep.equal([]);
  });

  it('reports an event that is left out, and one that comes twice', () => {
    const follower = joined();
    reattach(follower, at(6), at(8), 'replay');
    tell(follower, delta('three', 8), delta('three', 8));
    expect(findings(follower)).to.deep.equal([
      'lost: after number 6 came 8 (item/agentMessage/delta)',
      'doubled: after number 8 came 8 (item/agentMessage/delta)',
    ]);
  });

  it('reports an event that others saw otherwise', () => {
    const ledger = new EventLedger();
    joined(ledger);
    const other = makeFollower(ledger);
    other.ask(null);
    other.takeReply({ thread: { turns: TURNS }, eventsCursor: at(4) });
    tell(other, notification('item/started', STARTED, 5), delta('one', 6));
    expect(findings(other)).to.deep.equal(['order: another event under number 6']);
  });

  it('reports text that is not the sum of what came', () => {
    const follower = joined();
    tell(follower, completed('one and more', 7));
    expect(findings(follower)).to.deep.equal([
      'order: the text of item msg-1 is "one and more", but its pieces were "one "',
    ]);
  });

  it('reports an answer that does not fit what was asked', () => {
    for (const [eventsCursor, type] of [
      [at(6), 'replay'],
      [at(8), 'current'],
      [at(8, 'e2'), 'replay'],
    ] as const) {
      const follower = joined();
      reattach(follower, at(6), eventsCursor, type);
      expect(findings(follower)).to.deep.equal(['broken: a wrong answer to a reattach']);
    }
  });

  it('believes a resync only for a true reason', () => {
    const outcomes = (
      [
        [at(6), at(3, 'e2'), 'epoch_changed'],
        [at(9), at(8), 'ahead'],
        [at(6), at(500), 'expired'],
        [at(6), at(8), 'epoch_changed'],
        [at(6), at(8), 'expired'],
        [at(6), at(500), 'ahead'],
      ] as const
    ).map(([claim, eventsCursor, reason]) => {
      const follower = joined();
      reattach(follower, claim, eventsCursor, 'resync', reason);
      return findings(follower).length;
    });
    expect(outcomes).to.deep.equal([0, 0, 0, 1, 1, 1]);
  });

  it('reports what one knows and another does not, in the end', () => {
    const [witness, other] = [joined(), joined()];
    tell(
      witness,
      completed('one ', 7),
      notification('turn/completed', { turn: { id: 'turn-1', status: 'completed' } }, 8),
    );
    other.compareWith(witness);
    expect(findings(other)).to.deep.equal([
      'lost: turn turn-1: inProgress, not completed',
      'lost: item msg-1: "agentMessage of turn turn-1, running: one ", not "agentMessage of turn turn-1: one "',
    ]);
  });
});
