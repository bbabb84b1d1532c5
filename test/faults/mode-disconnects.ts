// --disconnects N: connections of clients cut at random, with a reattach after each. Main thread.
import { LONG_RUN, runDisconnects } from './disconnects/run-disconnects.js';
import { judgeDisconnects } from './disconnects/judge-disconnects.js';
import { formatJudgements, isAllWell } from '../support/judgement.js';
import type { FaultMode, ModeRun } from './mode.js';

const MAX_VIOLATIONS = 20;
const SHOWN_VIOLATIONS = 12;
const SELF_TEST_DISCONNECTS = 200;
/** The broken client loses every so manieth delta. */
const SWALLOWED = 60;

export const DISCONNECTS: FaultMode = {
  name: 'disconnects',
  share: 300,
  run: async ({ count, seed, conversations, print }) => {
    print(`disconnects: ${count}, seed ${seed}, ${conversations} conversations`);
    const startedAt = performance.now();
    const result = await runDisconnects({
      disconnects: count,
      seed,
      conversations,
      maxViolations: MAX_VIOLATIONS,
      onProgress: progressPrinter(count, print),
    });
    const judgements = judgeDisconnects(result, (performance.now() - startedAt) / 1000, count >= LONG_RUN);
    print(formatJudgements(judgements));
    for (const { kind, what, told, found } of result.violations.slice(0, SHOWN_VIOLATIONS)) {
      print(`\n${kind.toUpperCase()}  ${what}\n  told:  ${told ?? ''}\n  found: ${found ?? ''}`);
    }
    const isWell = isAllWell(judgements);
    if (!isWell) print(`\nAgain: npm run test:faults -- --no-self-test --disconnects ${count} --seed ${seed}\n`);
    return isWell;
  },
  selfTest: async ({ seed, conversations, print }) => {
    print(`self-test of disconnects: a client of each conversation loses a delta now and then`);
    let deltas = 0;
    const { violations } = await runDisconnects({
      disconnects: SELF_TEST_DISCONNECTS,
      seed,
      conversations,
      maxViolations: 1,
      swallow: ({ method }) => method === 'item/agentMessage/delta' && (deltas += 1) % SWALLOWED === 0,
      onProgress: () => {},
    });
    const lost = violations.filter(({ kind }) => kind === 'lost').length;
    print(lost > 0 ? '  as it should: a loss was reported\n' : '  WRONG: no loss was reported\n');
    return lost > 0;
  },
};

function progressPrinter(count: number, print: ModeRun['print']): (disconnects: number, violations: number) => void {
  const step = Math.max(100, count / 20);
  const startedAt = performance.now();
  let next = step;
  return (disconnects, violations) => {
    if (disconnects < next) return;
    next += step;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    print(`  ${disconnects} disconnects, ${seconds} s${violations > 0 ? `, ${violations} violations` : ''}`);
  };
}
