// A command that prints a gigabyte. Main thread.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { useTempFolder } from '../../support/temp-folder.js';

const MIB = 1024 * 1024;

interface Flood {
  exit: unknown;
  head: string;
  tail: string;
  kept: number;
  totalBytes: number;
  shown: number;
  deltas: number;
  grewBy: number;
}

async function flood(folder: string, megabytes: number, kind: 'pipe' | 'tty'): Promise<Flood> {
  const program = fileURLToPath(new URL('./flood-main.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    program,
    folder,
    `${megabytes}`,
    kind,
  ]);
  return JSON.parse(stdout) as Flood;
}

function summarize({ exit, head, tail, kept, totalBytes, shown, grewBy }: Flood) {
  return { exit, head, tail, kept, totalBytes, shownInBounds: shown < 1.1 * MIB, memoryInBounds: grewBy < 50 * MIB };
}

describe('a command that floods its output', () => {
  const folder = useTempFolder();

  it('costs less than 50 MiB when it prints a gigabyte; head, tail and size are known', async function () {
    this.timeout(120_000);
    const result = await flood(folder(), 1_000, 'pipe');
    expect(summarize(result), JSON.stringify(result)).to.deep.equal({
      exit: { code: 0, signal: null },
      head: 'first',
      tail: 'last',
      kept: MIB,
      totalBytes: 1_000_000_011,
      shownInBounds: true,
      memoryInBounds: true,
    });
  });

  it('costs no more on a terminal', async function () {
    this.timeout(120_000);
    const result = await flood(folder(), 16, 'tty');
    // Each line gets a carriage return.
    expect(summarize(result), JSON.stringify(result)).to.deep.equal({
      exit: { code: 0, signal: null },
      head: 'first',
      tail: 'last',
      kept: MIB,
      totalBytes: 16_000_000 + 1_000_000 + 13,
      shownInBounds: true,
      memoryInBounds: true,
    });
  });
});
