// --slow-clients N: so many clients of each kind that do not keep up, beside 50 that do. Main thread.
import { formatJudgements, isAllWell } from '../support/judgement.js';
import type { FaultMode } from './mode.js';
import { judgeSlowClients } from './slow-clients/judge-slow-clients.js';
import { runSlowClients } from './slow-clients/run-slow-clients.js';

const READERS = 50;
const PATIENCE_MS = 60_000;
const SHOWN_VIOLATIONS = 12;

export const SLOW_CLIENTS: FaultMode = {
  name: 'slow-clients',
  share: 1,
  run: async ({ count, judgesTimes, print }) => {
    print(`slow clients: ${count} of each kind, beside ${READERS} readers of one conversation`);
    const result = await runSlowClients({ slow: count, readers: READERS, patienceMs: PATIENCE_MS });
    const judgements = judgeSlowClients(result, judgesTimes);
    print(formatJudgements(judgements));
    for (const { kind, what, found } of result.violations.slice(0, SHOWN_VIOLATIONS)) {
      print(`\n${kind.toUpperCase()}  ${what}\n  found: ${found ?? ''}`);
    }
    return isAllWell(judgements);
  },
};
