// One life of the daemon after the other under streaming conversations: holds what it told against what is left. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProgramOptions } from '../support/child-program.js';
import type { TempHome } from '../support/temp-home.js';
import { WireProxy } from '../support/wire-proxy.js';
import { BOUND_MS } from './check-bounded.js';
import { checkFacts } from './check-facts.js';
import { HomeFiles } from './check-files.js';
import type { ReadRollout } from './check-files.js';
import { DaemonLife } from './daemon-life.js';
import { Evidence } from './evidence.js';
import type { ReportedViolation } from './evidence.js';
import { foundInFile } from './found.js';
import { planLifetime, planStep } from './plan.js';
import { makeRandom } from './random.js';
import type { Random } from './random.js';
import { Rejoin } from './rejoin.js';
import type { LifePlan, Scenario } from './scenario.js';
import { slackOf } from './slack.js';
import { StallMeter } from './stall-meter.js';
import { compareConnections, followConnection } from './streams.js';
import { gatherFacts } from './told.js';
import type { FactCounts, LoggedConnection, ToldThread } from './told.js';
import type { Violation } from './violation.js';
import { RequestRefused } from './wire-client.js';
import type { WireClient } from './wire-client.js';
import { ensureStarted, isKill, work } from './workload.js';
import type { Conversation, StepEnd } from './workload.js';

export interface OracleOptions {
  scenario: Scenario;
  seed: number;
  conversations: number;
  home: TempHome;
  program: ChildProgramOptions;
  /** Ends the run early once so many violations were found. */
  maxViolations: number;
  onProgress: (done: { life: number; fresh: ReportedViolation[] }) => void;
}

export interface OracleResult {
  kills: number;
  conversations: number;
  facts: FactCounts;
  deltas: number;
  numbered: number;
  streamsCut: number;
  lostMsMax: number;
  lostCharactersMax: number;
  slackMsMax: number;
  tornPieces: number;
  /** Ends in good order among the kills. */
  stops: number;
  /** From spawn to listening, of each life. */
  readyMs: number[];
  violations: ReportedViolation[];
  evidence: string;
}

const MAIN_CLIENTS = 2;

export async function runOracle(options: OracleOptions): Promise<OracleResult> {
  const proxy = await WireProxy.start();
  const stalls = new StallMeter();
  const oracle = new Oracle(options, proxy, stalls);
  try {
    return await oracle.run();
  } finally {
    stalls.stop();
    await proxy.close();
  }
}

class Oracle {
  readonly #options: OracleOptions;
  readonly #proxy: WireProxy;
  readonly #stalls: StallMeter;
  readonly #files: HomeFiles;
  readonly #evidence: Evidence;
  readonly #rejoin: Rejoin;
  readonly #threads = new Map<string, ToldThread>();
  readonly #epochs = new Set<string>();
  readonly #result: OracleResult;
  #live: Conversation[] = [];
  #retired: Conversation[] = [];
  #rollouts = new Map<string, ReadRollout>();
  #plan = 'before the first kill';

