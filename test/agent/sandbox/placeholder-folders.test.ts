// Folders that hold the places of missing ones. Main thread.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PlaceholderFolders } from '../../../src/agent/sandbox/placeholder-folders.js';
import { useTempFolder } from '../../support/temp-folder.js';

describe('PlaceholderFolders', () => {
  const folder = useTempFolder();

  function at(name: string): string {
    return join(folder(), name);
  }

  it('makes what is missing, and takes it away with the last one who needs it', () => {
    const folders = new PlaceholderFolders();
    mkdirSync(at('there'));
    const one = folders.hold([at('there'), at('missing'), at('no/parent')]);
    const two = folders.hold([at('missing')]);
    folders.release(one);
    const between = readdirSync(folder());
    folders.release(two);
    expect({ one, two, between, after: readdirSync(folder()) }).to.deep.equal({
      one: [at('missing')],
      two: [at('missing')],
      between: ['missing', 'there'],
      after: ['there'],
    });
  });

  it('leaves what somebody has filled meanwhile', () => {
    const folders = new PlaceholderFolders();
    const held = folders.hold([at('a')]);
    writeFileSync(at('a/file'), '');
    folders.release(held);
    expect(readdirSync(at('a'))).to.deep.equal(['file']);
  });

  it('takes away what another one has left when it was killed, and no other empty folder', () => {
    new PlaceholderFolders().hold([at('left')]);
    mkdirSync(at('own'));
    chmodSync(at('own'), 0o755);
    const folders = new PlaceholderFolders();
    folders.release(folders.hold([at('left'), at('own')]));
    expect(readdirSync(folder())).to.deep.equal(['own']);
  });
});
