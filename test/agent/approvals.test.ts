import { expect } from 'chai';
import fc from 'fast-check';
import { ApprovalDesk } from '../../src/agent/approvals.js';
import type { Answer, Question } from '../../src/agent/approvals.js';
import { Outbox } from '../../src/agent/outbox.js';
import { Recorder } from '../../src/agent/recorder.js';
import { RolloutSink } from '../../src/agent/rollout-sink.js';
import { DaemonError } from '../../src/errors.js';
import type { ClientAnswer, SessionPart } from '../../src/session/messages.js';
import { HandDrivenWriter } from './hand-driven-writer.js';

type CommandQuestion = Question<'item/commandExecution/requestApproval'>;

const ACCEPT: ClientAnswer = { type: 'result', result: { decision: 'accept' } };

/** A desk whose rollout is written when the test says so. */
class DeskRig {
  readonly told: string[] = [];
  readonly writer = new HandDrivenWriter();
  readonly desk: ApprovalDesk;
  readonly outbox: Outbox;
  readonly sink: RolloutSink;
  readonly turn = { id: 'turn', ended: false };
  /** How often it said that the rollout has grown. */
  records = 0;
  #appends = 0;
  #onAdvance: () => void = () => undefined;

  constructor() {
    this.sink = new RolloutSink({
      port: this.writer.port,
      size: 0,
      tornTail: false,
      lagMs: 0,
      onAdvance: () => {
        this.outbox.advance();
        this.outbox.flush();
        this.#onAdvance();
      },
      onFailed: () => void this.outbox.abandonRollout(),
      onJournalFailed: () => undefined,
    });
    this.outbox = new Outbox(this.sink, (parts) => this.told.push(...parts.map(describePart)));
    this.desk = new ApprovalDesk({
      outbox: this.outbox,
      recorder: new Recorder(this.sink, 'paginated', 0),
      onRecorded: () => (this.records += 1),
      onWaiting: (flags) => this.outbox.push({ type: 'state', patch: { preview: `status [${flags.join()}]` } }),
    });
  }

  ask(change: Partial<CommandQuestion> = {}): Promise<Answer<'item/commandExecution/requestApproval'>> {
    return this.desk.ask(this.turn, {
      callId: 'call',
      method: 'item/commandExecution/requestApproval',
      params: { kind: 'command', threadId: 't', turnId: 'turn', itemId: 'call', startedAtMs: 1, environmentId: null },
      digest: 'd',
      timeoutMs: 0,
      ...change,
    });
  }

