// Keeps the daemon of one home running: starts it, starts it again when it dies, ends with it. Main thread of its own process.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf, isRunning, ownIdentity } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';
import type { RestartPolicy } from './restart-policy.js';
import { lastWordsAfter, noteInServiceLog, openServiceLog, sizeOfServiceLog } from './service-log.js';
import { removeSupervisorState, writeSupervisorState } from './state-file.js';
import type { SupervisorState } from './state-file.js';

export interface SupervisorOptions {
  home: string;
  /** The program that `rolloutd` is. */
  entry: string;
  /** Options of `rolloutd serve`. */
  serveArgs: string[];
  /** A daemon that lost its supervisor: this one takes its place. */
  adopt: ProcessIdentity | null;
  /** Descriptor of the locked file that makes this the only supervisor of the home. */
  lockFd: number;
  policy: RestartPolicy;
}

/** Milliseconds between two looks at a daemon that is no child of ours. */
const LOOK_INTERVAL_MS = 500;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** How a daemon ends that was told to: by itself, or at once by a second signal. */
const TOLD_CODES: readonly (number | null)[] = [0, 129, 130, 143];
const TOLD_SIGNALS: readonly (NodeJS.Signals | null)[] = SIGNALS;

/** How one life of the daemon ended. */
interface Ending {
  /** Somebody told it to. */
  wasTold: boolean;
  /** It never was ready, and ended with a code of its own. */
  refusedToStart: boolean;
  reason: string;
  livedMs: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #waiting = new AbortController();
  #daemon: ProcessIdentity | null = null;
  #restarts = 0;
  #reason: string | null = null;
  #isStopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Resolves when the daemon has ended and is not started again: true when it was told to end. */
  async run(): Promise<boolean> {
    for (const signal of SIGNALS) process.on(signal, () => this.#takeSignal(signal));
    const { home, adopt } = this.#options;
    for (let isFirst = true; ; isFirst = false) {
      const ending = isFirst && adopt !== null ? await this.#watch(adopt) : await this.#runDaemon();
      this.#daemon = null;
      if (ending.wasTold || this.#isStopping) {
        noteInServiceLog(home, 'the daemon has ended');
        removeSupervisorState(home);
        return true;
      }
      this.#reason = ending.reason;
      noteInServiceLog(home, `the daemon ${ending.reason}`);
      if (isFirst && ending.refusedToStart) return this.#giveUp('failed');
      const waitMs = this.#options.policy.takeDeath(performance.now(), ending.livedMs);
      if (waitMs === null) return this.#giveUp('parked');
      this.#write('waiting');
      await delay(waitMs, undefined, { signal: this.#waiting.signal }).catch(() => undefined);
      if (this.#isStopping) {
        removeSupervisorState(home);
        return true;
      }
      this.#restarts += 1;
    }
  }

  #giveUp(phase: 'failed' | 'parked'): false {
    noteInServiceLog(this.#options.home, phase === 'parked' ? 'it died too often: left alone' : 'it did not start');
    this.#write(phase);
    return false;
  }

  async #runDaemon(): Promise<Ending> {
    const { home, entry, serveArgs, lockFd } = this.#options;
    const beganAt = performance.now();
    const log = this.#openLog();
    const logEnd = sizeOfServiceLog(home);
    let child: ChildProcess;
    try {
      child = spawn(process.execPath, [entry, 'serve', ...serveArgs, '--supervised'], {
        // The lock goes along until the daemon can be found: no second one may start in between, should we be killed.
        stdio: ['ignore', 'pipe', log ?? 'ignore', lockFd],
      });
    } catch (error) {
      // No memory for a further process, as when it was the lack of memory that ended the last one.
      const reason = `could not be started: ${(error as Error).message}`;
      return { wasTold: false, refusedToStart: true, reason, livedMs: 0 };
    } finally {
      if (log !== null) closeSync(log);
    }
    let isReady = false;
    child.stdout!.on('data', () => (isReady = true));
    const ended = once(child, 'exit').then(
      ([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, failure: null }),
      (error: unknown) => ({ code: null, signal: null, failure: error as Error }),
    );
    if (child.pid !== undefined) {
      this.#daemon = identityOf(child.pid);
      this.#write('running');
      noteInServiceLog(home, `started the daemon, pid ${child.pid}`);
    }
    const { code, signal, failure } = await ended;
    child.stdout!.destroy();
    const words = lastWordsAfter(home, logEnd)?.replace(/^rolloutd: /, '') ?? null;
    return {
      wasTold: failure === null && (TOLD_CODES.includes(code) || TOLD_SIGNALS.includes(signal)),
      refusedToStart: !isReady && signal === null,
      reason: failure === null ? describeEnd(code, signal, words) : `could not be started: ${failure.message}`,
      livedMs: performance.now() - beganAt,
    };
  }

  async #watch(daemon: ProcessIdentity): Promise<Ending> {
    const { home } = this.#options;
    const beganAt = performance.now();
    this.#daemon = daemon;
    this.#write('running');
    noteInServiceLog(home, `took over the daemon that runs, pid ${daemon.pid}`);
    while (isRunning(daemon)) await delay(LOOK_INTERVAL_MS);
    return {
      // One that ends in order takes this file away.
      wasTold: !existsSync(join(home, 'rolloutd', 'daemon.json')),
      refusedToStart: false,
      reason: 'is gone',
      livedMs: performance.now() - beganAt,
    };
  }

  #takeSignal(signal: NodeJS.Signals): void {
    this.#isStopping = true;
    this.#waiting.abort();
    if (this.#daemon === null || !isRunning(this.#daemon)) return;
    this.#write('stopping');
    try {
      process.kill(this.#daemon.pid, signal);
    } catch {
      // It has ended in this very moment.
    }
  }

  /** null when the disk does not allow it: no reason to leave the daemon alone. */
  #openLog(): number | null {
    try {
      return openServiceLog(this.#options.home);
    } catch {
      return null;
    }
  }

  /** Never throws, for the same reason. */
  #write(phase: SupervisorState['phase']): void {
    const { home, serveArgs } = this.#options;
    const state: SupervisorState = {
      phase,
      supervisor: ownIdentity(),
      daemon: this.#daemon,
      serveArgs,
      restarts: this.#restarts,
      reason: this.#reason,
      changedAt: new Date().toISOString(),
    };
    try {
      writeSupervisorState(home, state);
    } catch (error) {
      noteInServiceLog(home, `cannot write down what it does: ${(error as Error).message}`);
    }
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null, lastWords: string | null): string {
  return `ended with ${signal ?? `code ${code}`}${lastWords === null ? '' : `: ${lastWords}`}`;
}
