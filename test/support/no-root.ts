// Lets a test see what permissions do, also where root runs it. Main thread.
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NOBODY = 65_534;

/** Runs `act` as a user who owns the folder and all in it, and may read no more than their modes say. */
export async function asNoRoot<T>(folder: string, act: () => Promise<T>): Promise<T> {
  // Root reads everything.
  if (process.geteuid?.() !== 0) return act();
  chownSync(folder, NOBODY, NOBODY);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(folder, name), NOBODY, NOBODY);
  }
  process.seteuid!(NOBODY);
  try {
    return await act();
  } finally {
    process.seteuid!(0);
  }
}
