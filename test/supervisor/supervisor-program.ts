// A supervisor in a process of its own that restarts at once: node supervisor-program.js HOME DAEMON [DAEMON_ARGUMENT...]
import { RestartPolicy } from '../../src/supervisor/restart-policy.js';
import { Supervisor } from '../../src/supervisor/supervisor.js';

const [, , home = '', entry = '', ...serveArgs] = process.argv;
const policy = new RestartPolicy(1);
const wasTold = await new Supervisor({ home, entry, serveArgs, adopt: null, lockFd: 2, policy }).run();
process.exitCode = wasTold ? 0 : 1;