  /** Everything that was appended since the last call is written; there must be something. */
  async write(): Promise<void> {
    this.#appends += 1;
    await this.writer.first(this.#appends);
    const advanced = new Promise<void>((resolve) => (this.#onAdvance = resolve));
    this.writer.reply({ type: 'ack', written: this.sink.end, synced: 0 });
    await advanced;
  }

  get lines(): any[] {
    return this.writer.requests.flatMap((request) =>
      request.type !== 'append'
        ? []
        : request.text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line).payload),
    );
  }

  close(): void {
    this.writer.close();
  }
}

function describePart(part: SessionPart): string {
  if (part.type === 'state') return part.patch.preview!;
  if (part.type === 'serverRequest') return `request ${part.requestKey}`;
  return part.type === 'serverRequestResolved' ? `resolved ${part.requestKey}` : part.type;
}

/** Whether the promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([
    promise.then(() => true),
    new Promise((resolve) => setImmediate(resolve, false)),
  ])) as boolean;
}

describe('ApprovalDesk', () => {
  let rig: DeskRig;
  beforeEach(() => (rig = new DeskRig()));
  afterEach(() => rig.close());

  it('asks nobody before the question is a line', async () => {
    void rig.ask({ announce: () => rig.outbox.push({ type: 'state', patch: { preview: 'item' } }) });
    await rig.writer.first(1);
    rig.outbox.flush();
    expect(rig.told).to.deep.equal([]);
    await rig.write();
    expect(rig.told).to.deep.equal(['status [waitingOnApproval]', 'item', 'request 1']);
    const [{ approval_id, requested_at_ms, ...line }] = rig.lines;
    expect([typeof approval_id, typeof requested_at_ms, line]).to.deep.equal([
      'string',
      'number',
      {
        type: 'approval_requested',
        turn_id: 'turn',
        call_id: 'call',
        digest: 'd',
        method: 'item/commandExecution/requestApproval',
      },
    ]);
  });

  it('acts on an answer, and tells of it, when the answer is a line', async () => {
    const answer = rig.ask({ settle: ({ type }) => rig.outbox.push({ type: 'state', patch: { preview: type } }) });
    await rig.write();
    rig.told.length = 0;
    rig.desk.answer(1, ACCEPT, 'somebody');
    rig.outbox.flush();
    expect([rig.told, await isSettled(answer)]).to.deep.equal([[], false]);
    await rig.write();
    expect(rig.told).to.deep.equal(['resolved 1', 'answered', 'status []']);
    expect(await answer).to.deep.equal({ type: 'answered', result: { decision: 'accept' } });
    const [asked, { resolved_at_ms, ...line }] = rig.lines;
    expect(typeof resolved_at_ms).to.equal('number');
    expect(line).to.deep.equal({
      type: 'approval_resolved',
      approval_id: asked.approval_id,
      turn_id: 'turn',
      call_id: 'call',
      digest: 'd',
      outcome: 'answered',
      answer: { decision: 'accept' },
      by: 'client',
      client: 'somebody',
    });
  });

  it('takes the first answer and no other', async () => {
    const answer = rig.ask();
    rig.desk.answer(1, { type: 'result', result: { decision: 'decline' } }, 'first');
    rig.desk.answer(1, ACCEPT, 'second');
    rig.desk.answer(2, ACCEPT, 'third');
    await rig.write();
    rig.desk.answer(1, ACCEPT, 'fourth');
    expect(await answer).to.deep.equal({ type: 'answered', result: { decision: 'decline' } });
    expect(rig.records).to.equal(2);
    expect(rig.lines.map(({ type, client }) => [type, client])).to.deep.equal([
      ['approval_requested', undefined],
      ['approval_resolved', 'first'],
    ]);
  });

  it('records a refusal without an answer', async () => {
    const answer = rig.ask();
    rig.desk.answer(1, { type: 'refused', message: 'no' }, 'c');
    await rig.write();
    expect(await answer).to.deep.equal({ type: 'refused', message: 'no' });
    expect([rig.lines[1].outcome, 'answer' in rig.lines[1]]).to.deep.equal(['refused', false]);
  });

  it('has several open side by side, and says once that it waits', async () => {
    const answers = [rig.ask(), rig.ask(), rig.ask()];
    await rig.write();
    rig.desk.answer(3, ACCEPT, 'c');
    rig.desk.answer(1, ACCEPT, 'c');
    await rig.write();
    expect(await Promise.all(answers.map(isSettled))).to.deep.equal([true, false, true]);
    rig.desk.answer(2, ACCEPT, 'c');
    await rig.write();
    expect(rig.told).to.deep.equal([
      'status [waitingOnApproval]',
      ...['request 1', 'request 2', 'request 3'],
      ...['resolved 3', 'resolved 1', 'resolved 2'],
      'status []',
    ]);
  });

  it('closes what is open when the turn ends, without a status of its own', async () => {
    const answers = [rig.ask(), rig.ask()];
    await rig.write();
    rig.desk.cancelAll();
    rig.desk.cancelAll();
    await rig.write();
    rig.desk.answer(1, ACCEPT, 'late');
    expect(await Promise.all(answers)).to.deep.equal([{ type: 'cancelled' }, { type: 'cancelled' }]);
    expect(rig.told.slice(3)).to.deep.equal(['resolved 1', 'resolved 2']);
    expect(rig.lines.slice(2).map(({ outcome, by }) => [outcome, by])).to.deep.equal([
      ['cancelled', 'turn_end'],
      ['cancelled', 'turn_end'],
    ]);
  });

  it('lets nothing happen by an answer that was not written when the turn ended', async () => {
    const answer = rig.ask();
    await rig.write();
    rig.desk.answer(1, ACCEPT, 'c');
    rig.desk.cancelAll();
    expect(await answer).to.deep.equal({ type: 'cancelled' });
    await rig.write();
    // What was answered stays on record as it was.
    expect(rig.lines.slice(1).map(({ outcome }) => outcome)).to.deep.equal(['answered']);
  });

  it('lets a question lapse that nobody answers in time', async () => {
    const answer = rig.ask({ timeoutMs: 30 });
    await rig.write();
    await rig.write();
    expect(await answer).to.deep.equal({ type: 'expired' });
    rig.desk.answer(1, ACCEPT, 'late');
    expect(rig.lines.slice(1).map(({ outcome, by }) => [outcome, by])).to.deep.equal([['expired', 'deadline']]);
    expect(rig.told.slice(1)).to.deep.equal(['request 1', 'resolved 1', 'status []']);
  });

  it('asks nothing on behalf of a turn that has ended', async () => {
    rig.turn.ended = true;
    expect([await rig.ask(), rig.lines]).to.deep.equal([{ type: 'cancelled' }, []]);
  });

  it('keeps nobody waiting when the rollout fails', async () => {
    const answers = [rig.ask(), rig.ask()];
    await rig.write();
    rig.desk.answer(1, ACCEPT, 'c');
    rig.sink.fail(new DaemonError('rollout_write_failed', 'disk full'));
    rig.desk.cancelAll();
    rig.outbox.flush();
    expect(await Promise.all(answers)).to.deep.equal([{ type: 'cancelled' }, { type: 'cancelled' }]);
    expect(rig.told.slice(3)).to.deep.equal(['resolved 1', 'resolved 2']);
  });

  it('records each question once and each answer at most once, in every order of asking, answering and ending', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant('ask' as const) },
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }) },
      { weight: 2, arbitrary: fc.constant('write' as const) },
      fc.constant('end' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const each = new DeskRig();
        const answers: Promise<Answer<'item/commandExecution/requestApproval'>>[] = [];
        let unwritten = false;
        for (const now of steps) {
          if (now === 'ask') answers.push(each.ask());
          else if (now === 'end') each.desk.cancelAll();
          else if (now !== 'write') each.desk.answer(now, ACCEPT, 'c');
          unwritten = each.sink.end > each.sink.written;
          if (now === 'write' && unwritten) await each.write();
        }
        each.desk.cancelAll();
        if (each.sink.end > each.sink.written) await each.write();
        each.outbox.flush();
        const settled = await Promise.all(answers);
        const lines = each.lines;
        each.close();
        const idsOf = (type: string) => lines.flatMap((line) => (line.type === type ? [line.approval_id] : []));
        const asked = idsOf('approval_requested');
        expect(asked).to.have.length(settled.length);
        expect(idsOf('approval_resolved')).to.have.members(asked);
        for (const [index, answer] of settled.entries()) {
          const resolved = lines.find(
            ({ type, approval_id }) => type === 'approval_resolved' && approval_id === asked[index],
          );
          // Whoever may act has an answer that is on record.
          if (answer.type === 'answered') expect(resolved.outcome).to.equal('answered');
          const key = index + 1;
          expect(each.told.indexOf(`request ${key}`)).to.be.within(0, each.told.indexOf(`resolved ${key}`));
        }
      }),
      { numRuns: 200 },
    );
  });
});
