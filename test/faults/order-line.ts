// The driver's end of the line to the fault layer in one daemon: orders go out, what is known of its threads comes
// in. Main thread.
import type { DiskFault, Order, Report, ThreadRole, WayToDie } from './inject/orders.js';

export interface DaemonThread {
  id: number;
  role: ThreadRole;
  /** `performance.now()` at which its end was told; null while it runs. */
  exitedAtMs: number | null;
  /** Conversations whose session ran in it when it ended. */
  hostedAtExit: readonly string[];
}

/** What to give the daemon so that it listens. */
export const PRELOAD_ARGS: readonly string[] = ['--import', new URL('./inject/preload.js', import.meta.url).href];

export class OrderLine {
  /** Where writes ended early. */
  readonly tornEnds: { path: string; size: number }[] = [];
  readonly #send: (order: Order) => void;
  readonly #onStall: (atMs: number, lateMs: number) => void;
  readonly #threads = new Map<number, DaemonThread>();
  readonly #hosts = new Map<string, number>();
  #changed: (() => void)[] = [];
  #diskSettings = 0;

  /** `onStall` is told when, by `performance.now()`, the daemon's process had to wait for a processor, and how long. */
  constructor(send: (order: Order) => void, onStall: (atMs: number, lateMs: number) => void) {
    this.#send = send;
    this.#onStall = onStall;
  }

  /** To be called with all that comes from the daemon. */
  receive(report: Report): void {
    switch (report.type) {
      case 'here':
        this.#threads.set(report.thread, { id: report.thread, role: report.role, exitedAtMs: null, hostedAtExit: [] });
        break;
      case 'exited': {
        const thread = this.#threads.get(report.thread);
        if (thread === undefined) break;
        thread.hostedAtExit = this.hostedBy(thread);
        thread.exitedAtMs = performance.now();
        break;
      }
      case 'hosts':
        this.#hosts.set(report.conversation, report.thread);
        break;
      case 'leaves':
        if (this.#hosts.get(report.conversation) === report.thread) this.#hosts.delete(report.conversation);
        break;
      case 'stalled':
        this.#onStall(report.atEpochMs - performance.timeOrigin, report.lateMs);
        break;
      case 'tore':
        this.tornEnds.push(report);
        break;
      case 'diskSet':
        this.#diskSettings += 1;
        break;
    }
    const changed = this.#changed;
    this.#changed = [];
    for (const wake of changed) wake();
  }

  /** The newest thread of this role that runs, or null. */
  running(role: ThreadRole): DaemonThread | null {
    return [...this.#threads.values()].findLast((one) => one.role === role && one.exitedAtMs === null) ?? null;
  }

  /** As running(), or the first that starts within so long; null when none does. */
  async waitForThread(role: ThreadRole, patienceMs: number): Promise<DaemonThread | null> {
    await this.#waitUntil(() => this.running(role) !== null, patienceMs);
    return this.running(role);
  }

  /** The thread that runs a conversation's session, or null. */
  hostOf(conversation: string): DaemonThread | null {
    const thread = this.#threads.get(this.#hosts.get(conversation) ?? -1);
    return thread === undefined || thread.exitedAtMs !== null ? null : thread;
  }

  hostedBy(thread: DaemonThread): string[] {
    return [...this.#hosts].filter(([, host]) => host === thread.id).map(([conversation]) => conversation);
  }

  die(thread: DaemonThread, way: WayToDie): void {
    this.#send({ type: 'die', thread: thread.id, way });
  }

  /** Resolves with true when the thread has ended, with false when it had not after so long. */
  async waitForExit(thread: DaemonThread, patienceMs: number): Promise<boolean> {
    return this.#waitUntil(() => thread.exitedAtMs !== null, patienceMs);
  }

  /** Resolves when the writer has taken the faults: true, or false when there was none for so long. */
  async setDiskFaults(faults: DiskFault[], patienceMs: number): Promise<boolean> {
    const before = this.#diskSettings;
    this.#send({ type: 'disk', faults });
    return this.#waitUntil(() => this.#diskSettings > before, patienceMs);
  }

  async #waitUntil(isSo: () => boolean, patienceMs: number): Promise<boolean> {
    const deadline = performance.now() + patienceMs;
    while (!isSo()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#change(leftMs);
    }
    return true;
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#changed.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
