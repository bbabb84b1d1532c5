// What a run with slow clients showed, row by row, and what of it must hold. Any thread.
import type { Judgement } from '../../support/judgement.js';
import { describeTimes, percentile } from '../lateness.js';
import { slackOf } from '../slack.js';
import type { SlowClientsResult } from './run-slow-clients.js';
import type { SlowOutcome } from './slow-client.js';

/** Beside slow clients an event may reach the others by so much later, at the 99th percentile. */
const LATER_MS = 10;
/** For each slow client: what may wait for it, what its socket and the replies to it hold, and garbage of the same size. */
const MB_FOR_EACH = 2 * (32 + 1);
const TOO_SLOW = 1013;
/** What a client sees that was not told, as it did not read. */
const CUT_OFF = 1006;

/** How late events are is judged only where `judgesTimes` says so. */
export function judgeSlowClients(result: SlowClientsResult, judgesTimes: boolean): Judgement[] {
  const { alone, beside, stallMs, slow, samples, violations } = result;
  const bound = percentile(alone, 0.99) + LATER_MS + slackOf(stallMs.beside);
  const p99 = percentile(beside, 0.99);
  const rss = samples.map(({ rssMb }) => rssMb);
  const grown = Math.max(...rss) - (rss[0] ?? 0);
  const mayGrow = MB_FOR_EACH * slow.length + 100;
  return [
    { name: 'events', value: String(result.events) },
    { name: 'late at a reader, nobody slow', value: describeTimes(alone) },
    {
      name: 'late at a reader, beside slow ones',
      value: `${describeTimes(beside)}; p99 at most ${bound.toFixed(0)} ms`,
      isOk: beside.length > 0 && (p99 <= bound || !judgesTimes),
    },
    ...slow.map(judgeOutcome),
    { name: 'memory, growth', value: `${grown.toFixed(0)} MB, at most ${mayGrow} MB`, isOk: grown <= mayGrow },
    { name: 'wrong in what anybody saw', value: String(violations.length), isOk: violations.length === 0 },
  ];
}

function judgeOutcome(outcome: SlowOutcome): Judgement {
  const { kind, name, cutOffAfterMs, closed, joined, replayed, resynced, requests, replies, skippedReplies } = outcome;
  const codes = kind === 'dozing' ? [TOO_SLOW] : [TOO_SLOW, CUT_OFF];
  // The last request may have come when the connection was being closed already.
  const isAnswered = skippedReplies === 0 && (closed?.code !== TOO_SLOW || requests - replies <= 1);
  const isTold = closed !== null && (closed.code !== TOO_SLOW || closed.reason.includes('afterSeq'));
  const end = closed === null ? 'never closed' : `closed with ${closed.code} "${closed.reason}"`;
  const when = cutOffAfterMs === null ? 'never cut off' : `cut off after ${(cutOffAfterMs / 1000).toFixed(1)} s`;
  return {
    name,
    value: `${when}, ${end}; ${joined} joined frames, ${resynced > 0 ? 'too much to replay' : `${replayed} replayed`}, ${replies} replies of ${requests}`,
    isOk: cutOffAfterMs !== null && isTold && codes.includes(closed.code) && replayed + resynced > 0 && isAnswered,
  };
}
