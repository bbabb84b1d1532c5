// A session from its first message to its last: what a session worker runs, once per conversation. Session worker.
import { MessageChannel, threadId } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import type { SessionCommand, SessionEvent, SessionInit } from '../session/messages.js';
import { ApprovalDesk } from './approvals.js';
import { collectProjectInstructions, DEFAULT_ROOT_MARKERS } from './context/project-instructions.js';
import type { ProjectInstructions } from './context/project-instructions.js';
import { JournalKeeper } from './journal-keeper.js';
import { loadHistory } from './load-history.js';
import type { LoadedHistory } from './load-history.js';
import type { CommandItem } from './command-item.js';
import type { FileChangeItem } from './file-change-item.js';
import { createModel } from './model/create-model.js';
import { Outbox } from './outbox.js';
import { Recorder } from './recorder.js';
import { RolloutOpening } from './rollout-opening.js';
import { RolloutSink } from './rollout-sink.js';
import { Session } from './session.js';
import type { SessionState } from './session-state.js';
import { SessionTools } from './session-tools.js';
import { setStatus } from './session-state.js';
import { TokenTotals } from './token-totals.js';

/** Milliseconds by which appends lag behind when publishing goes first: the oracle's own test needs a visible loss. */
const UNSAFE_LAG_MS = 40;

/**
 * The first message is sessionConfigured with the id of the start request, the last one is `ended`; then the port
 * closes and the promise resolves. Never rejects: a failure travels in `ended`.
 */
export async function runSession(init: SessionInit): Promise<void> {
  const { port } = init;
  Atomics.store(init.workerThreadId, 0, threadId);
  const post = (event: SessionEvent): void => port.postMessage(event);
  const inbox = new Inbox(post);
  port.on('message', (command: SessionCommand) => inbox.take(command));
  let error: DaemonError | null = null;
  try {
    const history = await loadHistory(init.history, init.journalPath, init.conversationId);
    const instructions = await collectProjectInstructions({
      home: init.home,
      cwd: init.settings.cwd,
      maxBytes: init.settings.projectDocMaxBytes,
      fallbackNames: init.settings.projectDocFallbackNames,
      rootMarkers: DEFAULT_ROOT_MARKERS,
    });
    error = await serve(init, history, instructions, post, inbox);
  } catch (failure) {
    error = DaemonError.from(failure, 'session_failed');
  }
  post({ type: 'ended', error: error?.toData() ?? null });
  port.close();
}

/** Resolves when the session was asked to end, or to the error that ended it. */
async function serve(
  init: SessionInit,
  history: LoadedHistory,
  instructions: ProjectInstructions,
  post: (event: SessionEvent) => void,
  inbox: Inbox,
): Promise<DaemonError | null> {
  let session: Session | null = null;
  let isJournalFailureTold = false;
  const over = deferred();
  const sink =
    init.rolloutPath === null
      ? null
      : new RolloutSink({
          // Leads nowhere: the writer's comes with the first command.
          port: new MessageChannel().port1,
          size: history.size,
          tornTail: history.tornTail,
          lagMs: init.recordBeforePublish ? 0 : UNSAFE_LAG_MS,
          onAdvance: () => outbox.advance(),
          onFailed: (error) => {
            session?.fail(error);
            over.resolve();
          },
          onJournalFailed: (message) => {
            // What it holds ends in a torn line: until it is whole again nothing more of it can be read.
            state.journal.startAfresh();
            if (!isJournalFailureTold) post({ type: 'warning', message });
            isJournalFailureTold = true;
          },
        });
  const outbox = new Outbox(init.recordBeforePublish ? sink : null, (parts) => post({ type: 'batch', parts }));
  const state = makeState(init, history, outbox, sink, post);
  const { preview } = history;
  session = new Session({ state, opening: new RolloutOpening({ init, state, history, instructions }), sink, preview });
  const live = session;
  // Nobody will ask for its end any more.
  init.port.on('close', over.resolve);
  inbox.open((command) => {
    if (command.type === 'endSession') over.resolve();
    else live.handle(command);
  });
  post({
    type: 'sessionConfigured',
    submitId: init.submitId,
    conversationId: init.conversationId,
    threadId,
    history: {
      mode: history.mode,
      preview: history.preview,
      rolloutSize: history.size,
      warnings: [...history.warnings, ...instructions.warnings],
    },
    instructionSources: instructions.sources,
  });
  await over.promise;
  await live.end();
  return live.failure;
}

/** Commands wait until the session can take them, but for the question whether its thread is stuck. */
class Inbox {
  readonly #post: (event: SessionEvent) => void;
  #waiting: SessionCommand[] = [];
  #handle: ((command: SessionCommand) => void) | null = null;

  constructor(post: (event: SessionEvent) => void) {
    this.#post = post;
  }

  take(command: SessionCommand): void {
    if (command.type === 'ping') this.#answer();
    else if (this.#handle === null) this.#waiting.push(command);
    else this.#handle(command);
  }

  open(handle: (command: SessionCommand) => void): void {
    this.#handle = handle;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const command of waiting) handle(command);
  }

  #answer(): void {
    const { heapUsed, external } = process.memoryUsage();
    this.#post({ type: 'pong', heapBytes: heapUsed, bufferBytes: external });
  }
}

function makeState(
  init: SessionInit,
  history: LoadedHistory,
  outbox: Outbox,
  sink: RolloutSink | null,
  post: (event: SessionEvent) => void,
): SessionState {
  const { settings } = init;
  const commands = new Set<CommandItem>();
  const changes = new Set<FileChangeItem>();
  const journal = new JournalKeeper(sink, [commands, changes]);
  const recorder = new Recorder(sink, history.mode, history.nextOrdinal, () => journal.noteProgress());
  const state: SessionState = {
    conversationId: init.conversationId,
    outbox,
    recorder,
    desk: new ApprovalDesk({
      outbox,
      recorder,
      // What the journal holds of text that streams meanwhile must be said anew.
      onRecorded: () => {
        if (state.turn !== null && state.turn.openItems.size > 0) state.journal.noteProgress();
      },
      onWaiting: (activeFlags) => setStatus(state, { type: 'active', activeFlags }),
    }),
    journal,
    tokens: new TokenTotals(history.usage?.total ?? null, history.usage?.last ?? null, settings.contextWindow),
    history: history.items,
    sent: history.sent,
    baseInstructions: history.baseInstructions ?? settings.baseInstructions,
    settings,
    model: createModel(settings.provider),
    turn: null,
    commands,
    changes,
    tools: new SessionTools({
      conversationId: init.conversationId,
      home: init.home,
      secretNames: settings.secretNames,
      onProcess: (report) => post({ type: 'process', report }),
    }),
    interrupt: () => undefined,
    status: { type: 'idle' },
  };
  return state;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
