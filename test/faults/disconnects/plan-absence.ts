// How a connection of a client goes and how it ends, and what the client does until it comes back. Any thread.
import type { Cut } from '../../support/wire-proxy.js';
import type { Random } from '../random.js';

export type CutMoment =
  /** So long after the connection was made: while the client says who it is. */
  | { type: 'greeting'; afterMs: number }
  /** So long after thread/resume was sent. */
  | { type: 'resuming'; afterMs: number }
  /** Right when so many messages have come since the reply to thread/resume, or when time is over. */
  | { type: 'message'; nth: number; latestMs: number }
  /** So long after the reply to thread/resume. */
  | { type: 'timer'; afterMs: number };

export interface ConnectionPlan {
  moment: CutMoment;
  /** `leave`: the client itself says good-bye. */
  how: Cut | 'leave';
  /** Of what is cut in two: how much still passes. */
  share: number;
  /** Of a silent connection: milliseconds until the client gives it up, and until the daemon is told. */
  giveUpMs: number;
  resetMs: number;
  /** Milliseconds until the client is there again. */
  awayMs: number;
  /** What the client says it has seen. */
  claim: 'honest' | 'otherEpoch' | 'ahead' | 'nothing';
}

export function planConnection(random: Random): ConnectionPlan {
  const moment = planMoment(random);
  return {
    moment,
    how: planCut(random, moment),
    share: random.next(),
    giveUpMs: random.int(5, 250),
    resetMs: random.int(0, 3000),
    awayMs: planAbsence(random),
    claim: random.chance(0.92) ? 'honest' : random.pick(['otherEpoch', 'ahead', 'nothing'] as const),
  };
}

function planMoment(random: Random): CutMoment {
  const roll = random.next();
  if (roll < 0.06) return { type: 'greeting', afterMs: random.int(0, 5) };
  if (roll < 0.22) return { type: 'resuming', afterMs: random.int(0, 12) };
  if (roll < 0.65) return { type: 'message', nth: random.int(1, 80), latestMs: 1500 };
  return { type: 'timer', afterMs: random.int(0, random.pick([10, 100, 600])) };
}

function planCut(random: Random, moment: CutMoment): ConnectionPlan['how'] {
  const roll = random.next();
  if (roll < 0.3) return 'reset';
  if (roll < 0.5) return 'end';
  if (roll < 0.72) return 'midFrame';
  if (roll < 0.94) return 'silent';
  return moment.type === 'resuming' ? 'midRequest' : 'leave';
}

function planAbsence(random: Random): number {
  const roll = random.next();
  if (roll < 0.55) return 0;
  if (roll < 0.85) return random.int(1, 100);
  return random.int(100, 1500);
}

/** What the model is asked for, and what happens meanwhile. */
export interface TurnPlan {
  command: string;
  interruptAfterMs: number | null;
  steerAfterMs: number | null;
  /** Nothing happens for so long afterwards. */
  pauseMs: number;
}

const SPECIAL_COMMANDS = [
  'reason',
  'phases',
  'call unknown_tool {}',
  'cut after 5 1',
  'fail 500 server_error 1',
  'fail 400',
];

export function planTurn(random: Random): TurnPlan {
  const undisturbed = { interruptAfterMs: null, steerAfterMs: null, pauseMs: 0 };
  const roll = random.next();
  if (roll < 0.2) return { ...undisturbed, command: `say ${'word '.repeat(random.int(1, 60)).trim()}` };
  if (roll < 0.3) return { ...undisturbed, command: random.pick(SPECIAL_COMMANDS) };
  const count = random.int(20, 150);
  const gapMs = random.pick([1, 4, 8, 15]);
  const withinMs = Math.min(count * gapMs, 600);
  return {
    command: `deltas ${count} ${random.pick([8, 16, 60, 300])} ${gapMs}`,
    interruptAfterMs: random.chance(0.12) ? random.int(5, withinMs) : null,
    steerAfterMs: random.chance(0.12) ? random.int(5, withinMs) : null,
    pauseMs: 0,
  };
}
