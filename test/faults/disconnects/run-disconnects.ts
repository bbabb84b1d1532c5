// Conversations that stream to clients whose connections are cut, until so many were. Main thread.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemonProcess } from '../../support/daemon-process.js';
import type { DaemonProcess } from '../../support/daemon-process.js';
import { startModelProcess } from '../../support/model-process.js';
import { ProcessWatch } from '../../support/process-watch.js';
import { listDescriptors, sampleProcess } from '../../support/process-sample.js';
import type { ProcessSample } from '../../support/process-sample.js';
import { askHeldMb, selfReportEnv } from '../../support/self-report.js';
import { makeTempHome } from '../../support/temp-home.js';
import type { TempHome } from '../../support/temp-home.js';
import { WireProxy } from '../../support/wire-proxy.js';
import type { WireMessage } from '../byte-log.js';
import { makeRandom } from '../random.js';
import type { Violation } from '../violation.js';
import { WireClient } from '../wire-client.js';
import { ConversationLife } from './conversation-life.js';
import type { Remains } from './conversation-life.js';
import { emptyCounts } from './follower.js';
import type { FollowCounts } from './follower.js';
import { HalfOpen } from './half-open.js';
import { isSurelyKept, REPLAY_BYTES } from './kept.js';
import { planConnection, planTurn } from './plan-absence.js';
import type { ConnectionPlan } from './plan-absence.js';

export interface DisconnectsOptions {
  disconnects: number;
  seed: number;
  conversations: number;
  /** Ends the run early once so much was found wrong. */
  maxViolations: number;
  /** What makes the first client of each conversation a broken one. */
  swallow?: (message: WireMessage) => boolean;
  onProgress: (disconnects: number, violations: number) => void;
}

export interface DisconnectsResult {
  disconnects: number;
  /** Those at which a turn was streaming. */
  inFlight: number;
  byKind: Record<string, number>;
  conversations: number;
  follows: FollowCounts;
  /** Milliseconds after which the daemon ended connections that had fallen silent, by itself. */
  foundSilentMs: number[];
  samples: ProcessSample[];
  /** Before the first client, and when the last one had gone. */
  before: ProcessSample;
  /** MB that the daemon's main thread held when its garbage was gone: after half of the disconnects, and in the end. */
  heldMb: { half: number; end: number };
  after: ProcessSample;
  /** What the daemon held when every conversation had been unloaded and every client was gone, and had not held before. */
  left: { files: string[]; sockets: number };
  violations: Violation[];
  /** The home: kept when `violations` are there. */
  root: string;
}

const CLIENTS = 3;
const UNLOADED_WITHIN_MS = 10_000;
/** From so many disconnects on, some silent connections are left to the daemon to find. */
export const LONG_RUN = 2_000;

export async function runDisconnects(options: DisconnectsOptions): Promise<DisconnectsResult> {
  const model = await startModelProcess(join(import.meta.dirname, '..', 'model', 'main.js'));
  // Idle conversations go, so that what they hold is freed while the run goes on.
  const home = await makeTempHome({ modelBaseUrl: model.baseUrl, extraToml: 'thread_unload_delay_secs = 1' });
  const proxy = await WireProxy.start({ keepLog: false });
  let daemon: DaemonProcess | null = null;
  let isWell = false;
  try {
    const report = join(home.root, 'daemon-report');
    const args = ['-c', `replay_bytes=${REPLAY_BYTES}`];
    daemon = await startDaemonProcess({ home: home.path, args, env: selfReportEnv(report) });
    const run = new Run(options, home, proxy, report);
    const result = await run.runOn(daemon);
    daemon = await startDaemonProcess({ home: home.path, args });
    await run.comeBackTo(daemon);
    await daemon.stop();
    isWell = result.violations.length === 0;
    return result;
  } finally {
    await daemon?.kill();
    await proxy.close();
    await model.stop();
    if (isWell || options.swallow !== undefined) await home.remove();
  }
}

class Run {
  readonly #options: DisconnectsOptions;
  readonly #home: TempHome;
  readonly #proxy: WireProxy;
  readonly #halfOpen: HalfOpen;
  readonly #violations: Violation[] = [];
  readonly #counts = emptyCounts();
  readonly #byKind: Record<string, number> = {};
  /** The last conversation of each lane. */
  readonly #remains: Remains[] = [];
  readonly #reportFile: string;
  /** Resolves after half of the disconnects. */
  readonly #half: Promise<void>;
  #passHalf!: () => void;
  #disconnects = 0;
  #inFlight = 0;
  #conversations = 0;

  constructor(options: DisconnectsOptions, home: TempHome, proxy: WireProxy, report: string) {
    this.#reportFile = report;
    this.#options = options;
    this.#home = home;
    this.#proxy = proxy;
    this.#half = new Promise((resolve) => (this.#passHalf = resolve));
    this.#halfOpen = new HalfOpen(options.disconnects >= LONG_RUN);
  }

