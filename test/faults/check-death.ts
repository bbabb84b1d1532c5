// What clients must be told when a session worker dies, and what others must not notice. Any thread.
import type { WireMessage } from './byte-log.js';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';
import type { TurnEnd } from './wire-client.js';

/** Within this time its conversations work again. */
export const REVIVAL_MS = 2000;

export interface Death {
  /** How, for people. */
  way: string;
  orderedAtMs: number;
  deadAtMs: number;
  /** Until which log entry it is the last death. */
  untilMs: number;
  /** Conversations whose session ran in the worker. */
  hosted: readonly string[];
  /** What a loaded machine is given on top of any time. */
  slackMs: number;
}

export interface DeathFindings {
  violations: Violation[];
  turnsCut: number;
  /** From the death to the end of the turns that it cut. */
  endedAfterMs: number[];
}

/** `connections` are the logs of the life in which it happened. */
export function checkDeath(death: Death, connections: readonly LoggedConnection[]): DeathFindings {
  const findings: DeathFindings = { violations: [], turnsCut: 0, endedAfterMs: [] };
  for (const threadId of death.hosted) {
    const log = connections.find(({ requests }) => works(requests, threadId));
    if (log !== undefined) checkHosted(death, threadId, log, findings);
  }
  checkOthers(death, connections, findings);
  return findings;
}

function works(requests: LoggedConnection['requests'], threadId: string): boolean {
  return [...requests.values()].some(({ method, params }) => method === 'turn/start' && params.threadId === threadId);
}

interface Notice {
  atMs: number;
  message: WireMessage;
}

function checkHosted(death: Death, threadId: string, log: LoggedConnection, findings: DeathFindings): void {
  const report = (what: string, told: string, found: string) =>
    findings.violations.push({ kind: 'broken', threadId, what: `${what} (${death.way})`, told, found });
  const notices = log.messages.filter(({ message }) => message.params?.threadId === threadId);
  const after = notices.filter(({ atMs }) => atMs >= death.orderedAtMs && atMs < death.untilMs);
  const dueMs = death.deadAtMs + REVIVAL_MS + death.slackMs;
  const intended = `within ${REVIVAL_MS} ms of the worker's death`;
  if (!after.some((notice) => isSystemError(notice) && notice.atMs <= dueMs)) {
    report('no systemError was told of a conversation whose worker died', intended, describeNotices(after));
  }
  if (after.some(({ message }) => message.method === 'thread/closed')) {
    report('a conversation whose worker died was closed', 'loaded again', 'thread/closed');
  }
  const turnId = runningTurn(notices, death.deadAtMs);
  if (turnId === null) return;
  const end = after.find(({ message }) => message.method === 'turn/completed' && turnOf(message).id === turnId);
  if (end === undefined || end.atMs > dueMs) {
    const found = end === undefined ? describeNotices(after) : `after ${(end.atMs - death.deadAtMs).toFixed(0)} ms`;
    report('no end was told of a turn whose worker died', intended, found);
    return;
  }
  const { status, error } = turnOf(end.message);
  // It had ended before, and was on its way: to be told so is right as well.
  if (status !== 'failed' && error == null) return;
  findings.turnsCut += 1;
  findings.endedAfterMs.push(end.atMs - death.deadAtMs);
  const told = `${status}, ${error?.additionalDetails}`;
  if (told !== 'failed, worker_lost') report('the end of a turn whose worker died', 'failed, worker_lost', told);
  const isError = ({ message: { method, params } }: Notice) => method === 'error' && params?.turnId === turnId;
  if (!after.some((notice) => isError(notice) && notice.message.params?.willRetry === false)) {
    report('no error was told of a turn whose worker died', 'error, willRetry false', describeNotices(after));
  }
}

/** Conversations of other workers are told nothing of it. */
function checkOthers(death: Death, connections: readonly LoggedConnection[], findings: DeathFindings): void {
  const isOther = (threadId: unknown) => typeof threadId === 'string' && !death.hosted.includes(threadId);
  for (const { messages } of connections) {
    for (const { message, atMs } of messages) {
      const threadId = message.params?.threadId;
      if (!isOther(threadId) || atMs < death.orderedAtMs || atMs >= death.untilMs || !tellsOfLoss(message)) continue;
      const what = `a conversation of another worker was told of its death (${death.way})`;
      findings.violations.push({ kind: 'broken', threadId: threadId as string, what, found: message.method! });
    }
  }
}

function tellsOfLoss(message: WireMessage): boolean {
  const { method, params } = message;
  if (method === 'thread/closed') return true;
  if (method === 'error') return (params!.error as { additionalDetails?: string }).additionalDetails === 'worker_lost';
  return method === 'turn/completed' && turnOf(message).error?.additionalDetails === 'worker_lost';
}

function isSystemError({ message: { method, params } }: Notice): boolean {
  return method === 'thread/status/changed' && (params!.status as { type: string }).type === 'systemError';
}

/** The turn that clients knew to be running at that time. */
function runningTurn(notices: readonly Notice[], atMs: number): string | null {
  let running: string | null = null;
  for (const { message, atMs: arrivedAtMs } of notices) {
    if (arrivedAtMs > atMs) break;
    if (message.method === 'turn/started') running = turnOf(message).id;
    if (message.method === 'turn/completed') running = null;
  }
  return running;
}

function turnOf(message: WireMessage): TurnEnd {
  return message.params!.turn as TurnEnd;
}

function describeNotices(notices: readonly Notice[]): string {
  return shorten(notices.map(({ message }) => message.method).join(', '), 400);
}
