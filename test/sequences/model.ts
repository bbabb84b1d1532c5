// What the conversations of a home should look like: plain data that every operation replaces. Any thread.
//
// Conversations, turns and clients have labels instead of ids: a conversation and a turn are called by the number of the
// operation that made them, so that a program stays the same program when operations are taken out of it.

/** One file of a conversation: its n-th, counted from 0; each revert begins another. */
export interface FileRef {
  thread: number;
  segment: number;
}

export interface Message {
  role: 'user' | 'assistant';
  text: string;
  /** False for what a client injected: the model sees it, people do not. */
  shown: boolean;
}

export interface Turn {
  label: number;
  status: 'inProgress' | 'completed' | 'interrupted';
  messages: readonly Message[];
  /** After a kill: how much of this text is left, a beginning of it or nothing, is seen when the files are. */
  atMost: string | null;
}

/** What a history consists of, in order; `file` holds it. */
export type Entry =
  { type: 'turn'; file: FileRef; turn: Turn } | { type: 'injected'; file: FileRef; messages: readonly Message[] };

export interface RunningTurn {
  turn: number;
  /** What has streamed of the answer. */
  said: string;
  /** The operation whose gate the model waits at. */
  gate: number;
}

export interface Thread {
  label: number;
  mode: 'paginated' | 'legacy';
  ephemeral: boolean;
  forkedFrom: number | null;
  place: 'sessions' | 'archive' | 'gone';
  /** There is a file. */
  materialized: boolean;
  loaded: boolean;
  /** Numbers of clients, ascending. */
  subscribers: readonly number[];
  entries: readonly Entry[];
  running: RunningTurn | null;
  name: string | null;
  /** What it is still known by when a revert has left it without words of a user. */
  formerPreview: string;
  /** The language model of the next turn. */
  model: string;
  /** What the segments go on from, one for each; null for one that begins with nothing. */
  bases: readonly (FileRef | null)[];
}

export interface Model {
  threads: ReadonlyMap<number, Thread>;
  /** Every turn that ever was. */
  turns: ReadonlySet<number>;
  /** A conversation that all clients have left is unloaded soon after; otherwise never. */
  unloadsWhenLeft: boolean;
}

export const DEFAULT_MODEL = 'gpt-5.5';

export function emptyModel(unloadsWhenLeft: boolean): Model {
  return { threads: new Map(), turns: new Set(), unloadsWhenLeft };
}

export function threadOf(model: Model, label: number): Thread {
  const thread = model.threads.get(label);
  if (thread === undefined) throw new Error(`there is no conversation t${label}`);
  return thread;
}

export function withThread(model: Model, label: number, patch: Partial<Thread>): Model {
  return putThread(model, { ...threadOf(model, label), ...patch });
}

export function putThread(model: Model, thread: Thread): Model {
  return { ...model, threads: new Map(model.threads).set(thread.label, thread) };
}

/** Replaces every conversation by what `change` makes of it. */
export function withThreads(model: Model, change: (thread: Thread) => Thread): Model {
  return { ...model, threads: new Map([...model.threads].map(([label, thread]) => [label, change(thread)])) };
}

export function currentFile(thread: Thread): FileRef {
  return { thread: thread.label, segment: Math.max(0, thread.bases.length - 1) };
}

export function isSameFile(a: FileRef | null, b: FileRef | null): boolean {
  return a?.thread === b?.thread && a?.segment === b?.segment;
}

export function turnsOf(thread: Pick<Thread, 'entries'>): Turn[] {
  return thread.entries.flatMap((entry) => (entry.type === 'turn' ? [entry.turn] : []));
}

/** Turns with what streams just now at the end of the running one, as clients see them. */
export function shownTurns(thread: Thread): Turn[] {
  const { running } = thread;
  return turnsOf(thread).map((turn) =>
    running === null || turn.label !== running.turn ? turn : { ...turn, messages: [...turn.messages, said(running)] },
  );
}

export function said(running: RunningTurn): Message {
  return { role: 'assistant', text: running.said, shown: true };
}

export function findTurn(thread: Thread, label: number): Turn | null {
  return turnsOf(thread).find((turn) => turn.label === label) ?? null;
}

export function withTurn(thread: Thread, label: number, change: (turn: Turn) => Turn): Thread {
  const entries = thread.entries.map((entry) =>
    entry.type === 'turn' && entry.turn.label === label ? { ...entry, turn: change(entry.turn) } : entry,
  );
  return { ...thread, entries };
}

/** All messages that the language model is to be given before the next input. */
export function modelView(thread: Thread): Message[] {
  return thread.entries.flatMap((entry) => (entry.type === 'turn' ? entry.turn.messages : entry.messages));
}

/** The first words of a user; empty while nobody has said anything. */
export function previewOf(thread: Pick<Thread, 'entries'>): string {
  const messages = turnsOf(thread).flatMap((turn) => turn.messages);
  return messages.find(({ role, shown }) => role === 'user' && shown)?.text ?? '';
}

/** What stands for it in what a daemon shows. Nobody is to find an ephemeral one by its words. */
export function shownPreview(thread: Thread): string {
  if (thread.ephemeral) return thread.formerPreview;
  return previewOf(thread) || thread.formerPreview;
}

/** The archive shows all that lies there. */
export function isListed(thread: Thread): boolean {
  const { materialized, place } = thread;
  return materialized && (place === 'archive' || (place === 'sessions' && shownPreview(thread) !== ''));
}

/** A turn that is cut short: what streamed stays. */
export function interrupted(thread: Thread): Thread {
  const { running } = thread;
  if (running === null) return thread;
  const ended = withTurn(thread, running.turn, (turn) => ({
    ...turn,
    status: 'interrupted',
    messages: [...turn.messages, said(running)],
  }));
  return { ...ended, running: null };
}

/** Out of memory: what has no file is gone. */
export function unloaded(thread: Thread): Thread {
  if (!thread.loaded) return thread;
  const place = thread.materialized ? thread.place : 'gone';
  return { ...interrupted(thread), loaded: false, subscribers: [], place };
}

/** Conversations whose files go on from a file of this one. */
export function dependentsOf(model: Model, label: number): Thread[] {
  return [...model.threads.values()].filter(
    (thread) =>
      thread.label !== label && thread.place !== 'gone' && thread.bases.some((base) => base?.thread === label),
  );
}

/** The conversation and all that depend on it, directly or not. */
export function withDependents(model: Model, label: number): number[] {
  const found = new Set([label]);
  for (const each of found) for (const dependent of dependentsOf(model, each)) found.add(dependent.label);
  return [...found];
}
