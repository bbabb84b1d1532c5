// What a mode of the fault driver brings to the oracle: how each life of the daemon goes and ends, and what else is
// held of it. Any thread.
import type { WireProxy } from '../support/wire-proxy.js';
import type { DaemonLife } from './daemon-life.js';
import type { Step } from './plan.js';
import type { Random } from './random.js';
import type { StallMeter } from './stall-meter.js';
import type { LoggedConnection, ToldThread } from './told.js';
import type { Violation } from './violation.js';
import type { RequestRefused, WireClient } from './wire-client.js';
import type { Conversation, StepEnd } from './workload.js';

/** What a scenario sees while conversations work. */
export interface Scene {
  life: DaemonLife;
  proxy: WireProxy;
  stalls: StallMeter;
  /** Those that work, started or not. */
  conversations: readonly Conversation[];
  clients: readonly WireClient[];
  report: (violations: readonly Violation[]) => void;
}

export interface LifePlan {
  /** For people: how this life goes. */
  title: string;
  /** SIGTERM is the end in good order: it has to keep all that was streamed. */
  signal: 'SIGKILL' | 'SIGTERM';
  moment:
    | { type: 'startup'; afterMs: number }
    | { type: 'resume'; afterMs: number }
    /** Conversations work until this resolves; then the life is ended, unless that was done already. */
    | { type: 'work'; until: (scene: Scene) => Promise<void> };
}

export interface Scenario {
  /** True when there have been enough of its faults; asked after each life, of which there were so many. */
  isOver(lives: number): boolean;
  /** For the lines that tell how far a run is. */
  progress(lives: number): string;
  /** From the seed and the number of the life, from 1, only. */
  planLife(life: number): LifePlan;
  /** Steps of the conversations; those of the killing mode unless given. */
  planStep?: (random: Random) => Step;
  /** A refusal that is part of the play. All others are violations. */
  tolerates?: (refusal: RequestRefused) => boolean;
  onStepEnd?: StepEnd;
  /** What is held of what one life told, beyond what always is. */
  inspectLife?: (life: DaemonLife, connections: readonly LoggedConnection[]) => Violation[];
  /**
   * What happens to the files, and to what may be expected of them, while no daemon runs. Called before they are looked
   * at.
   */
  afterLife?: (life: DaemonLife, threads: ReadonlyMap<string, ToldThread>) => Promise<void>;
  /** What is held of the run as a whole: faults that met nothing tried nothing. */
  inspectRun?: () => Violation[];
  /** False when text that was streaming may be lost whole. */
  readonly keepsStreams?: boolean;
  /** Rows of the final table, before the common ones. */
  describe(): [string, string][];
}
