// A soak from the start of the daemon to its end: load, then silence, then nobody. Main thread.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPLAY_BYTES } from '../faults/disconnects/kept.js';
import { WireClient } from '../faults/wire-client.js';
import type { WireClientOptions } from '../faults/wire-client.js';
import type { Violation } from '../faults/violation.js';
import { startChildProgram } from '../support/child-program.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';
import { startModelProcess } from '../support/model-process.js';
import { processorMs } from '../support/process-sample.js';
import { ProcessWatch } from '../support/process-watch.js';
import { askHeldMb, endLoopDelay, selfReportEnv } from '../support/self-report.js';
import { makeTempHome } from '../support/temp-home.js';
import { WireProxy } from '../support/wire-proxy.js';
import type { SoakMeasured } from './judge-soak.js';
import { SoakLoad } from './soak-load.js';
import type { SoakCounts } from './soak-load.js';

export interface SoakOptions {
  minutes: number;
  conversations: number;
  seed: number;
  /** Of each of the two times of silence. */
  idleSeconds: number;
  onMinute: (minute: number, watch: ProcessWatch, counts: SoakCounts) => void;
}

export interface SoakResult {
  measured: SoakMeasured;
  counts: SoakCounts;
  violations: Violation[];
  stderr: string;
}

/** Unloads, and V8's collections of what is garbage by then, which come up to 70 s later, belong to the load. */
const SETTLE_MS = 75_000;

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const model = await startModelProcess(join(import.meta.dirname, '..', 'faults', 'model', 'main.js'));
  const home = await makeTempHome({ modelBaseUrl: model.baseUrl, extraToml: 'thread_unload_delay_secs = 1' });
  const proxy = await WireProxy.start({ keepLog: false });
  const files = { daemon: join(home.root, 'daemon-report'), control: join(home.root, 'control-report') };
  let daemon: DaemonProcess | null = null;
  try {
    const control = await startChildProgram({
      command: process.execPath,
      args: ['--eval', 'setInterval(() => {}, 2 ** 30); process.stdout.write("ready ")'],
      env: selfReportEnv(files.control),
      readyPattern: /(ready)/,
    });
    daemon = await startDaemonProcess({
      home: home.path,
      args: ['-c', `replay_bytes=${REPLAY_BYTES}`],
      env: selfReportEnv(files.daemon),
    });
    proxy.setTarget(daemon.url);
    const target = { url: daemon.url, host: new URL(daemon.url).host, token: daemon.token };
    const watch = new ProcessWatch(daemon.pid);
    const load = new SoakLoad({ ...options, workspace: home.workspace, proxy, target });
    const firstHalf = options.minutes / 2;
    await passTime({ ...options, from: 0, to: firstHalf }, watch, load);
    const half = await askHeldMb(daemon.pid, files.daemon);
    await passTime({ ...options, from: firstHalf, to: options.minutes }, watch, load);
    const heldMb = { half, end: await askHeldMb(daemon.pid, files.daemon) };
    await watch.stop();
    const loopDelay = await endLoopDelay(daemon.pid, files.daemon);
    const controlDelay = await endLoopDelay(control.pid, files.control);
    await load.stop();
    const idleCores = await measureIdle(daemon, target, home.workspace, options);
    const { samples } = watch;
    const measured = { samples, heldMb, loopDelay, controlDelay, idleCores, violations: load.violations.length };
    const stderr = daemon.stderr();
    await Promise.all([daemon.stop(), control.kill('SIGKILL')]);
    return { measured, counts: load.counts, violations: load.violations, stderr };
  } finally {
    await daemon?.kill();
    await proxy.close();
    await model.stop();
    await home.remove();
  }
}

interface Stretch extends Pick<SoakOptions, 'onMinute'> {
  /** In minutes. */
  from: number;
  to: number;
}

async function passTime({ from, to, onMinute }: Stretch, watch: ProcessWatch, load: SoakLoad): Promise<void> {
  for (let minute = from; minute < to; minute += 1) {
    await sleep(60_000 * Math.min(1, to - minute));
    onMinute(Math.min(minute + 1, to), watch, load.counts);
  }
}

async function measureIdle(
  { pid }: DaemonProcess,
  target: WireClientOptions,
  workspace: string,
  { conversations, idleSeconds }: SoakOptions,
): Promise<SoakMeasured['idleCores']> {
  const clients = await Promise.all(Array.from({ length: conversations }, () => WireClient.open(target)));
  for (const client of clients) {
    const { thread } = await client.request('thread/start', { cwd: workspace });
    const input = [{ type: 'text', text: 'say hello', text_elements: [] }];
    const { turn } = await client.request('turn/start', { threadId: (thread as { id: string }).id, input });
    await client.turnEnd((turn as { id: string }).id);
  }
  const subscribed = await measureCores(pid, idleSeconds);
  for (const client of clients) client.close();
  await Promise.all(clients.map(({ closed }) => closed));
  return { subscribed, alone: await measureCores(pid, idleSeconds) };
}

async function measureCores(pid: number, seconds: number): Promise<number> {
  await sleep(SETTLE_MS);
  const before = { atMs: performance.now(), cpuMs: await processorMs(pid) };
  await sleep(seconds * 1000);
  return ((await processorMs(pid)) - before.cpuMs) / (performance.now() - before.atMs);
}
