// The commands of a conversation that run on by themselves: listed for people, and ended by them. Session worker.
import { DaemonError } from '../errors.js';
import type { BackgroundTerminal, SessionCommand } from '../session/messages.js';
import { joinCommand } from '../rollout/join-command.js';
import { shellScriptOf } from './policy/shell-script.js';
import { measureTree } from './process-usage.js';
import type { SessionState } from './session-state.js';

interface Terminal extends BackgroundTerminal {
  startedAtMs: number;
}

export type TerminalCommand = SessionCommand & { type: 'listTerminals' | 'endTerminal' | 'endTerminals' };

/** Resolves to the result of the method that asks for it. Rejects with invalid_params, invalid_request. */
export async function answerTerminalCommand(state: SessionState, command: TerminalCommand): Promise<unknown> {
  switch (command.type) {
    case 'listTerminals':
      return listTerminals(state, command.cursor, command.limit);
    case 'endTerminal':
      return { terminated: await endTerminal(state, command.processId) };
    case 'endTerminals':
      await Promise.all(findTerminals(state).map(({ processId }) => endTerminal(state, processId)));
      return {};
  }
}

/** Oldest first. `cursor` is a former `nextCursor`, or null; throws invalid_params for another. */
async function listTerminals(
  state: SessionState,
  cursor: string | null,
  limit: number,
): Promise<{ data: BackgroundTerminal[]; nextCursor: string | null }> {
  const after = cursor === null ? null : parseCursor(cursor);
  const all = findTerminals(state).filter((terminal) => after === null || compare(terminal, after) > 0);
  const page = all.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = last === undefined || page.length === all.length ? null : toCursor(last);
  const data = await Promise.all(
    page.map(async ({ startedAtMs: _, ...terminal }) => ({ ...terminal, ...(await measureTree(terminal.osPid)) })),
  );
  return { data, nextCursor };
}

/** Resolves to whether there was one, and it has ended with all that it has started. */
async function endTerminal(state: SessionState, processId: string): Promise<boolean> {
  if (!/^\d+$/.test(processId)) {
    throw new DaemonError('invalid_request', 'invalid background terminal process id: it is no number');
  }
  if (!findTerminals(state).some((terminal) => terminal.processId === processId)) return false;
  const { survivors } = await state.tools.runner.terminate(Number(processId));
  return survivors.length === 0;
}

/** Those that a person sees as running: what the model has started, not what a person has. */
function findTerminals({ commands, tools }: SessionState): Terminal[] {
  const items = new Map([...commands].map((item) => [item.processId, item]));
  const found = tools.runner.list().flatMap(({ processId, pid, argv, cwd }): Terminal[] => {
    const item = items.get(String(processId));
    if (item === undefined) return [];
    return [
      {
        itemId: item.id,
        processId: String(processId),
        command: shellScriptOf(argv) ?? joinCommand(argv),
        cwd,
        osPid: pid,
        cpuPercent: null,
        rssKb: null,
        startedAtMs: item.startedAtMs,
      },
    ];
  });
  return found.sort(compare);
}

type Place = Pick<Terminal, 'startedAtMs' | 'processId'>;

function compare(one: Place, other: Place): number {
  return one.startedAtMs - other.startedAtMs || Number(one.processId) - Number(other.processId);
}

function toCursor({ startedAtMs, processId }: Place): string {
  return `${startedAtMs}.${processId}`;
}

function parseCursor(cursor: string): Place {
  const [, startedAtMs, processId] = /^(\d+)\.(\d+)$/.exec(cursor) ?? [];
  if (startedAtMs !== undefined && processId !== undefined) return { startedAtMs: Number(startedAtMs), processId };
  throw new DaemonError('invalid_params', `invalid cursor: ${cursor.slice(0, 100)}`, {
    data: { path: 'params.cursor' },
  });
}
