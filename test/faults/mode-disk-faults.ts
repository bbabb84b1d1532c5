// --disk-faults N: full disks, input/output errors, read-only disks, writes that stop half-way. Main thread.
import { DiskScenario } from './disk-scenario.js';
import type { FaultMode } from './mode.js';
import { PRELOAD_ARGS } from './order-line.js';
import { runScenario } from './run-scenario.js';
import { mountHome } from './small-disk.js';
import type { MountedHome } from './small-disk.js';

export const DISK_FAULTS: FaultMode = {
  name: 'disk-faults',
  share: 10,
  run: async ({ count, ...run }) => {
    let disk: MountedHome | null = null;
    const result = await runScenario(
      {
        ...run,
        title: `faults of the disk: ${count}`,
        scenario: (home) => {
          disk = mountHome(home);
          if (disk === null) run.print('  no small disk can be mounted here: none is really full');
          return new DiskScenario({ ...run, faults: count, disk });
        },
        onDone: () => disk?.unmount(),
        nodeArgs: PRELOAD_ARGS,
      },
      `--disk-faults ${count}`,
    );
    return result.violations.length === 0;
  },
};
