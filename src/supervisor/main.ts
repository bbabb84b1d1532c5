// Entry of the supervisor's process: `rolloutd start` runs it, with its options as JSON and the locked file as descriptor 3. Main thread.
import { fileURLToPath } from 'node:url';
import { RestartPolicy } from './restart-policy.js';
import type { SupervisorOptions } from './supervisor.js';
import { Supervisor } from './supervisor.js';

// This file is dist/src/supervisor/main.js once built.
const entry = fileURLToPath(new URL('../../../bin/rolloutd.js', import.meta.url));
const options = JSON.parse(process.argv[2] ?? '{}') as Pick<SupervisorOptions, 'home' | 'serveArgs' | 'adopt'>;

const wasTold = await new Supervisor({ ...options, entry, lockFd: 3, policy: new RestartPolicy() }).run();
process.exitCode = wasTold ? 0 : 1;
