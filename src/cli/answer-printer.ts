// Prints a turn as it streams: the answer on stdout, everything around it on stderr. Clients.
import type { ServerNotification } from '../client/rpc-client.js';
import type { ThreadItem } from '../protocol/thread.js';
import { withoutControls } from './terminal-text.js';

/** The part of a stream that is needed; process.stdout and process.stderr fit. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
}

/** Feed it the notifications of one conversation, in order. */
export class AnswerPrinter {
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #styled: boolean;
  /** Characters of each message that are printed, by item id. */
  readonly #printed = new Map<string, number>();
  /** Where the cursor stands in the middle of a line. */
  #openLine: 'stdout' | 'stderr' | null = null;
  #openItem: string | null = null;

  constructor(stdout: Output, stderr: Output, env: NodeJS.ProcessEnv) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#styled = stderr.isTTY === true && !env['NO_COLOR'];
  }

  print(notification: ServerNotification): void {
    switch (notification.method) {
      case 'item/agentMessage/delta':
        return this.#printText(notification.params.itemId, notification.params.delta);
      case 'item/reasoning/summaryTextDelta':
        return this.#printReasoning(
          `${notification.params.itemId}/${notification.params.summaryIndex}`,
          notification.params.delta,
        );
      case 'item/started':
      case 'item/completed':
        return this.printItem(notification.params.item);
      case 'warning':
        return this.note(notification.params.message);
      case 'error':
        if (notification.params.willRetry) this.note(notification.params.error.message);
        return;
      default:
        return;
    }
  }

  /** What of an item did not come as deltas, when this client joined late or was away. */
  printItem(item: ThreadItem): void {
    if (item.type === 'agentMessage') this.#printText(item.id, item.text.slice(this.#printed.get(item.id) ?? 0));
  }

  /** A line on stderr, dim on a terminal. */
  note(text: string): void {
    this.endLine();
    this.#stderr.write(`${this.#dim(withoutControls(text))}\n`);
  }

  /** The same in the middle of an answer, which stays whole where it goes to a file or a pipe. */
  aside(text: string): void {
    if (this.#stdout.isTTY === true) return this.note(text);
    if (this.#openLine === 'stderr') this.endLine();
    this.#stderr.write(`${this.#dim(withoutControls(text))}\n`);
  }

  /** Ends the line that is being written, if any. */
  endLine(): void {
    if (this.#openLine === 'stdout') this.#stdout.write('\n');
    if (this.#openLine === 'stderr') this.#stderr.write('\n');
    this.#openLine = null;
    this.#openItem = null;
  }

  #printText(itemId: string, text: string): void {
    if (text === '') return;
    if (this.#openItem !== itemId) this.endLine();
    this.#printed.set(itemId, (this.#printed.get(itemId) ?? 0) + text.length);
    this.#openItem = itemId;
    this.#openLine = text.endsWith('\n') ? null : 'stdout';
    // A file or a pipe gets the text as it is.
    this.#stdout.write(this.#stdout.isTTY === true ? withoutControls(text) : text);
  }

  #printReasoning(part: string, text: string): void {
    if (this.#stderr.isTTY !== true) return;
    if (this.#openItem !== part) this.endLine();
    this.#openItem = part;
    this.#openLine = 'stderr';
    this.#stderr.write(this.#dim(withoutControls(text)));
  }

  #dim(text: string): string {
    return this.#styled ? `\u001b[2m${text}\u001b[22m` : text;
  }
}
