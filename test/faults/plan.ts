// What happens in one round: when and how the daemon is ended, and what each conversation does until then. Any thread.
import type { Random } from './random.js';

/** What a client must have been given for a triggered kill, as bytes of a frame. */
export const TRIGGERS = {
  'a reply to turn/start': '"result":{"turn":{',
  'a reply to turn/steer': '"result":{"turnId"',
  'item/started': '"method":"item/started"',
  'a delta': '"method":"item/agentMessage/delta"',
  'item/completed': '"method":"item/completed"',
  'turn/completed': '"method":"turn/completed"',
} as const;

export type TriggerName = keyof typeof TRIGGERS;

export type Moment =
  /** So long after the conversations began to work. */
  | { type: 'timer'; afterMs: number }
  /** Right when the n-th of its kind was told, or after `latestMs`. */
  | { type: 'trigger'; trigger: TriggerName; nth: number; delayMs: number; latestMs: number }
  /** So long after the process was spawned, ready or not, with nobody connected. */
  | { type: 'startup'; afterMs: number }
  /** So long after all clients asked to resume. */
  | { type: 'resume'; afterMs: number };

/** A moment in the midst of work. */
export type WorkMoment = Extract<Moment, { type: 'timer' | 'trigger' }>;

export interface KillPlan {
  moment: Moment;
  /** SIGTERM is the end in good order: it has to keep all that was streamed. */
  signal: 'SIGKILL' | 'SIGTERM';
}

export function planKill(random: Random): KillPlan {
  const moment = planMoment(random);
  // An end in good order right after a resume must leave what the kill before it left.
  const share = moment.type === 'resume' ? 0.4 : 0.12;
  return { moment, signal: random.chance(share) ? 'SIGTERM' : 'SIGKILL' };
}

function planMoment(random: Random): Moment {
  const roll = random.next();
  if (roll < 0.06) return { type: 'startup', afterMs: random.int(0, 350) };
  if (roll < 0.14) return { type: 'resume', afterMs: random.int(0, 60) };
  return chooseWorkMoment(random, roll);
}

/** A moment in the midst of work, with its description. */
export function planWorkMoment(random: Random): { title: string; moment: WorkMoment } {
  const moment = chooseWorkMoment(random, random.next());
  return { title: describeMoment(moment), moment };
}

function chooseWorkMoment(random: Random, roll: number): WorkMoment {
  if (roll < 0.5) {
    return {
      type: 'trigger',
      trigger: random.pick(Object.keys(TRIGGERS) as TriggerName[]),
      nth: random.int(1, 14),
      delayMs: random.chance(0.7) ? 0 : random.int(1, 4),
      latestMs: 900,
    };
  }
  if (roll < 0.75) return { type: 'timer', afterMs: random.int(0, 350) };
  return { type: 'timer', afterMs: random.int(350, 1100) };
}

export type Interruption =
  | { type: 'steer'; afterMs: number }
  /** turn/start while the turn runs: the protocol's other way to steer. */
  | { type: 'startAgain'; afterMs: number }
  | { type: 'interrupt'; afterMs: number }
  /** Another client joins, and stays for a while. */
  | { type: 'attach'; afterMs: number; stayMs: number };

export type Step =
  | { type: 'echo'; words: number; during: Interruption[] }
  | { type: 'deltas'; count: number; size: number; gapMs: number; during: Interruption[] }
  /** Whatever else the model may do: reason, call a tool, break off, fail. */
  | { type: 'special'; command: string; during: Interruption[] }
  | { type: 'pause'; forMs: number };

/** Of the scripted model server. */
const SPECIAL_COMMANDS = [
  'reason',
  'phases',
  'call unknown_tool {}',
  'cut after 5 1',
  'drop 1',
  'end-early 1',
  'respfail server_is_overloaded',
  'incomplete',
  'fail 400',
  'fail 500 server_error 1',
];

export function planStep(random: Random): Step {
  const roll = random.next();
  if (roll < 0.35) {
    return { type: 'echo', words: random.int(1, 40), during: random.chance(0.2) ? [planInterruption(random, 5)] : [] };
  }
  if (roll < 0.42) return { type: 'pause', forMs: random.int(1, 120) };
  if (roll < 0.54) {
    const during = random.chance(0.2) ? [planInterruption(random, 5)] : [];
    return { type: 'special', command: random.pick(SPECIAL_COMMANDS), during };
  }
  const count = random.int(1, 120);
  const gapMs = random.pick([0, 0, 1, 3, 10, 25]);
  const during = Array.from({ length: random.pick([0, 0, 1, 1, 2, 3]) }, () =>
    planInterruption(random, count * gapMs + 30),
  );
  return { type: 'deltas', count, size: random.pick([3, 8, 16, 60, 400]), gapMs, during };
}

export function planInterruption(random: Random, withinMs: number): Interruption {
  const afterMs = random.int(0, Math.min(withinMs, 600));
  const roll = random.next();
  if (roll < 0.3) return { type: 'steer', afterMs };
  if (roll < 0.4) return { type: 'startAgain', afterMs };
  if (roll < 0.65) return { type: 'interrupt', afterMs };
  return { type: 'attach', afterMs, stayMs: random.pick([5, 50, 300, 5000]) };
}

/** How many rounds a conversation lives before another takes its place. */
export function planLifetime(random: Random): number {
  return random.int(3, 14);
}

export function describePlan({ moment, signal }: KillPlan): string {
  return `${signal} ${describeMoment(moment)}`;
}

function describeMoment(moment: Moment): string {
  switch (moment.type) {
    case 'startup':
      return `${moment.afterMs} ms after spawn`;
    case 'resume':
      return `${moment.afterMs} ms after asking to resume`;
    case 'timer':
      return `${moment.afterMs} ms into the work`;
    case 'trigger':
      return `${moment.delayMs} ms after ${moment.trigger}, number ${moment.nth}`;
  }
}
