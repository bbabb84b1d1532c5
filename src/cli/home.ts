// Which home a command works on. Clients.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Absolute path: the option, else ROLLOUTD_HOME, else ~/.rolloutd. */
export function resolveHome(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const chosen = option ?? env['ROLLOUTD_HOME'];
  if (chosen === undefined || chosen === '') return join(homedir(), '.rolloutd');
  // Shells leave the tilde alone in `--home=~/x` and in quotes.
  return resolve(chosen.replace(/^~(?=\/|$)/, () => homedir()));
}
