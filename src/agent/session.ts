// One live conversation: takes commands in order, runs turns, answers through the ordered outbox. Session worker.
import type { MessagePort } from 'node:worker_threads';
import { v7 as uuid } from 'uuid';
import { DaemonError } from '../errors.js';
import type { UserInput } from '../protocol/thread.js';
import type { LostTurn, SessionCommand, SettingsPatch } from '../session/messages.js';
import { wakeTurn } from './active-turn.js';
import type { ActiveTurn } from './active-turn.js';
import { answerTerminalCommand } from './background-terminals.js';
import { announceTurn, beginTurn } from './begin-turn.js';
import { announceCompletion, announceStart } from './item-news.js';
import { digestInput } from './input-digest.js';
import type { CoreItem } from '../rollout/line.js';
import { previewOfInput } from '../rollout/preview.js';
import { toInjectedItems } from './injected-items.js';
import { createModel } from './model/create-model.js';
import type { ModelClient } from './model/model.js';
import type { PublishLevel } from './outbox.js';
import type { RolloutOpening } from './rollout-opening.js';
import type { RolloutSink } from './rollout-sink.js';
import type { SentMessage } from './sent-messages.js';
import type { SessionState } from './session-state.js';
import { announceSettings, applySettings } from './settings.js';
import { remember, setStatus } from './session-state.js';
import { makeSnapshot } from './session-snapshot.js';
import { abandonTurn, failTurn, interruptTurn, newWireTurn } from './turn-ending.js';
import { hostResponseItem, itemLines, turnContextPayload, userThreadItem } from './turn-lines.js';
import { cutCommands } from './command-item.js';
import { cutAttempt, cutTurn, runTurn } from './turn-loop.js';
import { UserShell } from './user-shell.js';
import { needsNoFiles, normalizeInput, toCoreInput, toModelContent, toModelContentSync } from './user-input.js';

type StartTurn = SessionCommand & { type: 'startTurn' };
type SteerTurn = SessionCommand & { type: 'steerTurn' };
type InterruptTurn = SessionCommand & { type: 'interruptTurn' };
type RunShellCommand = SessionCommand & { type: 'runShellCommand' };

export interface SessionParts {
  state: SessionState;
  opening: RolloutOpening;
  sink: RolloutSink | null;
  preview: string;
}

export class Session {
  readonly #state: SessionState;
  readonly #opening: RolloutOpening;
  readonly #sink: RolloutSink | null;
  #preview: string;
  #failure: DaemonError | null = null;
  #isEnding = false;
  readonly #retiredModels: ModelClient[] = [];
  #running: Promise<void> = Promise.resolve();
  /** Commands wait here while an image of an earlier one is read. */
  #order: Promise<void> | null = null;

  constructor(parts: SessionParts) {
    this.#state = parts.state;
    this.#opening = parts.opening;
    this.#sink = parts.sink;
    this.#preview = parts.preview;
    parts.state.interrupt = () => this.#interruptTurn(() => undefined);
  }