  constructor(options: OracleOptions, proxy: WireProxy, stalls: StallMeter) {
    this.#options = options;
    this.#proxy = proxy;
    this.#stalls = stalls;
    this.#files = new HomeFiles(options.home.path);
    this.#evidence = new Evidence(`${options.home.root}/evidence`);
    this.#result = {
      kills: 0,
      conversations: 0,
      facts: new Map(),
      deltas: 0,
      numbered: 0,
      streamsCut: 0,
      lostMsMax: 0,
      lostCharactersMax: 0,
      slackMsMax: 0,
      tornPieces: 0,
      stops: 0,
      readyMs: [],
      violations: this.#evidence.violations,
      evidence: this.#evidence.folder,
    };
    this.#rejoin = new Rejoin(options.seed, this.#result);
  }

  async run(): Promise<OracleResult> {
    const { scenario, maxViolations, onProgress } = this.#options;
    for (let kill = 1; !scenario.isOver(kill - 1) && this.#evidence.violations.length < maxViolations; kill += 1) {
      const known = this.#evidence.violations.length;
      const plan = scenario.planLife(kill);
      this.#plan = plan.title;
      await this.#round(kill, plan);
      this.#result.kills = kill;
      onProgress({ life: kill, fresh: this.#evidence.violations.slice(known) });
    }
    await this.#finish();
    this.#result.conversations = this.#threads.size;
    if (this.#evidence.violations.length > 0) await this.#evidence.save();
    return this.#result;
  }

  async #round(kill: number, plan: LifePlan): Promise<void> {
    const life = this.#begin(kill);
    try {
      if (plan.moment.type === 'startup') await sleep(plan.moment.afterMs);
      else await this.#serve(life, plan.moment, plan.signal);
    } catch (error) {
      this.#report([{ kind: 'broken', threadId: null, what: String(error), found: life.stderr.slice(-2000) }], kill);
    }
    await this.#bury(life, plan.signal);
    await this.#inspectFiles(kill, true);
  }

  /** Ends a life and takes in all that it told. */
  async #bury(life: DaemonLife, signal: LifePlan['signal']): Promise<void> {
    life.strike(signal);
    const connections = await life.end();
    if (life.fault !== null) {
      const what = `the end before kill ${life.kill} was not in order`;
      const found = life.stderr.slice(-2000);
      this.#report([{ kind: 'broken', threadId: null, what, told: life.fault, found }], life.kill);
    }
    if (life.readyMs !== null) this.#result.readyMs.push(life.readyMs);
    if (life.struck?.signal === 'SIGTERM') this.#result.stops += 1;
    for (const end of life.orders.tornEnds) this.#files.allowTear(end);
    this.#evidence.keep(life.kill, connections, life.stderr);
    this.#learn(connections, life);
    await this.#options.scenario.afterLife?.(life, this.#threads);
  }

  /** From the daemon being ready to its end. */
  async #serve(
    life: DaemonLife,
    moment: Exclude<LifePlan['moment'], { type: 'startup' }>,
    signal: LifePlan['signal'],
  ): Promise<void> {
    await life.ready();
    const clients = await Promise.all(Array.from({ length: MAIN_CLIENTS }, () => life.openClient()));
    if (moment.type === 'resume') {
      for (const conversation of this.#live) {
        const { told } = conversation;
        // How it is answered, if at all, is what the kill decides.
        if (told !== null)
          clientOf(clients, conversation)
            .request('thread/resume', { threadId: told.threadId })
            .catch(() => {});
      }
      return sleep(moment.afterMs);
    }
    await this.#resumeAll(clients, life.kill);
    await this.#renew(clients, life);
    await this.#workUntilTheEnd(clients, life, moment, signal);
  }

  async #resumeAll(clients: WireClient[], kill: number): Promise<void> {
    const checks = this.#live.map(async (conversation) => {
      if (conversation.told === null) return;
      const rollout = this.#rollouts.get(conversation.told.threadId) ?? null;
      const outcome = await this.#rejoin.check(clientOf(clients, conversation), conversation.told, rollout, kill);
      this.#report(outcome.violations, kill);
      if (outcome.gone) conversation.told = null;
    });
    await Promise.all(checks);
    this.#report(await this.#files.checkUntouched(), kill);
  }

  /** Those whose time is over take a last turn and make room; there are always as many as were asked for. */
  async #renew(clients: WireClient[], life: DaemonLife): Promise<void> {
    const retiring = this.#live.map(async (conversation) => {
      conversation.roundsLeft -= 1;
      if (conversation.roundsLeft > 0 || conversation.told === null) return conversation;
      const client = clientOf(clients, conversation);
      this.#report(await this.#rejoin.checkModel(client, conversation, conversation.told), life.kill);
      await client.request('thread/unsubscribe', { threadId: conversation.told.threadId });
      this.#retired.push(conversation);
      return null;
    });
    this.#live = (await Promise.all(retiring)).filter((conversation) => conversation !== null);
    while (this.#live.length < this.#options.conversations) {
      const number = this.#live.length + this.#retired.length + 1;
      const name = `c${number}`;
      const roundsLeft = planLifetime(makeRandom(this.#options.seed, 'lifetime', name));
      this.#live.push({ name, number, told: null, roundsLeft, sentInputs: 0 });
    }
  }

  async #workUntilTheEnd(
    clients: WireClient[],
    life: DaemonLife,
    moment: LifePlan['moment'] & { type: 'work' },
    signal: LifePlan['signal'],
  ): Promise<void> {
    const scene = {
      life,
      proxy: this.#proxy,
      stalls: this.#stalls,
      conversations: this.#live,
      clients,
      report: (violations: readonly Violation[]) => this.#report(violations, life.kill),
    };
    const struck = moment.until(scene).finally(() => life.strike(signal));
    const works = this.#live.map(async (conversation) => {
      const random = makeRandom(this.#options.seed, 'work', life.kill, conversation.name);
      const place = { client: clientOf(clients, conversation), random, ...this.#place(life) };
      try {
        await work(conversation, place);
      } catch (error) {
        // A daemon that was asked to end refuses what comes too late.
        if (isKill(error) || (life.struck !== null && error instanceof RequestRefused)) return;
        const what = `${conversation.name}: ${String(error)}`;
        const threadId = conversation.told?.threadId ?? null;
        this.#report([{ kind: 'broken', threadId, what, found: life.stderr.slice(-2000) }], life.kill);
      }
    });
    // Without anybody at work nothing that it waits for may come.
    struck.catch(() => undefined);
    const worked = Promise.all(works);
    await Promise.race([struck, worked]);
    life.strike(signal);
    await worked;
  }

  #place(life: DaemonLife) {
    const { scenario } = this.#options;
    return {
      planStep: (random: Random) => scenario.planStep?.(random) ?? planStep(random),
      tolerates: (refusal: RequestRefused) => scenario.tolerates?.(refusal) ?? false,
      onStepEnd: (...step: Parameters<StepEnd>) => scenario.onStepEnd?.(...step) ?? Promise.resolve(),
      workspace: this.#options.home.workspace,
      counts: this.#result.facts,
      openClient: () => life.openClient(),
      onStarted: (told: ToldThread) => this.#threads.set(told.threadId, told),
    };
  }

  /** After the last kill: everything still works, also after an end in good order, and the files are as they should be. */
  async #finish(): Promise<void> {
    const kill = this.#result.kills + 1;
    this.#plan = 'after the last kill';
    const life = this.#begin(kill);
    try {
      await life.ready();
      const clients = await Promise.all(Array.from({ length: MAIN_CLIENTS }, () => life.openClient()));
      await this.#resumeAll(clients, kill);
      await Promise.all(
        this.#live.map(async (conversation) => {
          const client = clientOf(clients, conversation);
          const told = await ensureStarted(conversation, { client, random: makeRandom(0), ...this.#place(life) });
          this.#report(await this.#rejoin.checkModel(client, conversation, told), kill);
        }),
      );
      for (const { told } of this.#retired) {
        this.#report(await this.#rejoin.checkUnloaded(clients[0]!, told!, kill), kill);
      }
      this.#report(await this.#rejoin.checkList(clients[0]!, this.#threads), kill);
    } catch (error) {
      this.#report([{ kind: 'broken', threadId: null, what: String(error), found: life.stderr.slice(-2000) }], kill);
    }
    await this.#bury(life, 'SIGTERM');
    this.#live.push(...this.#retired);
    this.#report(this.#options.scenario.inspectRun?.() ?? [], kill);
    await this.#inspectFiles(kill, false);
  }

  #begin(kill: number): DaemonLife {
    const { program, home } = this.#options;
    return new DaemonLife({ program, home: home.path, proxy: this.#proxy, stalls: this.#stalls, kill });
  }

  /** Takes in all that a life of the daemon told its clients. */
  #learn(connections: LoggedConnection[], life: DaemonLife): void {
    const seen = connections.map(({ messages, requests }) => followConnection(messages, requests));
    for (const connection of connections) gatherFacts(connection, this.#threads);
    const violations: Violation[] = seen.flatMap((one) => one.violations);
    violations.push(...compareConnections(seen));
    violations.push(...(this.#options.scenario.inspectLife?.(life, connections) ?? []));
    const epochs = new Set(seen.flatMap((one) => [...one.epochs]));
    for (const epoch of epochs) {
      if (!this.#epochs.has(epoch) && epochs.size === 1) continue;
      const what = `epoch ${epoch} is not one life of the daemon`;
      violations.push({ kind: 'order', threadId: null, what, told: 'one epoch a life', found: [...epochs].join(', ') });
    }
    for (const epoch of epochs) this.#epochs.add(epoch);
    for (const thread of this.#threads.values()) violations.push(...thread.violations.splice(0));
    this.#report(violations, life.kill);
    for (const one of seen) {
      this.#result.deltas += one.deltas;
      this.#result.numbered += one.numbered;
    }
    if (this.#options.scenario.keepsStreams === false) return;
    const unrecorded = new Set(seen.flatMap((one) => [...one.unrecorded]));
    const streams = seen.flatMap((one) => one.streams).filter(({ itemId }) => !unrecorded.has(itemId));
    if (life.struck?.signal === 'SIGTERM') {
      this.#rejoin.expect(streams, { killedAtMs: performance.now(), boundMs: 0 });
    } else if (life.struck !== null) {
      const slackMs = 50 + slackOf(this.#stalls.worstMs);
      this.#result.slackMsMax = Math.max(this.#result.slackMsMax, slackMs);
      this.#rejoin.expect(streams, { killedAtMs: life.struck.atMs, boundMs: BOUND_MS + slackMs });
    }
  }

  /** All facts are in the files already now, before anybody had a chance to mend anything. */
  async #inspectFiles(kill: number, mayTear: boolean): Promise<void> {
    const live = new Set(this.#live.flatMap(({ told }) => (told === null ? [] : [told.threadId])));
    const { rollouts, violations } = await this.#files.check(new Set(this.#threads.keys()), live);
    this.#rollouts = rollouts;
    for (const threadId of live) {
      const told = this.#threads.get(threadId)!;
      const rollout = rollouts.get(threadId);
      if (rollout !== undefined) violations.push(...checkFacts(told, foundInFile(rollout.file)));
      else if (told.hasFacts) violations.push({ kind: 'lost', threadId, what: 'the whole file', found: 'no file' });
    }
    this.#report(violations, kill);
    const random = makeRandom(this.#options.seed, 'tear', kill);
    if (!mayTear || !random.chance(0.2)) return;
    if (rollouts.size === 0) return;
    const all = [...rollouts.values()];
    // What only the side journal holds must survive a torn tail as well.
    const streaming = all.filter(({ threadId }) => this.#rejoin.awaits(threadId));
    await this.#files.tear(random.pick(streaming.length > 0 && random.chance(0.7) ? streaming : all), random);
    this.#result.tornPieces += 1;
  }

  #report(violations: readonly Violation[], kill: number): void {
    const nameOf = (threadId: string | null) =>
      [...this.#live, ...this.#retired].find(({ told }) => told !== null && told.threadId === threadId)?.name ?? null;
    this.#evidence.add(violations, { kill, plan: this.#plan }, nameOf);
  }
}

/** The same in all of a life, whoever retires meanwhile: the one that is subscribed. */
function clientOf(clients: readonly WireClient[], { number }: Conversation): WireClient {
  return clients[number % clients.length]!;
}
