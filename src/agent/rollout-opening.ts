// What a session writes before anything else: the head of a new file, the end of a broken turn, the settings, what the
// model is told of its surroundings. Each once, and only when there is a reason to write. Session worker.
import { basename } from 'node:path';
import { v7 as uuid } from 'uuid';
import type { TurnError } from '../protocol/thread.js';
import type { RolloutLine } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { LostTurn, SessionInit, SessionSettings } from '../session/messages.js';
import { changedContextItems, initialContextItems } from './context-messages.js';
import type { ContextFacts } from './context-messages.js';
import type { ProjectInstructions } from './context/project-instructions.js';
import type { LoadedHistory } from './load-history.js';
import type { PendingRecovery } from './recovery.js';
import { recoveredHistory, withToldItems, writeRecovery } from './recovery.js';
import type { SessionState } from './session-state.js';
import { remember } from './session-state.js';
import { userShell } from './shell-path.js';
import { sessionMetaPayload, settingsAppliedPayload } from './turn-lines.js';

export interface OpeningParts {
  init: SessionInit;
  state: SessionState;
  history: Pick<LoadedHistory, 'inherited' | 'recovery' | 'endsInCopy'>;
  instructions: ProjectInstructions;
}

export class RolloutOpening {
  readonly #init: SessionInit;
  readonly #state: SessionState;
  readonly #inherited: RolloutLine[];
  #recoveredItems: ResponseItem[];
  #recovery: PendingRecovery | null;
  #fileExists: boolean;
  #contextGiven: boolean;
  #settingsRecorded: boolean;
  readonly #facts: ContextFacts;
  /** What the model was last told of. */
  #told: SessionSettings;

  /** Adds to the model's history what the recovery brings back. */
  constructor({ init, state, history: { inherited, recovery, endsInCopy }, instructions }: OpeningParts) {
    this.#init = init;
    this.#state = state;
    this.#inherited = inherited;
    this.#recovery = recovery;
    this.#fileExists = init.history.type === 'resumed';
    // A copy says nothing of this conversation; where it ends is told by its own settings.
    this.#settingsRecorded = init.history.type === 'resumed' && !endsInCopy;
    this.#recoveredItems = recovery === null ? [] : recoveredHistory(recovery);
    state.history.push(...this.#recoveredItems);
    this.#contextGiven = state.history.length > 0;
    this.#facts = { shell: basename(userShell()), instructions };
    this.#told = state.settings;
  }

  get fileExists(): boolean {
    return this.#fileExists;
  }

  /** True while a broken turn of a former session has not been closed in the file. */
  get holdsRecovery(): boolean {
    return this.#recovery !== null;
  }

  /** Sees to it that there is a file, with all that a new one begins with. Writes nothing to one that was there. */
  createFile(): void {
    if (this.#fileExists) return;
    this.#fileExists = true;
    const { recorder, baseInstructions } = this.#state;
    recorder.write('session_meta', sessionMetaPayload(this.#init, recorder.mode, baseInstructions, uuid()));
    for (const line of this.#inherited) recorder.copy(line);
    // Others begin with an input, which sees to the rest.
    if (this.#init.history.type !== 'continued' && this.#init.history.type !== 'copied') return;
    this.#closeBrokenTurn();
    this.recordSettings();
  }

  /** All that must precede an input. */
  prepareInput(): void {
    this.createFile();
    this.#closeBrokenTurn();
  }

  /** Before the first words of a user, and where something is not as the model was told. */
  giveContext(turnId: string): void {
    const { settings } = this.#state;
    const facts = this.#facts;
    const items = this.#contextGiven
      ? changedContextItems({ settings: this.#told, facts }, { settings, facts }, turnId)
      : initialContextItems(settings, turnId, facts);
    this.#contextGiven = true;
    this.#told = settings;
    for (const item of items) remember(this.#state, item);
  }

  /** Does nothing when the file says how that turn ended. Before any input. */
  endLostTurn({ turnId, error, toldItems }: LostTurn): void {
    if (this.#recovery?.turnId !== turnId) return;
    const { history, recorder } = this.#state;
    // Lines of the legacy mode do not tell which items they are of.
    if (recorder.mode === 'paginated') {
      this.#recovery = withToldItems(this.#recovery, toldItems);
      history.splice(history.length - this.#recoveredItems.length);
      this.#recoveredItems = recoveredHistory(this.#recovery);
      history.push(...this.#recoveredItems);
    }
    this.#closeBrokenTurn(error);
  }

  settingsChanged(): void {
    this.#settingsRecorded = false;
  }

  recordSettings(): void {
    if (this.#settingsRecorded) return;
    this.#settingsRecorded = true;
    const { recorder, conversationId, settings } = this.#state;
    recorder.write('event_msg', settingsAppliedPayload(conversationId, settings));
  }

  /** As interrupted, or as failed with an error. */
  #closeBrokenTurn(error: TurnError | null = null): void {
    if (this.#recovery === null) return;
    writeRecovery(this.#recovery, this.#recoveredItems, this.#state, error);
    this.#state.sent.endTurn(this.#recovery.turnId, error === null ? 'interrupted' : 'failed');
    this.#recovery = null;
  }
}
