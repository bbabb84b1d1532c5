// What may happen to the conversations of a home, one step each. Types, and how a program is printed. Any thread.

/** Turns are named by the operation that started them. */
export type Cut = { type: 'whole' } | { type: 'through'; turn: number } | { type: 'before'; turn: number };

interface ByClient {
  client: number;
  thread: number;
}

export type Operation = { label: number } & (
  | { type: 'start'; client: number; mode: 'paginated' | 'legacy'; ephemeral: boolean }
  /** Runs to its end; while another turn runs it steers that one. `model` holds from then on. */
  | ({ type: 'turn'; text: string; model: string | null } & ByClient)
  /** The model says `said` and then waits for a release. */
  | ({ type: 'hold'; said: string } & ByClient)
  | { type: 'release'; thread: number }
  /** Waits until what streams is in its journal. */
  | { type: 'journal'; thread: number }
  | ({ type: 'interrupt' } & ByClient)
  | ({ type: 'fork'; cut: Cut; byPath: boolean; ephemeral: boolean } & ByClient)
  | ({ type: 'revert'; before: number } & ByClient)
  | ({ type: 'archive' } & ByClient)
  | ({ type: 'unarchive' } & ByClient)
  | ({ type: 'delete'; cascade: boolean } & ByClient)
  | ({ type: 'name'; name: string } & ByClient)
  | ({ type: 'inject'; messages: readonly { role: 'user' | 'assistant'; text: string }[] } & ByClient)
  | ({ type: 'settings'; model: string } & ByClient)
  | ({ type: 'resume'; byPath: boolean } & ByClient)
  /** These two change nothing: they are there to meet others. */
  | ({ type: 'read' } & ByClient)
  | { type: 'list'; client: number; archived: boolean }
  | ({ type: 'unsubscribe' } & ByClient)
  /** All clients leave, and it is unloaded. */
  | { type: 'unload'; thread: number }
  /** The connection breaks and the client comes back. */
  | { type: 'reconnect'; client: number }
  /** Before a late kill all that streamed has been put into journals; before another perhaps nothing. */
  | { type: 'restart'; how: 'clean' | 'kill' | 'late kill' }
  /** Somebody compresses the files of a conversation that is not loaded: all, or all but the current one. */
  | { type: 'compress'; thread: number; current: boolean }
);

/** Two that different clients ask for at the same moment. */
export interface Together {
  type: 'together';
  label: number;
  operations: readonly [Operation, Operation];
}

/** The daemon is killed so many milliseconds after it was asked for, and another one started. */
export interface Broken {
  type: 'broken';
  label: number;
  operation: Operation;
  afterMs: number;
}

/** What a program consists of. */
export type Step = Operation | Together | Broken;

export function operationsOf(step: Step): readonly Operation[] {
  if (step.type === 'together') return step.operations;
  return step.type === 'broken' ? [step.operation] : [step];
}

export type OperationType = Operation['type'];
export type OperationOf<T extends OperationType> = Operation & { type: T };

/** For people: a line for each operation. */
export function describeStep(step: Step): string {
  const [first, second] = operationsOf(step).map(describeOperation);
  if (step.type === 'broken') return `${first}\n   and kill the daemon ${step.afterMs} ms later`;
  return step.type === 'together' ? `${first}\n   at once:\n${second}` : first!;
}

function describeOperation(operation: Operation): string {
  const { label, type } = operation;
  const by = 'client' in operation ? `client ${operation.client}: ` : '';
  return `${String(label).padStart(4)}  ${by}${sentenceOf(operation, `t${label}`, type)}`;
}

function sentenceOf(operation: Operation, made: string, type: OperationType): string {
  switch (operation.type) {
    case 'start':
      return `${made} = start ${operation.mode}${operation.ephemeral ? ' ephemeral' : ''}`;
    case 'turn': {
      const model = operation.model === null ? '' : ` with model ${operation.model}`;
      return `turn #${operation.label} in t${operation.thread}${model}: ${shorten(operation.text)}`;
    }
    case 'hold':
      return `turn #${operation.label} in t${operation.thread}, held after ${shorten(operation.said)}`;
    case 'fork': {
      const how = `${operation.byPath ? ' by path' : ''}${operation.ephemeral ? ' ephemeral' : ''}`;
      return `${made} = fork t${operation.thread}${describeCut(operation.cut)}${how}`;
    }
    case 'revert':
      return `revert t${operation.thread} before #${operation.before}`;
    case 'delete':
      return `delete t${operation.thread}${operation.cascade ? ' with cascade' : ''}`;
    case 'name':
      return `name t${operation.thread} ${JSON.stringify(operation.name)}`;
    case 'inject': {
      const messages = operation.messages.map(({ role, text }) => `${role} ${shorten(text)}`);
      return `inject into t${operation.thread}: ${messages.join(', ')}`;
    }
    case 'settings':
      return `settings of t${operation.thread}: model ${operation.model}`;
    case 'resume':
      return `resume t${operation.thread}${operation.byPath ? ' by path' : ''}`;
    case 'list':
      return `list ${operation.archived ? 'the archive' : 'what is not archived'}`;
    case 'journal':
      return `wait for the journal of t${operation.thread}`;
    case 'reconnect':
      return 'reconnect';
    case 'restart':
      return RESTARTS[operation.how];
    case 'compress':
      return `compress ${operation.current ? 'all' : 'the older'} files of t${operation.thread}`;
    default:
      return `${type} t${operation.thread}`;
  }
}

const RESTARTS = {
  clean: 'restart the daemon',
  kill: 'kill the daemon and start it',
  'late kill': 'kill the daemon when its journals are written, and start it',
};

function describeCut(cut: Cut): string {
  return cut.type === 'whole' ? '' : ` ${cut.type} #${cut.turn}`;
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
