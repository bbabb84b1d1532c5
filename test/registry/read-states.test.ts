import { expect } from 'chai';
import fc from 'fast-check';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../src/log.js';
import { releaseFlock, tryFlock } from '../../src/registry/flock.js';
import { ReadStates } from '../../src/registry/read-states.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('ReadStates', () => {
  const home = useTempFolder();
  const file = (): string => join(home(), 'rolloutd', 'read-states.jsonl');
  const linesOf = (): any[] =>
    readFileSync(file(), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  const turn = (turnId: string) => ({ type: 'turn', turnId });
  const silently = (): void => undefined;
  let logged: string[];

  beforeEach(() => {
    mkdirSync(join(home(), 'rolloutd'));
    logged = [];
  });

  async function open(): Promise<ReadStates> {
    const take = (message: string): void => void logged.push(message);
    const states = new ReadStates(home(), { error: take, warn: take } as unknown as Log);
    await states.prepare();
    return states;
  }

  /** Somebody who has seen what there is. */
  const update = (states: ReadStates, id: string, operation: 'read' | 'unread') =>
    states.update(id, operation, states.of(id).revision, silently);

  it('know nothing unread of a conversation that was never noted, and make no file for it', async () => {
    const states = await open();
    expect(states.of('a')).to.deep.equal({ firstUnread: null, revision: 'initial:a' });
    states.settle('a');
    expect(existsSync(file())).to.equal(false);
  });

  it('keep the first unread turn, give each turn a new revision, and note only what is first', async () => {
    const states = await open();
    const told = ['one', 'two', 'three'].map((turnId) => states.takeTurn('a', turnId));
    expect(told.map(({ firstUnread }) => firstUnread)).to.deep.equal([turn('one'), turn('one'), turn('one')]);
    expect(new Set(told.map(({ revision }) => revision)).size).to.equal(3);
    expect(states.of('a')).to.deep.equal(told[2]);
    const [line, ...more] = linesOf();
    expect(more).to.deep.equal([]);
    expect(line).to.deep.equal({ id: 'a', ...told[0], updated_at: line.updated_at });
    expect(new Date(line.updated_at).toISOString()).to.equal(line.updated_at);
    expect(statSync(file()).mode & 0o777).to.equal(0o600);
  });

  it('outlive the process that noted them: after an end as they were, after a crash with the revision of the note', async () => {
    const states = await open();
    const noted = states.takeTurn('a', 'one');
    const last = states.takeTurn('a', 'two');
    expect((await open()).of('a')).to.deep.equal(noted);
    states.settle('a');
    states.settle('a');
    expect((await open()).of('a')).to.deep.equal(last);
    expect(linesOf()).to.have.length(2);
  });

  it('are changed by whoever saw the last one, and told once the change is in the file', async () => {
    const states = await open();
    const { revision } = states.takeTurn('a', 'one');
    const told: unknown[] = [];
    const read = await states.update('a', 'read', revision, (state) => told.push(state, linesOf().at(-1).revision));
    expect(read.firstUnread).to.equal(null);
    expect(told).to.deep.equal([read, read.revision]);
    const unread = await states.update('a', 'unread', read.revision, silently);
    expect(unread.firstUnread).to.deep.equal({ type: 'threadStart' });
    expect(states.takeTurn('a', 'two').firstUnread, 'a turn changes nothing about it').to.deep.equal(
      unread.firstUnread,
    );
    expect(await update(states, 'a', 'read')).to.deep.equal(states.of('a'));
    expect(states.takeTurn('a', 'three').firstUnread).to.deep.equal(turn('three'));
    expect(states.takeBack('a').firstUnread).to.equal(null);
    expect((await open()).of('a')).to.deep.equal(states.of('a'));
  });

  it('are not changed by whoever saw another one', async () => {
    const states = await open();
    const seen = states.takeTurn('a', 'one');
    const current = states.takeTurn('a', 'two');
    for (const revision of [seen.revision, 'initial:a', '']) {
      const error = await states
        .update('a', 'read', revision, () => expect.fail('told'))
        .catch((each: unknown) => each);
      expect(error).to.include({ code: 'read_state_changed' });
      expect((error as { data: unknown }).data).to.deep.equal({ reason: 'readStateConflict', readState: current });
    }
    expect(states.of('a')).to.deep.equal(current);
  });

  it('are noted in a home that has nothing of ours yet', async () => {
    rmdirSync(join(home(), 'rolloutd'));
    const told = (await open()).takeTurn('a', 'one');
    expect((await open()).of('a')).to.deep.equal(told);
    expect(statSync(join(home(), 'rolloutd')).mode & 0o777).to.equal(0o700);
  });

  it('follow what another process notes', async () => {
    const [ours, other] = [await open(), await open()];
    ours.takeTurn('a', 'one');
    ours.takeTurn('a', 'two');
    const read = await update(other, 'a', 'read');
    expect(ours.of('a')).to.deep.equal(read);
    ours.settle('a');
    expect(ours.of('a'), 'what it had not noted is void').to.deep.equal(read);
    expect(ours.takeTurn('a', 'three').firstUnread).to.deep.equal(turn('three'));
    expect(other.of('a')).to.deep.equal(ours.of('a'));
  });

  it('pass over damaged lines and close a torn one', async () => {
    const whole = { id: 'b', firstUnread: turn('b1'), revision: 'rb' };
    const odd = ['no json', '', '[]', 'null', '{"id":"a","firstUnread":{"type":"comet"},"revision":"r"}'];
    writeFileSync(file(), `${[...odd, JSON.stringify(whole)].join('\n')}\n{"id":"a","firstUn`);
    const states = await open();
    expect(states.of('b')).to.deep.equal({ firstUnread: turn('b1'), revision: 'rb' });
    expect(states.of('a').revision).to.equal('initial:a');
    const taken = states.takeTurn('a', 'one');
    expect((await open()).of('a')).to.deep.equal(taken);
    expect(logged).to.deep.equal([]);
  });

  it('go on in memory when they cannot be noted, say so in the log, and are noted at the end', async () => {
    const states = await open();
    mkdirSync(file());
    const told = states.takeTurn('a', 'one');
    expect(told.firstUnread).to.deep.equal(turn('one'));
    expect(states.of('a')).to.deep.equal(told);
    expect(logged).to.include('a read state was not noted');
    const failure = await update(states, 'a', 'read').catch((error: unknown) => error);
    expect(failure).to.include({ code: 'rollout_write_failed' });
    expect(states.of('a')).to.deep.equal(told);
    rmdirSync(file());
    states.settle('a');
    expect((await open()).of('a')).to.deep.equal(told);
  });

  it('hold up a turn only for a moment when another process keeps the file locked, and whoever asks until it is free', async () => {
    const states = await open();
    const fd = openSync(`${file()}.lock`, 'a', 0o600);
    expect(tryFlock(fd, 'exclusive')).to.equal(true);
    const told = states.takeTurn('a', 'one');
    expect(logged).to.deep.equal(['a read state was not noted']);
    const reading = update(states, 'a', 'read');
    expect(states.of('a')).to.deep.equal(told);
    releaseFlock(fd);
    closeSync(fd);
    expect(await reading).to.deep.equal(states.of('a'));
    expect(linesOf()).to.have.length(1);
  });

  it('are compacted to the last line of each conversation when most lines count for nothing', async () => {
    const [states, other] = [await open(), await open()];
    writeFileSync(`${file()}.new`, 'what a crash has left');
    const kept = states.takeTurn('kept', 'one');
    for (let count = 0; count < 1010; count += 1) {
      appendFileSync(file(), `${JSON.stringify({ id: 'busy', firstUnread: null, revision: `r${count}` })}\n`);
      if (count === 500) expect(other.of('busy').revision).to.equal('r500');
    }
    const busy = states.takeTurn('busy', 'one');
    const lines = linesOf();
    expect(lines.map(({ id, revision }) => [id, revision])).to.deep.equal([
      ['kept', kept.revision],
      ['busy', busy.revision],
    ]);
    expect(existsSync(`${file()}.new`)).to.equal(false);
    for (const reader of [states, other, await open()]) {
      expect([reader.of('kept'), reader.of('busy')]).to.deep.equal([kept, busy]);
    }
    const next = await update(other, 'kept', 'read');
    expect(states.of('kept')).to.deep.equal(next);
  });

  it('forget conversations', async () => {
    const states = await open();
    states.takeTurn('a', 'one');
    states.takeTurn('a', 'two');
    const kept = states.takeTurn('b', 'one');
    await states.forget(['a']);
    expect(states.of('a').revision).to.equal('initial:a');
    expect(states.of('b')).to.deep.equal(kept);
    expect(linesOf().map(({ id }) => id)).to.deep.equal(['b']);
  });

  it('are the same to all who share the home, whatever is done by whom', async () => {
    const step = fc.record({
      who: fc.nat(1),
      id: fc.constantFrom('a', 'b'),
      what: fc.constantFrom('turn', 'back', 'read', 'unread', 'settle', 'forget', 'restart'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const all = [await open(), await open()];
        await all[0]!.forget(['a', 'b']);
        const first = new Map<string, unknown>();
        let turns = 0;
        for (const { who, id, what } of steps) {
          const states = all[who]!;
          const turnId = `${(turns += 1)}`;
          if (what === 'turn') states.takeTurn(id, turnId);
          else if (what === 'back') states.takeBack(id);
          else if (what === 'settle') states.settle(id);
          else if (what === 'forget') await states.forget([id]);
          else if (what === 'restart') all[who] = await open();
          else await update(states, id, what);
          if (what === 'turn') first.set(id, first.get(id) ?? turn(turnId));
          else if (what === 'unread') first.set(id, { type: 'threadStart' });
          else if (what !== 'settle' && what !== 'restart') first.delete(id);
          for (const each of all) expect(each.of(id).firstUnread).to.deep.equal(first.get(id) ?? null);
        }
      }),
      { numRuns: 60 },
    );
    expect(logged).to.deep.equal([]);
  });
});
