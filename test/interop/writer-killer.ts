// Loaded into a daemon by --import: its rollout writer's thread ends at SIGUSR2, as if it had died. Main thread.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type * as workerThreads from 'node:worker_threads';
import { isMainThread } from 'node:worker_threads';

/** Workers are started with the options of their main thread, this module included. */
if (isMainThread) {
  const threads = createRequire(import.meta.url)('node:worker_threads') as typeof workerThreads;
  threads.Worker = class extends threads.Worker {
    constructor(file: string | URL, options?: workerThreads.WorkerOptions) {
      super(file, options);
      if (options?.name !== 'rollout-writer') return;
      const kill = () => void this.terminate();
      process.once('SIGUSR2', kill);
      this.once('exit', () => process.removeListener('SIGUSR2', kill));
    }
  };
  syncBuiltinESMExports();
}
