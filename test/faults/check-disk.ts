// What clients are told when files cannot be written, and what the others must not notice. Any thread.
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';

export interface DiskOutage {
  /** What failed, for people. */
  title: string;
  /** Conversations whose files were met. */
  victims: readonly string[];
  fromMs: number;
  /** When all of them had worked again. */
  untilMs: number;
}

export interface DiskFindings {
  violations: Violation[];
  /** Turns that ended because of it. */
  failures: number;
}

/** The one code that says that a rollout could not be written. */
const CODE = 'rollout_write_failed';

/** `connections` are the logs of the life in which it happened. */
export function checkDiskFault(outage: DiskOutage, connections: readonly LoggedConnection[]): DiskFindings {
  const findings: DiskFindings = { violations: [], failures: 0 };
  const isWithin = (atMs: number) => atMs >= outage.fromMs && atMs < outage.untilMs;
  const failed = new Set<string>();
  for (const { messages } of connections) {
    for (const { message, atMs } of messages) {
      if (!isWithin(atMs)) continue;
      const { method, params } = message;
      const threadId = typeof params?.threadId === 'string' ? params.threadId : null;
      const report = (what: string, found: string) =>
        findings.violations.push({ kind: 'broken', threadId, what: `${what} (${outage.title})`, found });
      if (method === 'thread/closed') report('a conversation was closed while the disk failed', method);
      if (method !== 'error') continue;
      const { additionalDetails } = params!.error as { additionalDetails: string | null };
      if (additionalDetails === null || !/^[a-z_]+_(failed|lost|conflict)$/.test(additionalDetails)) continue;
      const isVictim = threadId !== null && outage.victims.includes(threadId);
      if (isVictim && additionalDetails === CODE) failed.add(String(params!.turnId));
      else report('a conversation was told of a fault that is not its own', additionalDetails);
    }
  }
  findings.failures = failed.size;
  return findings;
}
