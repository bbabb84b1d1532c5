import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isMethodName } from '../../../src/protocol/methods.js';
import { findProjectRoot } from '../../support/child-program.js';
import { ALLOWED_DIFFERENCES } from './allowed-differences.js';
import { recordedFolder } from '../recorded-folder.js';
import { describeDifference } from './difference.js';
import { FAMILIES } from './families.js';
import { Ledger } from './ledger.js';
import { NOT_YET } from './not-yet.js';
import { replayHandWritten, replayPageSizes } from './probes.js';
import { readRecording } from './recording.js';
import { replay } from './replay.js';
import { ReplayWorld } from './replay-world.js';

describe('recordings of the peer', function () {
  this.timeout(120_000);
  const ledger = new Ledger();
  const fixtures = recordedFolder();
  let toReplay = 0;

  for (const family of FAMILIES) {
    describe(`of ${family.title}`, () => {
      let world: ReplayWorld;

      before(async () => {
        world = await ReplayWorld.create();
        world.configure(family.config ?? '');
        family.prepare?.(world, fixtures);
      });

      after(() => world.close());

      for (const setup of family.recordings) {
        toReplay += 1;
        it(`get the answers of ${setup.name}`, async () => {
          if (setup.restarted === true) await world.stop('one');
          const steps = readRecording(join(fixtures, 'wire'), setup.name);
          const { differences, malformed } = await replay(steps, setup, world, ledger);
          toReplay -= 1;
          expect([...differences.map(describeDifference), ...malformed].join('\n')).to.equal('');
        });
      }
    });
  }

  describe('of files written by hand', () => {
    let world: ReplayWorld;

    beforeEach(async () => {
      world = await ReplayWorld.create();
    });

    afterEach(() => world.close());

    toReplay += 2;
    for (const probe of [replayHandWritten, replayPageSizes]) {
      it(`get the answers of ${probe.name.replace('replay', '')}`, async () => {
        const differences = await probe(fixtures, world, ledger);
        toReplay -= 1;
        expect(differences.map(describeDifference).join('\n')).to.equal('');
      });
    }
  });

  describe('all together', () => {
    it('ask for no method that is missing, and for nothing that never came', () => {
      expect([...ledger.unserved.keys()]).to.deep.equal([]);
      expect(ledger.blocked).to.deep.equal([]);
    });

    it('need every entry of the tables of differences', () => {
      process.stdout.write(`      ${ledger.summary()}\n`);
      // Some of them alone need only some.
      if (toReplay === 0) expect(ledger.unused()).to.deep.equal([]);
    });
  });
});

describe('the tables of differences from the peer', () => {
  const root = findProjectRoot();

  it('are told in docs/protocol.md', () => {
    const page = readFileSync(join(root, 'docs', 'protocol.md'), 'utf8');
    const section = page.split('\n## ').find((text) => text.startsWith('Where this daemon means to differ')) ?? '';
    const told = [...section.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, title]) => title);
    expect(ALLOWED_DIFFERENCES.map(({ title }) => title).filter((title) => !told.includes(title))).to.deep.equal([]);
  });

  it('name a test for each difference', () => {
    const missing = ALLOWED_DIFFERENCES.filter(({ test: [name, sentence] }) => {
      const file = join(root, 'test', name);
      return !existsSync(file) || !readFileSync(file, 'utf8').includes(sentence);
    });
    expect(missing.map(({ title }) => title)).to.deep.equal([]);
  });

  it('put off no method that the daemon serves', () => {
    expect(NOT_YET.flatMap(({ methods = [] }) => methods).filter(isMethodName)).to.deep.equal([]);
  });
});
