// Finds out by running it whether bubblewrap can make a sandbox here. Session worker.
import { execFile } from 'node:child_process';
import { bwrapArguments } from './bwrap-arguments.js';
import { findProgram } from './find-program.js';

/** What every sandbox of this machine is made with, or why there is none. */
export type BwrapFound = { bwrap: string; env: string | null } | { reason: string };

const PATIENCE_MS = 10_000;

/** Never rejects. */
export async function probeBwrap(searchPath: string, uid: number, gid: number): Promise<BwrapFound> {
  const bwrap = findProgram('bwrap', searchPath);
  if (bwrap === null) return { reason: 'bwrap is not installed (Debian package bubblewrap)' };
  const program = findProgram('env', searchPath);
  const shields = program !== null && (await run([program, '--default-signal=TERM', '/bin/sh', '-c', ':'])) === null;
  const env = shields ? program : null;
  const argv = ['/bin/sh', '-c', ':'];
  const problem = await run(bwrapArguments({ bwrap, mounts: [], cwd: '/', networkAccess: false, uid, gid, env, argv }));
  return problem === null ? { bwrap, env } : { reason: `bwrap cannot make a sandbox here: ${problem}` };
}

/** null when it went well. */
function run([program = '', ...args]: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PATIENCE_MS, env: {} }, (error, _, stderr) => {
      resolve(error === null ? null : stderr.trim().split('\n').at(-1) || error.message);
    });
  });
}
