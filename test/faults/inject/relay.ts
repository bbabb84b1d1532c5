// Between the driver's pipe and the threads of the daemon. Main thread of the daemon.
import { syncBuiltinESMExports } from 'node:module';
import threads, { Worker } from 'node:worker_threads';
import type { BroadcastChannel, WorkerOptions } from 'node:worker_threads';
import type { DiskFault, Order, Report } from './orders.js';

/** Takes orders from the parent process, if there is one that speaks, and tells it which threads come and go. */
export function relayOrders(channel: BroadcastChannel): void {
  if (process.send === undefined) return;
  const tell = (report: Report): void => void process.send!(report, undefined, {}, ignoreLostParent);
  let faults: DiskFault[] = [];
  process.on('worker', (worker: Worker) => {
    const { threadId } = worker;
    worker.once('exit', () => tell({ type: 'exited', thread: threadId }));
  });
  channel.onmessage = (event: unknown) => {
    const report = (event as { data: Report }).data;
    tell(report);
    // A writer that takes a dead one's place meets the same disk.
    if (report.type === 'here' && report.role === 'writer') channel.postMessage({ type: 'disk', faults });
  };
  process.on('message', (order: Order) => {
    if (order.type === 'disk') faults = order.faults;
    channel.postMessage(order);
  });
  new Worker(new URL('./canary.js', import.meta.url)).unref();
  const heapMb = Number(process.env['ROLLOUTD_FAULTS_HEAP_MB'] ?? 0);
  if (heapMb > 0) limitHeaps(heapMb);
  // The daemon ends when it wants to.
  process.channel?.unref();
}

function ignoreLostParent(): void {}

/** Threads that set no limit of their own get this one, so that they are soon full; the main thread keeps its own. */
function limitHeaps(maxOldGenerationSizeMb: number): void {
  threads.Worker = class extends Worker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      super(file, { resourceLimits: { maxOldGenerationSizeMb }, ...options });
    }
  };
  syncBuiltinESMExports();
}
