// What a run of Codex for the fixtures is: who drives it, on which script, and what becomes of its files. Types only.
import type { Script } from './scripted-replies.js';
import type { Stage } from './stage.js';

export interface Run {
  /** Of the fixture, where the run makes just one; it then need not call `keep`. */
  name: string;
  script: Script;
  /** Lines for config.toml; tables last. */
  settings: string;
  drive(stage: Stage): Promise<void>;
}
