// Loaded by mocha before any suite and before test/setup.ts: sees to it that there is a peer to run against.
import { installPeerBinary } from '../support/peer-binary.js';

// As the person who runs the suite has it: npm may need a proxy, of which no test shall know.
const personsEnv = { ...process.env };

/** A failure is told here once; the tests are skipped then, or fail in CI. */
export async function mochaGlobalSetup(): Promise<void> {
  if (process.env['ROLLOUTD_PEER_BIN'] === undefined) {
    try {
      process.env['ROLLOUTD_PEER_BIN'] = await installPeerBinary(personsEnv);
    } catch (error) {
      process.stderr.write(`no peer to run against: ${(error as Error).message}\n`);
      return;
    }
  }
  process.stdout.write(`peer: ${process.env['ROLLOUTD_PEER_BIN']}\n`);
}
