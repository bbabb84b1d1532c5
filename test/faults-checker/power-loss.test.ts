// Holds what a loss of power takes, and what the oracle then expects no more. Runs without a daemon.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SyncLog } from '../faults/inject/sync-log.js';
import { PowerLoss } from '../faults/power-loss.js';
import { makeRandom } from '../faults/random.js';
import { useTempFolder } from '../support/temp-folder.js';
import { toldBy, wholeTurn } from './hand-made.js';

describe('PowerLoss', () => {
  const folder = useTempFolder();

  function makeHome() {
    const home = join(folder(), 'home');
    const day = join(home, 'sessions', '2026');
    mkdirSync(day, { recursive: true });
    const path = join(day, 'rollout.jsonl');
    writeFileSync(path, 'synced\nwritten\n');
    const log = new SyncLog(join(folder(), 'sync.log'));
    const power = new PowerLoss(home, join(folder(), 'sync.log'));
    const nameAll = () => {
      log.noteFolder(home, ['sessions']);
      log.noteFolder(join(home, 'sessions'), ['2026']);
      log.noteFolder(day, ['rollout.jsonl']);
    };
    return { path, log, power, nameAll };
  }

  it('takes a file whose name was not synced, whatever was synced of its bytes', async () => {
    const { path, log, power } = makeHome();
    log.noteFile(path, 15);
    await power.strike(makeRandom(1));
    expect(existsSync(path)).to.equal(false);
  });

  it('leaves what was synced, and of the rest a beginning, zeros, or nothing', async () => {
    const left = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const { path, log, power, nameAll } = makeHome();
      nameAll();
      log.noteFile(path, 7);
      await power.strike(makeRandom(seed));
      const text = readFileSync(path, 'utf8');
      expect(text.startsWith('synced\n')).to.equal(true);
      const rest = text.slice(7);
      if (rest === '') left.add('nothing');
      else if (rest === 'written\n') left.add('all');
      else if (rest === '\0'.repeat(8)) left.add('zeros');
      else left.add('written\n'.startsWith(rest) ? 'a beginning' : JSON.stringify(rest));
    }
    expect([...left].sort()).to.deep.equal(['a beginning', 'all', 'nothing', 'zeros']);
  });

  it('leaves what a former life had left, though this one synced nothing', async () => {
    const { path, log, power, nameAll } = makeHome();
    nameAll();
    log.noteFile(path, 15);
    await power.strike(makeRandom(1));
    power.settle();
    for (let seed = 0; seed < 20; seed += 1) await power.strike(makeRandom(seed));
    expect(readFileSync(path, 'utf8')).to.equal('synced\nwritten\n');
  });
});

describe('facts after a loss of power', () => {
  it('stay when the end of their turn was told', () => {
    const told = toldBy(wholeTurn());
    expect(told.releaseUnsynced(1)).to.deep.equal({ held: 4, released: 0 });
    expect([told.turns.size, told.items.size]).to.deep.equal([1, 2]);
  });

  it('are not expected when their turn was still running, unless an earlier life had told them', () => {
    const told = toldBy(wholeTurn().slice(0, -1));
    expect(told.releaseUnsynced(1)).to.deep.equal({ held: 0, released: 4 });
    const outcomes = [...told.inputs.values()].map(({ outcome }) => outcome);
    expect([told.turns.size, told.items.size, outcomes]).to.deep.equal([0, 0, ['unanswered']]);
    const older = toldBy(wholeTurn().slice(0, -1));
    older.releaseUnsynced(2);
    expect([older.turns.size, older.items.size]).to.deep.equal([1, 2]);
  });
});