  /** Commands of one conversation take effect in the order in which they arrive. */
  handle(command: SessionCommand): void {
    if (command.type === 'interruptTurn') return this.#interrupt(command);
    if (command.type === 'answerServerRequest') {
      return this.#state.desk.answer(command.requestKey, command.answer, command.by);
    }
    if (command.type === 'replaceWriter') return this.#replaceWriter(command.port);
    if (command.type === 'loseWriter') return this.#sink?.fail(DaemonError.fromData(command.error));
    if (this.#order !== null || ('input' in command && !needsNoFiles(command.input))) {
      const order: Promise<void> = (this.#order ?? Promise.resolve())
        .then(() => this.#handleWithFiles(command))
        .finally(() => {
          if (this.#order === order) this.#order = null;
        });
      this.#order = order;
      return;
    }
    this.#handleNow(command, 'input' in command ? toModelContentSync(command.input) : []);
  }

  /** The rollout cannot be written any more: every waiting request is told, nothing unrecorded is published. */
  fail(error: DaemonError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    const { outbox, turn } = this.#state;
    const unanswered = outbox.abandonRollout();
    for (const requestId of unanswered) outbox.push({ type: 'error', requestId, error: error.toData() });
    if (turn !== null) abandonTurn(this.#state, turn, error, !unanswered.includes(turn.requestId));
    else setStatus(this.#state, { type: 'systemError' });
  }

  get failure(): DaemonError | null {
    return this.#failure;
  }

  /** Ends a running turn as interrupted and closes the rollout. Resolves when all of it is on disk. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const { model, tools } = this.#state;
    await this.#committed();
    const { turn } = this.#state;
    if (turn !== null && this.#failure === null) {
      cutTurn(this.#state, turn);
      cutCommands(this.#state);
      interruptTurn(this.#state, turn, () => undefined);
    }
    // Its commands say how they ended while there is somebody to record it.
    await tools.endCommands();
    cutCommands(this.#state);
    await this.#running;
    // What the journal holds is not recorded yet: the writer must not drop it.
    if (this.#opening.holdsRecovery) this.#sink?.abandon();
    else await this.#sink?.close();
    this.#state.outbox.flush();
    for (const each of [model, ...this.#retiredModels]) each.close();
  }

  async #handleWithFiles(command: SessionCommand): Promise<void> {
    const content = 'input' in command ? await toModelContent(command.input) : [];
    this.#handleNow(command, content);
  }

  #handleNow(command: SessionCommand, content: unknown[]): void {
    if ('requestId' in command && (this.#failure !== null || this.#isEnding)) {
      const reason = this.#failure === null ? '' : `: ${this.#failure.message}`;
      return this.#refuse(command.requestId, new DaemonError('session_over', `the session has ended${reason}`));
    }
    try {
      this.#carryOut(command, content);
      // What it recorded makes the rollout larger than the journal says: the text of what runs must be said anew.
      this.#state.journal.noteProgress();
    } catch (error) {
      if ('requestId' in command) this.#refuse(command.requestId, DaemonError.from(error, 'session_failed'));
    }
  }

  #carryOut(command: SessionCommand, content: unknown[]): void {
    switch (command.type) {
      case 'startTurn':
        return this.#startTurn(command, content);
      case 'steerTurn':
        return this.#steerTurn(command, content);
      case 'takeSnapshot':
        return this.#takeSnapshot(command.requestId);
      case 'materialize':
        return this.#materialize(command.requestId);
      case 'updateSettings':
        return this.#updateSettings(command.requestId, command.settings);
      case 'injectItems':
        return this.#injectItems(command.requestId, command.items);
      case 'endLostTurn':
        return this.#endLostTurn(command.requestId, command.turn);
      case 'runShellCommand':
        return this.#runShellCommand(command);
      case 'listTerminals':
      case 'endTerminal':
      case 'endTerminals':
        return this.#replyLater(command.requestId, answerTerminalCommand(this.#state, command));
      case 'interruptTurn':
      case 'answerServerRequest':
      case 'replaceWriter':
      case 'loseWriter':
      case 'endSession':
      case 'ping':
        return;
    }
  }

  #startTurn(command: StartTurn, content: unknown[]): void {
    const state = this.#state;
    const sent = this.#findSent(command);
    if (sent !== null) {
      return this.#reply(command.requestId, { turn: newWireTurn(sent.turnId, null, sent.status) });
    }
    const { outputSchema = null, ...lasting } = command.overrides;
    const changed = this.#applySettings(lasting);
    const active = state.turn;
    if (active !== null) {
      if (changed) {
        state.recorder.write('turn_context', turnContextPayload(active.id, state.settings));
        this.#opening.recordSettings();
        announceSettings(this.#state);
      }
      this.#addUserMessage(active, command.input, command.clientId, content, () =>
        this.#reply(command.requestId, { turn: newWireTurn(active.id, null) }),
      );
      return;
    }
    const turn = beginTurn(state, this.#opening, command.requestId, outputSchema);
    if (changed) announceSettings(this.#state);
    this.#addUserMessage(turn, command.input, command.clientId, content, () => {
      this.#reply(command.requestId, { turn: newWireTurn(turn.id, null) });
      announceTurn(state, turn, this.#preview);
    });
    this.#run(turn);
  }

  #runShellCommand(request: RunShellCommand): void {
    const state = this.#state;
    const active = state.turn;
    const turn = active ?? beginTurn(state, this.#opening, request.requestId, null);
    this.#reply(request.requestId, {});
    if (active === null) announceTurn(state, turn, this.#preview);
    new UserShell(state, turn, request).start();
    if (active === null) this.#run(turn);
  }

  #run(turn: ActiveTurn): void {
    this.#running = runTurn(this.#state, turn).catch((error: unknown) => this.#failTurn(turn, error));
  }

  /** A fault of our own, or a model that says what nobody expects: it ends this turn, not the worker. */
  #failTurn(turn: ActiveTurn, error: unknown): void {
    if (turn.ended) return;
    cutTurn(this.#state, turn);
    const message = `the turn failed unexpectedly: ${error instanceof Error ? error.message : String(error)}`;
    failTurn(this.#state, turn, { message, codexErrorInfo: 'other', additionalDetails: null, misalignment: null });
  }

  /** A message that a client sends again, which it does when it does not know what became of it: nothing is to be done. */
  #findSent({ clientId, input }: StartTurn | SteerTurn): SentMessage | null {
    return this.#state.sent.find(clientId, toCoreInput(normalizeInput(input)));
  }

  #steerTurn(command: SteerTurn, content: unknown[]): void {
    const sent = this.#findSent(command);
    if (sent !== null) return this.#reply(command.requestId, { turnId: sent.turnId });
    const turn = this.#state.turn;
    if (turn === null) {
      return this.#refuse(command.requestId, new DaemonError('no_active_turn', 'no active turn to steer'));
    }
    if (turn.id !== command.expectedTurnId) {
      const message = `expected active turn id \`${command.expectedTurnId}\` but found \`${turn.id}\``;
      return this.#refuse(command.requestId, new DaemonError('active_turn_mismatch', message));
    }
    this.#addUserMessage(turn, command.input, command.clientId, content, () =>
      this.#reply(command.requestId, { turnId: turn.id }),
    );
  }

  /**
   * Records the user's words in the turn and shows them. A running answer is cut and kept as far as it came; the model
   * is asked again with everything. `reply` runs after the lines are appended and before anybody else is told. Without
   * input there is nothing to show: the model is asked, unless it answers already.
   */
  #addUserMessage(
    turn: ActiveTurn,
    input: readonly UserInput[],
    clientId: string | null,
    content: unknown[],
    reply: () => void,
  ): void {
    const state = this.#state;
    const { recorder, conversationId } = state;
    if (input.length === 0) {
      if (turn.attempt === null) turn.needsAnswer = true;
      wakeTurn(turn);
      return reply();
    }
    if (turn.attempt !== null) cutAttempt(state, turn);
    const normalized = normalizeInput(input);
    const coreContent = toCoreInput(normalized);
    const now = Date.now();
    const id = uuid();
    turn.usedItemIds.add(id);
    if (this.#preview === '') this.#preview = previewOfInput(coreContent);
    remember(state, hostResponseItem('user', turn.id, content, 'user.text'));
    if (clientId !== null) state.sent.add(clientId, digestInput(coreContent));
    const core: CoreItem = {
      type: 'UserMessage',
      id,
      ...(clientId === null ? {} : { client_id: clientId }),
      content: coreContent,
    };
    recorder.writeAll(itemLines(recorder.mode, conversationId, turn.id, core, now, now));
    turn.needsAnswer = true;
    wakeTurn(turn);
    reply();
    announceStart(state, turn, userThreadItem(id, clientId, normalized, now, null), now);
    announceCompletion(state, turn, userThreadItem(id, clientId, normalized, now, now), now);
  }

  #interrupt(command: InterruptTurn): void {
    if (this.#failure !== null) return this.#refuse(command.requestId, this.#failure);
    const state = this.#state;
    const turn = state.turn;
    if (turn === null) {
      if (command.turnId === '') return this.#reply(command.requestId, {});
      return this.#refuse(command.requestId, new DaemonError('no_active_turn', 'no active turn to interrupt'));
    }
    if (command.turnId !== '' && command.turnId !== turn.id) {
      const message = `expected active turn id ${command.turnId} but found ${turn.id}`;
      return this.#refuse(command.requestId, new DaemonError('active_turn_mismatch', message));
    }
    this.#interruptTurn(() => this.#reply(command.requestId, {}));
  }

  /** Stop means stop: also what earlier turns have left running. A patch that is being written is waited for. */
  #interruptTurn(reply: () => void): void {
    const state = this.#state;
    const { turn } = state;
    if (turn === null) return reply();
    const committed = this.#committed();
    if (committed !== null) {
      // Others may have ended it meanwhile.
      void committed.then(() => (state.turn === turn ? this.#interruptTurn(reply) : reply()));
      return;
    }
    cutTurn(state, turn);
    cutCommands(state);
    void state.tools.endCommands();
    interruptTurn(state, turn, reply);
  }

  /** Resolves when all calls that cannot be cut any more have ended; null when there are none. */
  #committed(): Promise<unknown> | null {
    const calls = [...(this.#state.turn?.runningCalls ?? [])].flatMap(({ commitment }) => commitment ?? []);
    return calls.length === 0 ? null : Promise.all(calls);
  }

  #replaceWriter(port: MessagePort): void {
    if (this.#sink === null) return port.close();
    this.#sink.replacePort(port);
    this.#state.journal.startAfresh();
  }

  #takeSnapshot(requestId: number): void {
    const snapshot = makeSnapshot(this.#state, this.#sink?.end ?? 0);
    this.#state.outbox.push({ type: 'snapshot', requestId, snapshot });
  }

  #materialize(requestId: number): void {
    this.#opening.createFile();
    // Clients were told of them.
    this.#opening.recordSettings();
    this.#state.outbox.push({ type: 'state', patch: { materialized: this.#sink !== null } });
    this.#reply(requestId, {});
  }

  #updateSettings(requestId: number, patch: SettingsPatch): void {
    const changed = this.#applySettings(patch);
    // A conversation that has no file yet records its settings with its first input.
    if (changed && this.#opening.fileExists) {
      this.#opening.prepareInput();
      this.#opening.recordSettings();
    }
    this.#reply(requestId, {});
    if (changed) announceSettings(this.#state);
  }

  /** A turn that its former session has ended in the file stays as it is there. */
  #endLostTurn(requestId: number, turn: LostTurn): void {
    this.#opening.endLostTurn(turn);
    this.#reply(requestId, {}, 'synced');
  }

  #injectItems(requestId: number, items: readonly unknown[]): void {
    const sound = toInjectedItems(items, this.#state.turn?.id ?? uuid());
    this.#opening.prepareInput();
    this.#opening.giveContext(uuid());
    this.#opening.recordSettings();
    for (const item of sound) remember(this.#state, item);
    this.#state.outbox.push({ type: 'state', patch: { materialized: this.#sink !== null } });
    this.#reply(requestId, {});
  }

  /** True when anything changed; whoever calls it records that before it is announced. */
  #applySettings(patch: SettingsPatch): boolean {
    const { settings } = this.#state;
    const next = applySettings(settings, patch);
    if (next === settings) return false;
    this.#state.settings = next;
    if (next.provider !== settings.provider) {
      // A request that runs on the former one goes on.
      this.#retiredModels.push(this.#state.model);
      this.#state.model = createModel(next.provider);
    }
    this.#opening.settingsChanged();
    return true;
  }

  #reply(requestId: number, result: unknown, level: PublishLevel = 'written'): void {
    this.#state.outbox.push({ type: 'reply', requestId, result: JSON.stringify(result) }, level);
  }

  #replyLater(requestId: number, result: Promise<unknown>): void {
    void result.then(
      (value) => this.#reply(requestId, value),
      (error: unknown) => this.#refuse(requestId, DaemonError.from(error, 'session_failed')),
    );
  }

  #refuse(requestId: number, error: DaemonError): void {
    this.#state.outbox.push({ type: 'error', requestId, error: error.toData() });
  }
}
