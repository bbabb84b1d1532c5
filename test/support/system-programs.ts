// Programs of the system that some suites need: a missing one skips a test here and fails it in CI.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Context } from 'mocha';

/** How to get each program, for the person whose test was skipped. */
const PROGRAMS = {
  bwrap: 'Debian package bubblewrap',
  chromium: 'Debian package chromium',
  codex: 'npm package @openai/codex; the interop suite installs its own',
  git: 'Debian package git',
} as const;

type ProgramName = keyof typeof PROGRAMS;

/** Absolute path of a program on PATH, or null. */
function findProgram(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    if (folder === '') continue;
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here: the next folder may have it.
    }
  }
  return null;
}

/** True where everything that a suite needs was installed before: a skip would hide a hole. */
export function isCI(): boolean {
  return process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false';
}

/**
 * Absolute path of the program. When it is missing the test that calls (`this` of a `function`, not of an arrow) is
 * skipped, which mocha counts as pending; in CI an error is thrown instead.
 */
export function requireProgram(context: Context, name: ProgramName): string {
  const file = findProgram(name);
  if (file !== null) return file;
  if (isCI()) throw new Error(`${name} is missing (${PROGRAMS[name]}): in CI a missing program is a failure`);
  return context.skip();
}
