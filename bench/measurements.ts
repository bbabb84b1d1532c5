// What the bench measures, a function each, with the figures to reach. Main thread of the bench.
import { setTimeout as sleep } from 'node:timers/promises';
import { withRig } from './rig.js';
import { median, percentile } from './statistics.js';

export interface Row {
  name: string;
  value: number;
  unit: string;
  /** What the project aims at; null where it has set no figure. */
  target: { atMost: number } | { atLeast: number } | null;
}

export interface BenchOptions {
  /** Of each measurement; the median counts. */
  runs: number;
  /** Share of the work of a full run. */
  scale: number;
  /** WebSocket connections that the conversations share. */
  connections: number;
}

export type Measurement = (options: BenchOptions) => Promise<Row[]>;

const TURNS_BEFORE_WARM = 2000;
const SETTLE_MS = 1000;

export const MEASUREMENTS: Record<string, Measurement> = {
  start: async (options) => {
    const times = await repeat(options.runs + 2, () => withRig(1, (rig) => Promise.resolve(rig.startMs)));
    return [{ name: 'start to listening', value: median(times), unit: 'ms', target: { atMost: 300 } }];
  },

  lone: async (options) => {
    const turns = Math.round(40 * options.scale);
    const runs = await repeat(options.runs, () =>
      withRig(1, async (rig) => {
        const latencies: number[] = [];
        // Several conversations, one after the other: a long one would measure the length of its history.
        for (let thread = 0; thread < 8; thread += 1) {
          await rig.startThreads(1);
          const result = await rig.ask({ type: 'turns', perThread: turns });
          if (thread > 0) latencies.push(...result.latencies);
        }
        return latencies;
      }),
    );
    const of = (share: number) => median(runs.map((latencies) => percentile(latencies, share)));
    return [
      { name: 'lone short turn, p50', value: of(0.5), unit: 'ms', target: { atMost: 4 } },
      { name: 'lone short turn, p99', value: of(0.99), unit: 'ms', target: null },
    ];
  },

  'turns-1': (options) => measureTurns(options, 1, { cold: null, warm: null }),

  'turns-50': (options) => measureTurns(options, 50, { cold: 700, warm: 1400 }),

  deltas: async (options) => {
    const count = Math.round(4000 * options.scale);
    const runs = await repeat(options.runs, () =>
      withRig(options.connections, async (rig) => {
        const rates: number[] = [];
        for (let pass = 0; pass < 4; pass += 1) {
          await rig.startThreads(10);
          const { deltas, elapsedMs } = await rig.ask({ type: 'deltas', count, size: 16 });
          rates.push((1000 * deltas) / elapsedMs);
        }
        return { cold: rates[0]!, warm: rates.at(-1)! };
      }),
    );
    return [
      {
        name: 'deltas/s at 10 conversations, cold',
        value: median(runs.map(({ cold }) => cold)),
        unit: '/s',
        target: { atLeast: 40_000 },
      },
      {
        name: 'deltas/s at 10 conversations, warm',
        value: median(runs.map(({ warm }) => warm)),
        unit: '/s',
        target: null,
      },
    ];
  },

  latency: async (options) => {
    const count = Math.round(400 * options.scale);
    const runs = await repeat(options.runs, () =>
      withRig(options.connections, async (rig) => {
        await rig.startThreads(10);
        const { latencies } = await rig.ask({ type: 'latency', count, gapMs: 5 });
        return latencies;
      }),
    );
    const of = (share: number) => median(runs.map((latencies) => percentile(latencies, share)));
    return [
      { name: 'delta from model to client, 10 conversations, p50', value: of(0.5), unit: 'ms', target: null },
      { name: 'delta from model to client, 10 conversations, p99', value: of(0.99), unit: 'ms', target: { atMost: 7 } },
    ];
  },

  memory: async (options) => {
    const many = Math.round(1000 * options.scale);
    const figures = await withRig(options.connections, async (rig) => {
      await sleep(SETTLE_MS);
      const idle = await rig.memoryMb();
      await loadThreads(100);
      const hundred = await rig.memoryMb();
      await loadThreads(many - 100);
      return { idle, hundred, many: await rig.memoryMb() };

      async function loadThreads(count: number): Promise<void> {
        await rig.startThreads(count);
        await rig.ask({ type: 'turns', perThread: 1 });
        await sleep(SETTLE_MS);
      }
    });
    return [
      { name: 'memory, idle', value: figures.idle, unit: 'MB', target: { atMost: 90 } },
      { name: 'memory, 100 conversations loaded', value: figures.hundred, unit: 'MB', target: { atMost: 110 } },
      { name: `memory, ${many} conversations loaded`, value: figures.many, unit: 'MB', target: { atMost: 203 } },
    ];
  },
};

async function measureTurns(
  options: BenchOptions,
  conversations: number,
  targets: { cold: number | null; warm: number | null },
): Promise<Row[]> {
  const perThread = conversations === 1 ? Math.round(100 * options.scale) : Math.round(20 * options.scale);
  const runs = await repeat(options.runs, () =>
    withRig(options.connections, async (rig) => {
      const rateOf = async (): Promise<number> => {
        await rig.startThreads(conversations);
        const { elapsedMs } = await rig.ask({ type: 'turns', perThread });
        return (1000 * conversations * perThread) / elapsedMs;
      };
      const cold = await rateOf();
      for (let turns = conversations * perThread; turns < TURNS_BEFORE_WARM; turns += 50 * 20) {
        await rig.startThreads(50);
        await rig.ask({ type: 'turns', perThread: 20 });
      }
      const before = await rig.cpuMs();
      const warm = await rateOf();
      const after = await rig.cpuMs();
      const cpuOf = (name: 'daemon' | 'others') => (after[name] - before[name]) / (conversations * perThread);
      return { cold, warm, daemonCpu: cpuOf('daemon'), othersCpu: cpuOf('others') };
    }),
  );
  const row = (state: 'cold' | 'warm'): Row => ({
    name: `turns/s at ${conversations} conversation${conversations === 1 ? '' : 's'}, ${state}`,
    value: median(runs.map((run) => run[state])),
    unit: '/s',
    target: targets[state] === null ? null : { atLeast: targets[state] },
  });
  const cpuRow = (name: string, of: 'daemonCpu' | 'othersCpu'): Row => ({
    name: `  processor time a turn, warm: ${name}`,
    value: median(runs.map((run) => run[of])),
    unit: 'ms',
    target: null,
  });
  return [row('cold'), row('warm'), cpuRow('daemon', 'daemonCpu'), cpuRow('model server and client', 'othersCpu')];
}

async function repeat<T>(times: number, once: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let run = 0; run < times; run += 1) results.push(await once());
  return results;
}
