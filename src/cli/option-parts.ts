// What several commands have in common of their options: words, types, checks. Clients.
import { InvalidArgumentError } from 'commander';

export const HOME_HELP = 'folder of the conversations (default: ROLLOUTD_HOME, else ~/.rolloutd)';
export const URL_HELP = 'address of the daemon (default: found through the home)';

/** What to say when the agent asks; `leave` says nothing: another client answers. */
export const APPROVE_MODES = ['ask', 'accept', 'decline', 'leave'] as const;
export type ApproveMode = (typeof APPROVE_MODES)[number];

/** How a command is told which daemon to talk to. */
export interface DaemonFlags {
  home?: string;
  url?: string;
}

export function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds >= 0 && seconds <= 86_400)) throw new InvalidArgumentError('Write a number of seconds from 0.');
  return seconds;
}
