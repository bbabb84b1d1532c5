// Commands with an effect that stays: each leaves a marker, and no marker may be there whose call is in no file. Main thread.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TempHome } from '../support/temp-home.js';
import type { Step } from './plan.js';
import type { Random } from './random.js';
import type { Violation } from './violation.js';

export class MarkerWatch {
  readonly #folder: string;
  readonly #sessions: string;
  /** Found in a file already. */
  readonly #known = new Set<string>();

  constructor(home: TempHome) {
    this.#folder = join(home.root, 'markers');
    this.#sessions = join(home.path, 'sessions');
    mkdirSync(this.#folder);
  }

  /** How many commands had their effect, as far as was looked. */
  get count(): number {
    return this.#known.size;
  }

  /** A turn whose model calls such a command, which may take a while before or after. */
  planStep(random: Random): Step {
    const name = `m${random.int(0, 0x7fff_ffff)}-${random.int(0, 0x7fff_ffff)}`;
    const wait = (): string => `sleep 0.${random.int(0, 3)}`;
    const cmd = `${wait()}; : > ${join(this.#folder, name)}; echo made; ${wait()}`;
    const command = `call exec_command ${JSON.stringify({ cmd, login: false })}`;
    return { type: 'special', command, during: [] };
  }

  /** To be called while no daemon runs. Commands that have outlived it may go on: their calls were recorded before. */
  check(): Violation[] {
    const fresh = readdirSync(this.#folder).filter((name) => !this.#known.has(name));
    if (fresh.length === 0) return [];
    const calls = this.#readCalls();
    return fresh.flatMap((name): Violation[] => {
      this.#known.add(name);
      if (calls.includes(name)) return [];
      return [{ kind: 'lost', threadId: null, what: `the call of a command that ran is in no file: ${name}` }];
    });
  }

  /** The lines of all calls. */
  #readCalls(): string {
    const files = (readdirSync(this.#sessions, { recursive: true }) as string[]).filter((name) =>
      name.endsWith('.jsonl'),
    );
    const lines = files.flatMap((name) => readFileSync(join(this.#sessions, name), 'utf8').split('\n'));
    return lines.filter((line) => line.includes('"function_call"')).join('\n');
  }
}
