// Many clients of one conversation, and among them some that read slowly or not at all. Main thread.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemonProcess } from '../../support/daemon-process.js';
import type { DaemonProcess } from '../../support/daemon-process.js';
import { startModelProcess } from '../../support/model-process.js';
import type { ProcessSample } from '../../support/process-sample.js';
import { ProcessWatch } from '../../support/process-watch.js';
import { makeTempHome } from '../../support/temp-home.js';
import { StallMeter } from '../stall-meter.js';
import type { Violation } from '../violation.js';
import type { WireClientOptions } from '../wire-client.js';
import { ByteClient } from './byte-client.js';
import { ByteLedger } from './byte-ledger.js';
import { Listener } from './listener.js';
import { SLOW_KINDS, SlowClient } from './slow-client.js';
import type { SlowOutcome } from './slow-client.js';

export interface SlowClientsOptions {
  /** Of each kind of slow clients. */
  slow: number;
  readers: number;
  /** How long all must go on at most until the slow ones are cut off. */
  patienceMs: number;
}

export interface SlowClientsResult {
  events: number;
  /** Milliseconds from the making of an event to its arrival at a reader: without slow clients, and beside them. */
  alone: number[];
  beside: number[];
  /** The longest stall of the driver itself, in each of the two times. */
  stallMs: { alone: number; beside: number };
  slow: SlowOutcome[];
  samples: ProcessSample[];
  violations: Violation[];
}

/** 3 MB a second: several times of what a slow client reads, and a tenth of what the daemon can send to all the readers. */
const FLOOD = { deltas: 500, size: 12_000, gapMs: 4 };
const FLOODS_ALONE = 2;
const LOG_EVERY_MS = 20;
const LAST_WORDS = 'deltas 200 16 1';
const CATCH_UP_MS = 10_000;

export async function runSlowClients(options: SlowClientsOptions): Promise<SlowClientsResult> {
  const model = await startModelProcess(join(import.meta.dirname, '..', 'model', 'main.js'));
  const home = await makeTempHome({ modelBaseUrl: model.baseUrl });
  const stalls = new StallMeter();
  let daemon: DaemonProcess | null = null;
  try {
    daemon = await startDaemonProcess({ home: home.path });
    const run = new Run(options, daemon, home.workspace, stalls);
    const result = await run.run();
    await daemon.stop();
    return result;
  } finally {
    stalls.stop();
    await daemon?.kill();
    await model.stop();
    await home.remove();
  }
}

class Run {
  readonly #options: SlowClientsOptions;
  readonly #target: WireClientOptions;
  readonly #daemon: DaemonProcess;
  readonly #workspace: string;
  readonly #stalls: StallMeter;
  readonly #ledger = new ByteLedger();
  #threadId = '';
  #watching: NodeJS.Timeout | undefined;

  constructor(options: SlowClientsOptions, daemon: DaemonProcess, workspace: string, stalls: StallMeter) {
    this.#options = options;
    this.#target = { url: daemon.url, host: new URL(daemon.url).host, token: daemon.token };
    this.#daemon = daemon;
    this.#workspace = workspace;
    this.#stalls = stalls;
  }

  async run(): Promise<SlowClientsResult> {
    const speaker = await ByteClient.open(this.#target, 'speaker');
    const { thread } = await speaker.request('thread/start', { cwd: this.#workspace });
    this.#threadId = (thread as { id: string }).id;
    const turns = new TurnEnds(speaker);
    await this.#say(speaker, turns, 'hello');

    const readers = Array.from({ length: this.#options.readers }, (_, index) =>
      this.#listener(`reader ${index}`, false),
    );
    const clients = await Promise.all(readers.map((reader) => this.#open(reader, 'reader')));
    const watch = new ProcessWatch(this.#daemon.pid);
    const beganAlone = performance.now();
    for (let flood = 0; flood < FLOODS_ALONE; flood += 1) await this.#flood(speaker, turns);
    const alone = takeLatencies(readers);
    const beganBeside = performance.now();
    const slow = await this.#openSlow();
    const deadline = performance.now() + this.#options.patienceMs;
    while (slow.some(({ isOver }) => !isOver) && performance.now() < deadline) await this.#flood(speaker, turns);
    const beside = takeLatencies(readers);
    const stallMs = {
      alone: this.#stalls.worstSince(beganAlone, beganBeside),
      beside: this.#stalls.worstSince(beganBeside),
    };
    const back = await Promise.all(slow.map((one) => one.comeBack()));
    await this.#say(speaker, turns, LAST_WORDS);
    clearInterval(this.#watching);
    await watch.stop();
    const everybody = [...readers, ...slow.map(({ listener }) => listener)];
    await this.#waitForAll(everybody);
    for (const listener of everybody) listener.checkJoined();
    for (const client of [speaker, ...clients, ...back]) client.close();
    return {
      events: readers[0]!.cursor?.seq ?? 0,
      alone,
      beside,
      stallMs,
      slow: slow.map((one) => one.outcome()),
      samples: watch.samples,
      violations: [...everybody.flatMap(({ violations }) => violations), ...this.#compareEnds(everybody)],
    };
  }

  #listener(name: string, isSlow: boolean): Listener {
    return new Listener({ name, threadId: this.#threadId, ledger: this.#ledger, isSlow });
  }

  async #openSlow(): Promise<SlowClient[]> {
    const slow = Array.from({ length: this.#options.slow }, (_, index) =>
      SLOW_KINDS.map((kind) => {
        const name = `${kind} client ${index}`;
        return new SlowClient({ kind, name, listener: this.#listener(name, true), target: this.#target });
      }),
    ).flat();
    for (const one of slow) await one.open();
    const daemon = this.#daemon;
    this.#watching = setInterval(() => {
      for (const one of slow) one.noteLog(daemon.stderr());
    }, LOG_EVERY_MS);
    return slow;
  }

  async #open(listener: Listener, name: string): Promise<ByteClient> {
    const client = await ByteClient.open(this.#target, name);
    await listener.attach(client);
    return client;
  }

  async #flood(speaker: ByteClient, turns: TurnEnds): Promise<void> {
    await this.#say(speaker, turns, `flood ${FLOOD.deltas} ${FLOOD.size} ${FLOOD.gapMs}`);
  }

  async #say(speaker: ByteClient, turns: TurnEnds, text: string): Promise<void> {
    const input = [{ type: 'text', text, text_elements: [] }];
    const end = turns.next();
    await speaker.request('turn/start', { threadId: this.#threadId, input });
    await end;
  }

  async #waitForAll(everybody: readonly Listener[]): Promise<void> {
    const deadline = performance.now() + CATCH_UP_MS;
    const isBehind = () => new Set(everybody.map(({ cursor }) => cursor?.seq)).size > 1;
    while (isBehind() && performance.now() < deadline) await sleep(20);
  }

  #compareEnds(everybody: readonly Listener[]): Violation[] {
    const ends = new Set(everybody.map(({ cursor }) => cursor?.seq));
    if (ends.size === 1) return [];
    return [
      { kind: 'lost', threadId: this.#threadId, what: 'clients ended at different numbers', found: [...ends].join() },
    ];
  }
}

function takeLatencies(readers: readonly Listener[]): number[] {
  return readers.flatMap((reader) => reader.latencies.splice(0));
}

/** Ends of turns, in the order in which they come. */
class TurnEnds {
  #waiting: (() => void)[] = [];

  constructor(client: ByteClient) {
    const end = Buffer.from('{"method":"turn/completed"');
    client.onNotification = (bytes) => {
      if (bytes.subarray(0, end.length).equals(end)) this.#waiting.shift()?.();
    };
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
