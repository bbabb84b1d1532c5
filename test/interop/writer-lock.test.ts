import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DaemonError } from '../../src/errors.js';
import { WriterLocks } from '../../src/registry/writer-lock.js';
import { requirePeerBinary } from '../support/peer-binary.js';
import { startStdioPeer } from './stdio-peer.js';

describe('WriterLocks beside the peer', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-lock-'));
  });

  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('refuses what the peer owns, naming it, and is respected by it', async function () {
    const peer = await startStdioPeer(requirePeerBinary(this), home);
    const locks = new WriterLocks(home);
    const outcome = async (id: string): Promise<unknown> => {
      try {
        const lease = await locks.acquire(id);
        await lease.release();
        return 'acquired';
      } catch (error) {
        return error instanceof DaemonError ? error.message : error;
      }
    };
    try {
      const id = await peer.startThread();
      const named = process.platform === 'linux' ? ` (codex, pid ${peer.pid})` : '';
      const refused = `thread ${id} already has an active writer`;
      expect(await outcome(id)).to.equal(`${refused}${named}`);

      // Gives it a file, unloads it, and makes it one that can be resumed.
      expect(await peer.nameThread(id)).to.equal(null);
      expect(await peer.archiveThread(id)).to.equal(null);
      expect(await peer.unarchiveThread(id)).to.equal(null);

      const lease = await locks.acquire(id);
      expect(await peer.resumeThread(id)).to.equal(refused);
      await lease.release();
      expect(await peer.resumeThread(id)).to.equal(null);
      expect(await outcome(id)).to.equal(`${refused}${named}`);
    } finally {
      await peer.end();
    }
    expect(readdirSync(join(home, 'thread-writer-locks'))).to.deep.equal(['.coordination.lock']);
  });
});
