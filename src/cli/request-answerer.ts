// Answers what the daemon asks while `rolloutd ask` runs: the person at the terminal, or the rule that was given. Clients.
import { isRequestOf } from '../client/rpc-client.js';
import type { IncomingRequest, ServerNotification, ServerRequestOf } from '../client/rpc-client.js';
import type { ServerRequestParams, ServerRequestResult } from '../protocol/server-requests.js';
import type { ThreadItem } from '../protocol/thread.js';
import type { AnswerPrinter } from './answer-printer.js';
import type { ApproveMode } from './option-parts.js';
import { oneLine } from './terminal-text.js';

/** Asks the person for a line; null when there is none to come. Rejects when the signal aborts. */
export type PersonAsker = (prompt: string, signal: AbortSignal) => Promise<string | null>;

type Approval =
  ServerRequestOf<'item/commandExecution/requestApproval'> | ServerRequestOf<'item/fileChange/requestApproval'>;
type Decision = ServerRequestResult<'item/fileChange/requestApproval'>['decision'];
type UserQuestion = ServerRequestParams<'item/tool/requestUserInput'>['questions'][number];
type FileChangeItem = ThreadItem & { type: 'fileChange' };

const DECISIONS: Readonly<Record<string, Decision>> = {
  y: 'accept',
  a: 'acceptForSession',
  n: 'decline',
  c: 'cancel',
};
const CHOICES = 'y: yes, a: yes, and the same again without asking, n: no, c: no, and stop';
const NOBODY = 'nobody is at a terminal to answer';
const SHOWN_LINES = 40;
const LINE_WIDTH = 200;

export interface AnswererOptions {
  mode: ApproveMode;
  printer: AnswerPrinter;
  askPerson: PersonAsker;
}

/** Feed it the requests of one conversation, and its notifications. One question is shown at a time. */
export class RequestAnswerer {
  readonly #options: AnswererOptions;
  readonly #changes = new Map<string, FileChangeItem['changes']>();
  #waiting: IncomingRequest[] = [];
  #shown: { id: IncomingRequest['id']; abort: AbortController } | null = null;

  constructor(options: AnswererOptions) {
    this.#options = options;
  }

  /** What a request says can be told from what went before, and another client may answer first. */
  hear(notification: ServerNotification): void {
    if (notification.method === 'item/started') this.#note(notification.params.item);
    if (notification.method === 'serverRequest/resolved') this.#drop(notification.params.requestId);
  }

  take(request: IncomingRequest): void {
    const { mode, printer } = this.#options;
    if (mode === 'leave' || !isForPeople(request)) {
      return printer.note('The agent asks for an answer: give it in another client.');
    }
    if (mode !== 'ask') return this.#answerByRule(request, mode);
    this.#waiting.push(request);
    void this.#askNext();
  }

  /** The connection is gone: what is still open is asked again on the next one. */
  reset(): void {
    this.#waiting = [];
    this.#shown?.abort.abort();
  }

  #note(item: ThreadItem): void {
    if (item.type === 'fileChange') this.#changes.set(item.id, item.changes);
  }

  #drop(id: IncomingRequest['id']): void {
    this.#waiting = this.#waiting.filter((request) => request.id !== id);
    if (this.#shown?.id === id) this.#shown.abort.abort();
  }

  #answerByRule(request: IncomingRequest, mode: 'accept' | 'decline'): void {
    const { printer } = this.#options;
    if (!isApproval(request)) {
      printer.note(`Not answered, because ${NOBODY}: ${oneLine(this.#describe(request).join(' '), LINE_WIDTH)}`);
      return request.fail(-32000, NOBODY);
    }
    const what = oneLine(this.#describe(request).join(' '), LINE_WIDTH);
    const why = mode === 'accept' ? 'Allowed by --approve accept' : `Declined, because ${NOBODY} (see --approve)`;
    printer.note(`${why}: ${what}`);
    request.respond({ decision: mode });
  }

  async #askNext(): Promise<void> {
    if (this.#shown !== null) return;
    const request = this.#waiting.shift();
    if (request === undefined) return;
    const abort = new AbortController();
    this.#shown = { id: request.id, abort };
    try {
      for (const line of this.#describe(request)) this.#options.printer.note(line);
      if (isApproval(request)) request.respond({ decision: await this.#askDecision(abort.signal) });
      else if (isRequestOf(request, 'item/tool/requestUserInput')) await this.#askQuestions(request, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      this.#options.printer.note('That was answered elsewhere, or is not asked any more.');
    } finally {
      this.#shown = null;
      void this.#askNext();
    }
  }

  async #askDecision(signal: AbortSignal): Promise<Decision> {
    for (;;) {
      const line = await this.#options.askPerson(`Allow it? (${CHOICES}) `, signal);
      if (line === null) return 'decline';
      const decision = DECISIONS[line.trim().toLowerCase().charAt(0)];
      if (decision !== undefined) return decision;
    }
  }

  async #askQuestions(request: ServerRequestOf<'item/tool/requestUserInput'>, signal: AbortSignal): Promise<void> {
    const answers: ServerRequestResult<'item/tool/requestUserInput'>['answers'] = {};
    for (const question of request.params.questions) {
      for (const line of describeQuestion(question)) this.#options.printer.note(line);
      const line = await this.#options.askPerson('Your answer: ', signal);
      if (line === null) return request.fail(-32000, NOBODY);
      answers[question.id] = { answers: [chosen(question, line.trim())] };
    }
    request.respond({ answers });
  }

  /** Some lines, whatever the daemon sent. */
  #describe(request: IncomingRequest): string[] {
    if (isRequestOf(request, 'item/tool/requestUserInput')) {
      return request.params.questions.map(({ header }) => `The agent asks: ${header}`);
    }
    if (isRequestOf(request, 'item/commandExecution/requestApproval')) {
      const { command, cwd, reason } = request.params;
      return [
        `The agent wants to run: ${command ?? 'a command'}`,
        ...(cwd == null ? [] : [`in ${cwd}`]),
        ...(reason == null ? [] : [`because: ${reason}`]),
      ];
    }
    if (!isRequestOf(request, 'item/fileChange/requestApproval')) return [request.method];
    const { itemId, reason } = request.params;
    const changes = this.#changes.get(itemId) ?? [];
    const lines = changes.flatMap(({ path, kind, diff }) => [`${kind.type} ${path}`, ...diff.trimEnd().split('\n')]);
    const more = lines.length - SHOWN_LINES;
    return [
      `The agent wants to change ${changes.length === 0 ? 'files' : `${changes.length} file(s)`}:`,
      ...lines.slice(0, SHOWN_LINES),
      ...(more > 0 ? [`… and ${more} more lines`] : []),
      ...(reason === null ? [] : [`because: ${reason}`]),
    ];
  }
}

function isApproval(request: IncomingRequest): request is Approval {
  return (
    isRequestOf(request, 'item/commandExecution/requestApproval') ||
    isRequestOf(request, 'item/fileChange/requestApproval')
  );
}

function isForPeople(request: IncomingRequest): boolean {
  return isApproval(request) || isRequestOf(request, 'item/tool/requestUserInput');
}

function describeQuestion({ question, options }: UserQuestion): string[] {
  return [
    question,
    ...(options ?? []).map(({ label, description }, index) => `  ${index + 1}: ${label} (${description})`),
  ];
}

/** The option of this number or name, or what was typed. */
function chosen({ options }: UserQuestion, line: string): string {
  const named = options?.find(({ label }) => label.toLowerCase() === line.toLowerCase());
  return (named ?? options?.[Number(line) - 1])?.label ?? line;
}