  /** All the disconnects; ends with the end of the daemon. */
  async runOn(daemon: DaemonProcess): Promise<DisconnectsResult> {
    this.#proxy.setTarget(daemon.url);
    const before = await sampleProcess(daemon.pid);
    const socketsBefore = (await listDescriptors(daemon.pid)).filter(isSocket).length;
    const watch = new ProcessWatch(daemon.pid);
    const keeper = await WireClient.open(targetOf(daemon));
    const lanes = Array.from({ length: this.#options.conversations }, (_, lane) => this.#serve(daemon, lane, keeper));
    const half = this.#half.then(() => askHeldMb(daemon.pid, this.#reportFile));
    await Promise.all(lanes);
    keeper.close();
    await keeper.closed;
    await this.#halfOpen.settle();
    await watch.stop();
    const left = await listLeftOpen(daemon.pid, this.#home.path);
    // A run that ended early has no second half.
    this.#passHalf();
    const heldMb = { half: await half, end: await askHeldMb(daemon.pid, this.#reportFile) };
    const after = await sampleProcess(daemon.pid);
    await daemon.stop();
    return {
      disconnects: this.#disconnects,
      inFlight: this.#inFlight,
      byKind: this.#byKind,
      conversations: this.#conversations,
      follows: this.#counts,
      foundSilentMs: this.#halfOpen.foundMs,
      samples: watch.samples,
      before,
      heldMb,
      after,
      left: { ...left, sockets: left.sockets - socketsBefore },
      violations: this.#violations,
      root: this.#home.root,
    };
  }

  /** Another life of the daemon: whoever was anywhere in the one before has to be told everything anew. */
  async comeBackTo(daemon: DaemonProcess): Promise<void> {
    for (const { threadId, witness, followers } of this.#remains) {
      for (const follower of followers) {
        const { epoch, seq } = follower.cursor!;
        follower.reconnect();
        follower.ask({ epoch, seq });
        const client = await WireClient.open({
          ...targetOf(daemon),
          onMessage: ({ id, result }, _text, { requests }) => {
            if (requests.get(Number(id))?.method === 'thread/resume') follower.takeReply(result);
          },
        });
        await client.request('thread/resume', { threadId, afterEpoch: epoch, afterSeq: seq });
        client.close();
        if (follower.cursor?.epoch === epoch)
          this.#report([broken(threadId, 'the epoch of another life of the daemon')]);
        follower.compareWith(witness);
        this.#report(follower.violations.splice(0));
      }
    }
  }

  /** One conversation after the other; all but the last are deleted, so that there is no more to hold in the end. */
  async #serve(daemon: DaemonProcess, lane: number, keeper: WireClient): Promise<void> {
    const { seed, swallow } = this.#options;
    for (let index = 0; !this.#isOver(); index += 1) {
      const name = `c${lane + 1}.${index + 1}`;
      const life = new ConversationLife({
        name,
        seed,
        clients: CLIENTS,
        turns: makeRandom(seed, 'turns', name).int(4, 12),
        planTurn,
        planConnection,
        workspace: this.#home.workspace,
        proxy: this.#proxy,
        target: targetOf(daemon),
        counts: this.#counts,
        isKept: isSurelyKept,
        onCut: ({ how, connection, plan }, isStreaming) => {
          this.#countCut(how, isStreaming);
          if (how === 'silent' && connection !== null) this.#halfOpen.add(connection, plan.resetMs);
        },
        isOver: () => this.#isOver(),
        ...(swallow === undefined ? {} : { swallow }),
      });
      this.#conversations += 1;
      try {
        const remains = await life.live();
        const former = this.#remains[lane];
        this.#remains[lane] = remains;
        if (former !== undefined) await keeper.request('thread/delete', { threadId: former.threadId });
      } catch (error) {
        this.#report([broken(null, `${name}: ${String(error)}`, daemon.stderr().slice(-2000))]);
      }
      this.#report(life.violations);
    }
  }

  #isOver(): boolean {
    return this.#disconnects >= this.#options.disconnects || this.#violations.length >= this.#options.maxViolations;
  }

  #countCut(how: ConnectionPlan['how'], isStreaming: boolean): void {
    this.#disconnects += 1;
    if (this.#disconnects >= this.#options.disconnects / 2) this.#passHalf();
    if (isStreaming) this.#inFlight += 1;
    this.#byKind[how] = (this.#byKind[how] ?? 0) + 1;
    this.#options.onProgress(this.#disconnects, this.#violations.length);
  }

  #report(violations: readonly Violation[]): void {
    this.#violations.push(...violations);
  }
}

/** Waits for the unloads of the last conversations. */
async function listLeftOpen(pid: number, home: string): Promise<DisconnectsResult['left']> {
  const deadline = performance.now() + UNLOADED_WITHIN_MS;
  for (;;) {
    const open = await listDescriptors(pid);
    const files = open.filter((target) => target.startsWith(home) && !target.includes('/logs/'));
    if (files.length === 0 || performance.now() > deadline) {
      return { files, sockets: open.filter(isSocket).length };
    }
    await sleep(100);
  }
}

function isSocket(target: string): boolean {
  return target.startsWith('socket:');
}

function targetOf(daemon: DaemonProcess) {
  return { url: daemon.url, host: new URL(daemon.url).host, token: daemon.token };
}

function broken(threadId: string | null, what: string, found = ''): Violation {
  return { kind: 'broken', threadId, what, found };
}
