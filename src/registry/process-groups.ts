// The processes that each conversation's commands have started: ended here when their session no longer can. Main thread.
import { endProcesses } from '../session/end-processes.js';
import type { EndReport } from '../session/end-processes.js';
import {
  CONVERSATION_MARK,
  hasVariable,
  OWNER_MARK,
  ownerMark,
  parseOwnerMark,
  readVariable,
  thisOwner,
} from '../session/process-mark.js';
import type { ProcessReport } from '../session/process-report.js';
import { isRunning, listProcesses, selectByEnvironment } from '../session/process-table.js';
import type { ProcessIdentity } from '../session/process-table.js';

export class ProcessGroups {
  readonly #home: string;
  readonly #groups = new Map<string, Map<number, ProcessIdentity>>();

  constructor(home: string) {
    this.#home = home;
  }

  /** Of every session, in the order that it was told in. */
  note(conversationId: string, { type, process: { pid, startTime } }: ProcessReport): void {
    const known = this.#groups.get(conversationId);
    if (type === 'processStarted') {
      const groups = known ?? new Map<number, ProcessIdentity>();
      this.#groups.set(conversationId, groups.set(pid, { pid, startTime }));
    } else if (known?.get(pid)?.startTime === startTime) {
      // The conversation stays known: what the process has started may still be there.
      known.delete(pid);
    }
  }

  /** Leaders of the groups that run as far as is known here. */
  list(conversationId: string): ProcessIdentity[] {
    return [...(this.#groups.get(conversationId)?.values() ?? [])];
  }

  /**
   * Ends all of a conversation whose session is gone; within two seconds, and never rejects. Another session of it may
   * start commands only after this has resolved: they would be taken for those of the former one.
   */
  async endConversation(conversationId: string): Promise<EndReport> {
    if (!this.#groups.has(conversationId)) return { found: 0, survivors: [] };
    const leaders = this.list(conversationId);
    this.#groups.delete(conversationId);
    return endProcesses({ leaders, isMarked: hasVariable(CONVERSATION_MARK, conversationId) });
  }

  /** Ends all that this daemon's conversations have started, for its exit; within two seconds, and never rejects. */
  async endAll(): Promise<EndReport> {
    if (this.#groups.size === 0) return { found: 0, survivors: [] };
    const leaders = [...this.#groups.values()].flatMap((groups) => [...groups.values()]);
    this.#groups.clear();
    return endProcesses({ leaders, isMarked: hasVariable(OWNER_MARK, ownerMark(thisOwner(this.#home))) });
  }

  /** Ends what former daemons of the home have left behind when they were killed; for the start. Never rejects. */
  async endOrphans(): Promise<EndReport> {
    const orphaned = await findDeadOwners(this.#home);
    if (orphaned.size === 0) return { found: 0, survivors: [] };
    const tests = [...orphaned].map((mark) => hasVariable(OWNER_MARK, mark));
    return endProcesses({ leaders: [], isMarked: (environment) => tests.some((test) => test(environment)) });
  }
}

/** Marks of daemons of the home that are gone, as found on processes that are not. */
async function findDeadOwners(home: string): Promise<Set<string>> {
  const here = thisOwner(home);
  const marks = new Set<string>();
  await selectByEnvironment(await listProcesses(), (environment) => {
    const mark = readVariable(environment, OWNER_MARK);
    if (mark !== null) marks.add(mark);
    return false;
  });
  for (const mark of marks) {
    const owner = parseOwnerMark(mark);
    // What counts its processes elsewhere, in a container, may live unseen.
    const isOurs = owner !== null && owner.home === here.home && owner.pidSpace === here.pidSpace;
    if (!isOurs || (await isRunning(owner))) marks.delete(mark);
  }
  return marks;
}
