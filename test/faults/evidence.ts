// What was found wrong, and what is needed to look into it: kept beside the home. Main thread.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';

export interface ReportedViolation extends Violation {
  /** The last kill before it was found. */
  kill: number;
  /** How that kill was planned. */
  plan: string;
  conversation: string | null;
}

/** Lives of the daemon whose byte logs are kept. */
const KEPT_LIVES = 3;

export class Evidence {
  readonly folder: string;
  readonly violations: ReportedViolation[] = [];
  readonly #seen = new Set<string>();
  #lives: { connections: LoggedConnection[]; stderr: string; kill: number }[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  keep(kill: number, connections: LoggedConnection[], stderr: string): void {
    this.#lives.push({ kill, connections, stderr });
    if (this.#lives.length > KEPT_LIVES) this.#lives.shift();
  }

  /** Each violation once, however often it is found again. Returns those that are new. */
  add(
    violations: readonly Violation[],
    at: Pick<ReportedViolation, 'kill' | 'plan'>,
    nameOf: NameOf,
  ): ReportedViolation[] {
    const fresh: ReportedViolation[] = [];
    for (const violation of violations) {
      const key = `${violation.kind} ${violation.threadId} ${violation.what}`;
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      fresh.push({ ...violation, ...at, conversation: nameOf(violation.threadId) });
    }
    this.violations.push(...fresh);
    return fresh;
  }

  /** Writes the byte logs of the last lives, as messages with times, what the daemon said, and all violations. */
  async save(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, 'violations.json'), JSON.stringify(this.violations, null, 1));
    for (const { kill, connections, stderr } of this.#lives) {
      const prefix = join(this.folder, `kill-${kill}`);
      await writeFile(`${prefix}-stderr.txt`, stderr);
      for (const { connection, messages } of connections) {
        const lines = messages.map(({ atMs, text }) => `{"atMs":${atMs.toFixed(1)},"message":${text}}\n`);
        await writeFile(`${prefix}-connection-${connection}.jsonl`, lines.join(''));
      }
    }
  }
}

type NameOf = (threadId: string | null) => string | null;
