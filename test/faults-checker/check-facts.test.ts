// Holds the oracle's comparison of told facts with what is found. Runs without a daemon.
import { expect } from 'chai';
import { checkAgreement, checkFacts } from '../faults/check-facts.js';
import { foundByRead, foundInFile } from '../faults/found.js';
import type { WireTurn } from '../faults/items.js';
import { parseRollout } from '../faults/rollout-file.js';
import { event, notification, rolloutBytes, THREAD, toldBy, wholeTurn, wholeTurnLines } from './hand-made.js';
import type { HandMadeLine } from './hand-made.js';

function inFile(lines: readonly HandMadeLine[]) {
  return foundInFile(parseRollout(rolloutBytes(lines)));
}

function findings(told: ReturnType<typeof toldBy>, lines: readonly HandMadeLine[]) {
  return checkFacts(told, inFile(lines)).map(({ kind, what }) => `${kind}: ${what}`);
}

const READ_TURN: WireTurn = {
  id: 'turn-1',
  status: 'completed',
  items: [
    { type: 'userMessage', id: 'user-1', content: [{ type: 'text', text: '#c1.1 say hello' }] },
    { type: 'agentMessage', id: 'msg-1', text: 'hello' },
  ],
};

describe('checkFacts', () => {
  it('finds nothing wrong when all that was told is there', () => {
    expect(findings(toldBy(wholeTurn()), wholeTurnLines())).to.deep.equal([]);
    expect(checkFacts(toldBy(wholeTurn()), foundByRead([READ_TURN]))).to.deep.equal([]);
  });

  it('reports each fact that is missing', () => {
    const [meta] = wholeTurnLines();
    expect(findings(toldBy(wholeTurn()), [meta!])).to.deep.equal([
      'lost: turn turn-1 is missing (the file)',
      'lost: item user-1 is missing (the file)',
      'lost: item msg-1 is missing (the file)',
      'lost: input "#c1.1 say hello" is missing (the file)',
    ]);
  });

  it('reports the input of an answered turn/start that has no user message', () => {
    const [reply] = wholeTurn();
    const lines = wholeTurnLines().slice(0, 2);
    expect(findings(toldBy([reply!]), lines)).to.deep.equal(['lost: input "#c1.1 say hello" is missing (the file)']);
  });

  it('reports a completed turn without an end, with another end, and one that reads as running', () => {
    const told = toldBy(wholeTurn());
    const lines = wholeTurnLines().slice(0, -1);
    expect(findings(told, lines)).to.deep.equal(['lost: the end of turn turn-1 differs (the file)']);
    expect(findings(told, [...lines, event('turn_aborted', { turn_id: 'turn-1' })])).to.deep.equal([
      'lost: the end of turn turn-1 differs (the file)',
    ]);
    const running = checkFacts(told, foundByRead([{ ...READ_TURN, status: 'inProgress' }]));
    expect(running.map(({ kind, what }) => `${kind}: ${what}`)).to.deep.equal([
      'broken: turn turn-1 reads as running (thread/read)',
    ]);
  });

  it('takes a turn without an end for interrupted, but not when its interruption was told', () => {
    const [reply, user] = wholeTurn();
    const lines = wholeTurnLines().slice(0, 4);
    expect(findings(toldBy([reply!, user!]), lines)).to.deep.equal([]);
    const end = notification('turn/completed', { turn: { id: 'turn-1', status: 'interrupted', items: [] } });
    expect(findings(toldBy([reply!, user!, end]), lines)).to.deep.equal([
      'lost: the end of turn turn-1 is not recorded (the file)',
    ]);
  });

  it('reports an item whose text differs', () => {
    const turn = { ...READ_TURN, items: [READ_TURN.items[0]!, { ...READ_TURN.items[1]!, text: 'hell' }] };
    expect(checkFacts(toldBy(wholeTurn()), foundByRead([turn]))).to.deep.equal([
      {
        kind: 'lost',
        threadId: THREAD,
        what: 'item msg-1 differs (thread/read)',
        told: 'agentMessage "hello" in turn turn-1 (item/completed, before kill 1, connection 0, at 20.0 ms)',
        found: 'agentMessage "hell" in turn turn-1',
      },
    ]);
  });

  it('reports what is there twice', () => {
    const lines = wholeTurnLines();
    expect(findings(toldBy(wholeTurn()), [...lines.slice(0, 4), ...lines.slice(2)])).to.deep.equal([
      'doubled: input "#c1.1 say hello" is there twice (the file)',
      'doubled: item user-1 is there twice (the file)',
      `doubled: input "#c1.1 say hello" in the model's history (the file)`,
      `doubled: input "#c1.1 say hello" in the model's history (the file)`,
    ]);
  });

  it('allows an unanswered input to be there or not, and a refused one not', () => {
    const unanswered = toldBy([]);
    expect(findings(unanswered, wholeTurnLines())).to.deep.equal([]);
    expect(findings(unanswered, wholeTurnLines().slice(0, 1))).to.deep.equal([]);
    const refused = toldBy([{ id: 1, error: { code: -32600, message: 'no' } }]);
    expect(findings(refused, wholeTurnLines())).to.deep.equal([
      'broken: input "#c1.1 say hello" was refused and yet recorded (the file)',
    ]);
  });

  it("reports an answer that the model's history lacks", () => {
    const lines = wholeTurnLines().filter(({ payload }) => payload['role'] !== 'assistant');
    expect(findings(toldBy(wholeTurn()), lines)).to.deep.equal(["lost: item msg-1 in the model's history (the file)"]);
  });

  it('holds on to what a read has shown, though recovered text may come into the file later', () => {
    const told = toldBy(wholeTurn().slice(0, 2));
    const broken: WireTurn = { ...READ_TURN, status: 'interrupted' };
    told.noteRead([broken], { by: '', kill: 1, connection: -1, atMs: 0 });
    const lines = wholeTurnLines().slice(0, 4);
    expect(findings(told, lines)).to.deep.equal([]);
    expect(findings(told, [...lines, event('turn_aborted', { turn_id: 'turn-1' })])).to.deep.equal([
      'lost: item msg-1 is missing (the file)',
    ]);
    expect(checkFacts(told, foundByRead([{ ...broken, items: broken.items.slice(0, 1) }]))).to.have.length(1);
  });
});

describe('checkAgreement', () => {
  it('reports what thread/read shows and the file does not hold, and the reverse', () => {
    const file = inFile(wholeTurnLines());
    expect(checkAgreement(THREAD, foundByRead([READ_TURN]), file)).to.deep.equal([]);
    expect(checkAgreement(THREAD, foundByRead([]), file).map(({ what }) => what)).to.deep.equal([
      'turn turn-1: read and file differ',
      'item user-1: read and file differ',
      'item msg-1: read and file differ',
    ]);
    const short = inFile(wholeTurnLines().slice(0, 4));
    expect(checkAgreement(THREAD, foundByRead([READ_TURN]), short).map(({ what }) => what)).to.deep.equal([
      'turn turn-1: read and file differ',
    ]);
  });
});
