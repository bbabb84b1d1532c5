// How a turn ends whose model breaks off, falls silent, or says what means nothing. Any thread.
import type { WireItem } from './items.js';
import { userText } from './items.js';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';
import type { TurnEnd } from './wire-client.js';

/** A command of the scripted model, and how the turn ends that meets it. */
export interface ModelFault {
  title: string;
  command: string;
  /** With one attempt more of the daemon. */
  ends: 'completed' | 'failed';
}

const BROKEN: readonly [string, string][] = [
  ['connection refused to answer', 'drop'],
  ['connection cut', 'cut after 5'],
  ['stream that ends too early', 'end-early'],
  ['garbage in the stream', 'garbage'],
  ['server error', 'fail 500 server_error'],
];

/** The daemon tries once more: what fails once mends, what fails nine times does not. */
export const MODEL_FAULTS: readonly ModelFault[] = [
  ...BROKEN.flatMap(([title, command]): ModelFault[] => [
    { title: `${title}, once`, command: `${command} 1`, ends: 'completed' },
    { title: `${title}, for good`, command: `${command} 9`, ends: 'failed' },
  ]),
  { title: 'stream that falls silent', command: 'hang', ends: 'failed' },
  { title: 'no answer at all', command: 'stall', ends: 'failed' },
];

export interface ModelFaultFindings {
  violations: Violation[];
  /** Turns that met one and came to their end, by its title. */
  met: string[];
  /** When each was under way. */
  windows: { what: string; fromMs: number; untilMs: number; victims: string[] }[];
}

interface SeenTurn {
  threadId: string;
  fromMs: number;
  fault: ModelFault | null;
  /** What the user said beside: steering changes what the model answers. */
  inputs: number;
}

/** `connections` are the logs of one life; a turn that takes longer than `limitMs` and `slackOf` its time is a violation. */
export function checkModelFaults(
  connections: readonly LoggedConnection[],
  limitMs: number,
  slackSince: (fromMs: number) => number,
): ModelFaultFindings {
  const findings: ModelFaultFindings = { violations: [], met: [], windows: [] };
  const ended = new Set<string>();
  for (const { messages } of connections) {
    const turns = new Map<string, SeenTurn>();
    for (const { message, atMs } of messages) {
      const { method, params } = message;
      const { threadId, turnId, turn, item } = (params ?? {}) as {
        threadId: string;
        turnId: string;
        turn: TurnEnd;
        item: WireItem;
      };
      if (method === 'turn/started') turns.set(turn.id, { threadId, fromMs: atMs, fault: null, inputs: 0 });
      if (method === 'item/completed' && item.type === 'userMessage') noteInput(turns.get(turnId), item);
      if (method !== 'turn/completed') continue;
      const seen = turns.get(turn.id);
      if (seen?.fault == null || seen.inputs > 1 || ended.has(turn.id)) continue;
      ended.add(turn.id);
      const { fault, fromMs } = seen;
      findings.met.push(fault.title);
      findings.windows.push({ what: fault.title, fromMs, untilMs: atMs, victims: [threadId] });
      const tookMs = atMs - fromMs;
      const mostMs = limitMs + slackSince(fromMs);
      if (turn.status === fault.ends && tookMs <= mostMs) continue;
      const told = `${fault.ends} within ${mostMs.toFixed(0)} ms`;
      const found = `${turn.status} ${turn.error?.message ?? ''} after ${tookMs.toFixed(0)} ms`;
      findings.violations.push({
        kind: 'broken',
        threadId,
        what: `a turn ended otherwise (${fault.title})`,
        told,
        found,
      });
    }
  }
  return findings;
}

function noteInput(turn: SeenTurn | undefined, item: WireItem): void {
  if (turn === undefined) return;
  turn.inputs += 1;
  const text = userText(item.content ?? []);
  turn.fault ??= MODEL_FAULTS.find(({ command }) => text.endsWith(` ${command}`)) ?? null;
}
