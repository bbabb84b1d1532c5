// What conversations do until the daemon is killed under them. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Interruption, Step } from './plan.js';
import type { Random } from './random.js';
import type { FactCounts } from './told.js';
import { ToldThread } from './told.js';
import { ConnectionLost, RequestRefused } from './wire-client.js';
import type { TurnEnd, WireClient } from './wire-client.js';

/** One conversation over all the kills that it lives through. */
export interface Conversation {
  /** Unique in the run. */
  name: string;
  /** Counted from 1. */
  number: number;
  /** Null until thread/start was answered. */
  told: ToldThread | null;
  /** Rounds until another takes its place. */
  roundsLeft: number;
  sentInputs: number;
}

/** Told at each end of a step; `end` is null after a pause, or when the request was refused. */
export type StepEnd = (
  conversation: Conversation,
  told: ToldThread,
  client: WireClient,
  end: TurnEnd | null,
) => Promise<void>;

export interface WorkplaceOptions {
  client: WireClient;
  random: Random;
  workspace: string;
  counts: FactCounts;
  /** Opens one more connection; rejects with ConnectionLost once the daemon is gone. */
  openClient: () => Promise<WireClient>;
  /** Called when thread/start was answered. */
  onStarted: (told: ToldThread) => void;
  planStep: (random: Random) => Step;
  /** True for a refusal that does not end the work. */
  tolerates: (refusal: RequestRefused) => boolean;
  onStepEnd: StepEnd;
}

/** Before a conversation whose request was refused asks again. */
const AFTER_REFUSAL_MS = 20;

/**
 * Goes from step to step until the connection is lost, which is how it ends: with ConnectionLost. Rejects with another
 * error when the daemon does not work.
 */
export async function work(conversation: Conversation, options: WorkplaceOptions): Promise<never> {
  let told: ToldThread | null = null;
  while (told === null) {
    try {
      told = await ensureStarted(conversation, options);
    } catch (error) {
      // Whoever is told that nothing was started asks again.
      if (!(error instanceof RequestRefused) || !options.tolerates(error)) throw error;
      await sleep(AFTER_REFUSAL_MS);
    }
  }
  for (;;) {
    const end = await tryStep(conversation, told, options.planStep(options.random), options);
    await options.onStepEnd(conversation, told, options.client, end);
  }
}

async function tryStep(
  conversation: Conversation,
  told: ToldThread,
  step: Step,
  options: WorkplaceOptions,
): Promise<TurnEnd | null> {
  try {
    return await takeStep(conversation, told, step, options);
  } catch (error) {
    if (!(error instanceof RequestRefused) || !options.tolerates(error)) throw error;
    await sleep(AFTER_REFUSAL_MS);
    return null;
  }
}

export async function ensureStarted(conversation: Conversation, options: WorkplaceOptions): Promise<ToldThread> {
  if (conversation.told !== null) return conversation.told;
  const { thread } = await options.client.request('thread/start', { cwd: options.workspace });
  const told = new ToldThread((thread as { id: string }).id, options.counts);
  conversation.told = told;
  options.onStarted(told);
  return told;
}

/** Starts a turn, or adds to the running one. Returns its id. */
export async function startTurn(
  conversation: Conversation,
  told: ToldThread,
  client: WireClient,
  command: string,
): Promise<string> {
  const input = newInput(conversation, told, command);
  const { turn } = await client.request('turn/start', { threadId: told.threadId, input });
  return (turn as { id: string }).id;
}

async function takeStep(
  conversation: Conversation,
  told: ToldThread,
  step: Step,
  options: WorkplaceOptions,
): Promise<TurnEnd | null> {
  if (step.type === 'pause') {
    await sleep(step.forMs);
    return null;
  }
  const { client } = options;
  const turnId = await startTurn(conversation, told, client, commandOf(step));
  const interruptions = step.during.map((interruption) => interrupt(conversation, told, turnId, interruption, options));
  const [end] = await Promise.all([client.turnEnd(turnId), ...interruptions]);
  return end;
}

function commandOf(step: Exclude<Step, { type: 'pause' }>): string {
  switch (step.type) {
    case 'echo':
      return `say ${'word '.repeat(step.words).trim()}`;
    case 'deltas':
      return `deltas ${step.count} ${step.size} ${step.gapMs}`;
    case 'special':
      return step.command;
  }
}

/** May come too late for its turn: then the daemon refuses, or a new turn starts, and both are fine. */
async function interrupt(
  conversation: Conversation,
  told: ToldThread,
  turnId: string,
  interruption: Interruption,
  options: WorkplaceOptions,
): Promise<void> {
  const { client, openClient } = options;
  const threadId = told.threadId;
  await sleep(interruption.afterMs);
  try {
    switch (interruption.type) {
      case 'steer': {
        const input = newInput(conversation, told, 'also');
        await client.request('turn/steer', { threadId, expectedTurnId: turnId, input });
        return;
      }
      case 'startAgain': {
        await client.turnEnd(await startTurn(conversation, told, client, 'and'));
        return;
      }
      case 'interrupt':
        await client.request('turn/interrupt', { threadId, turnId });
        return;
      case 'attach': {
        const guest = await openClient();
        await guest.request('thread/resume', { threadId });
        // The conversation does not wait for its guests to leave.
        setTimeout(() => guest.close(), interruption.stayMs).unref();
      }
    }
  } catch (error) {
    if (error instanceof RequestRefused && (interruption.type !== 'attach' || options.tolerates(error))) return;
    throw error;
  }
}

/** Two parts: a mark that makes the text the only one of its kind, and what the model goes by. */
function newInput(conversation: Conversation, told: ToldThread, command: string): unknown[] {
  conversation.sentInputs += 1;
  const parts = [`#${conversation.name}.${conversation.sentInputs} `, command];
  told.noteInput(parts.join(''));
  return parts.map((text) => ({ type: 'text', text, text_elements: [] }));
}

/** True for the one way in which work may end. */
export function isKill(error: unknown): boolean {
  return error instanceof ConnectionLost;
}
