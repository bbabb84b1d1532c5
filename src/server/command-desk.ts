// The commands that clients run outside of any conversation: which belong to whom, by the names that clients gave them. They end
// with their connection. Main thread.
import path from 'node:path';
import { v4 as uuid } from 'uuid';
import { DaemonError } from '../errors.js';
import type { ParamsOf, ResultOf } from '../protocol/methods.js';
import type { SandboxPolicy } from '../protocol/thread.js';
import type { StandaloneOutput } from '../session/command-messages.js';
import type { CommandThread } from '../session/command-thread.js';
import type { Connection } from './connection.js';
import type { Responder } from './dispatch.js';

export interface CommandDefaults {
  sandboxPolicy: SandboxPolicy;
  /** Variables of the daemon that no command gets. */
  secretNames: string[];
}

export interface CommandDeskOptions {
  thread: Pick<CommandThread, 'start' | 'write' | 'resize' | 'end'>;
  /** As it is configured now, for a command in this folder. Throws config_invalid. */
  readDefaults: (cwd: string) => CommandDefaults;
  /** Ends all that the commands of a client have started and left behind. Never rejects. */
  endGroup: (group: string) => Promise<unknown>;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_OUTPUT_CAP = 1024 * 1024;

interface NamedCommand {
  id: number;
  hasTerminal: boolean;
  takesInput: boolean;
  isInputClosed: boolean;
}

interface Client {
  /** Marks all processes of this client's commands. */
  group: string;
  ids: Set<number>;
  named: Map<string, NamedCommand>;
  isGone: boolean;
}

export class CommandDesk {
  readonly #options: CommandDeskOptions;
  readonly #clients = new Map<Connection, Client>();

  constructor(options: CommandDeskOptions) {
    this.#options = options;
  }

  /**
   * Answers when the command has ended. Throws invalid_request, command_id_in_use, too_many_commands, config_invalid; what
   * comes later is an error reply.
   */
  exec(params: ParamsOf<'command/exec'>, respond: Responder<ResultOf<'command/exec'>>): void {
    checkRequest(params);
    const { thread, readDefaults } = this.#options;
    const { connection } = respond;
    const client = this.#clientOf(connection);
    const processId = params.processId ?? null;
    if (processId !== null && client.named.has(processId)) {
      const message = `duplicate active command/exec process id: ${JSON.stringify(processId)}`;
      throw new DaemonError('command_id_in_use', message);
    }
    const cwd = path.resolve(params.cwd ?? '.');
    const defaults = readDefaults(cwd);
    const { tty: hasTerminal = false, size } = params;
    const takesInput = hasTerminal || params.streamStdin === true;
    const forget = (): void => {
      client.ids.delete(id);
      if (processId !== null) client.named.delete(processId);
      // Something may have begun since it left.
      if (client.isGone && client.ids.size === 0) void this.#options.endGroup(client.group);
    };
    const tell = ({ stream, deltaBase64, capReached }: StandaloneOutput): void =>
      connection.notify('command/exec/outputDelta', { processId, stream, deltaBase64, capReached });
    const id = thread.start(
      {
        group: client.group,
        argv: params.command,
        cwd,
        env: params.env ?? {},
        secretNames: defaults.secretNames,
        terminal: hasTerminal ? { columns: size?.cols ?? 80, rows: size?.rows ?? 24 } : null,
        takesInput,
        isStreamed: hasTerminal || params.streamStdoutStderr === true,
        outputCap: params.disableOutputCap === true ? null : (params.outputBytesCap ?? DEFAULT_OUTPUT_CAP),
        timeoutMs: params.disableTimeout === true ? null : (params.timeoutMs ?? DEFAULT_TIMEOUT_MS),
        sandboxPolicy: params.sandboxPolicy ?? defaults.sandboxPolicy,
      },
      {
        onOutput: tell,
        onEnded: (result) => {
          forget();
          respond.result(result);
        },
        onFailed: (error) => {
          forget();
          respond.error(error);
        },
      },
    );
    client.ids.add(id);
    if (processId !== null) client.named.set(processId, { id, hasTerminal, takesInput, isInputClosed: false });
  }

  /** Throws command_not_found, command_input_closed. */
  write(connection: Connection, { processId, deltaBase64, closeStdin = false }: ParamsOf<'command/exec/write'>): void {
    const command = this.#require(connection, processId);
    if (!command.takesInput) {
      throw new DaemonError('command_input_closed', 'stdin streaming is not enabled for this command/exec');
    }
    if (command.isInputClosed) throw new DaemonError('command_input_closed', 'stdin is already closed');
    command.isInputClosed = closeStdin;
    this.#options.thread.write(command.id, Buffer.from(deltaBase64 ?? '', 'base64'), closeStdin);
  }

  /** Throws command_not_found, invalid_request for one without a terminal. */
  resize(connection: Connection, { processId, size }: ParamsOf<'command/exec/resize'>): void {
    const command = this.#require(connection, processId);
    if (!command.hasTerminal) {
      throw new DaemonError('invalid_request', 'failed to resize PTY: process is not attached to a PTY');
    }
    this.#options.thread.resize(command.id, { columns: size.cols, rows: size.rows });
  }

  /** Throws command_not_found. */
  terminate(connection: Connection, { processId }: ParamsOf<'command/exec/terminate'>): void {
    this.#options.thread.end(this.#require(connection, processId).id);
  }

  /** The connection is closed: so is everything that it has started. */
  leave(connection: Connection): void {
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    this.#clients.delete(connection);
    client.isGone = true;
    for (const id of client.ids) this.#options.thread.end(id);
    void this.#options.endGroup(client.group);
  }

  #clientOf(connection: Connection): Client {
    const known = this.#clients.get(connection);
    if (known !== undefined) return known;
    const client: Client = { group: uuid(), ids: new Set(), named: new Map(), isGone: false };
    this.#clients.set(connection, client);
    return client;
  }

  #require(connection: Connection, processId: string): NamedCommand {
    const command = this.#clients.get(connection)?.named.get(processId);
    if (command !== undefined) return command;
    const message = `no active command/exec for process id ${JSON.stringify(processId)}`;
    throw new DaemonError('command_not_found', message);
  }
}

/** In the words that clients know. */
function checkRequest(params: ParamsOf<'command/exec'>): void {
  const { command, processId = null, tty, streamStdin, streamStdoutStderr, permissionProfile = null } = params;
  if (command.length === 0) throw new DaemonError('invalid_request', 'command must not be empty');
  const needsId = tty === true || streamStdin === true || streamStdoutStderr === true;
  if (processId === null && needsId) {
    const message = 'command/exec tty or streaming requires a client-supplied processId';
    throw new DaemonError('invalid_request', message);
  }
  if (permissionProfile === null) return;
  const message =
    params.sandboxPolicy == null
      ? 'invalid permission profile: none is configured'
      : '`permissionProfile` cannot be combined with `sandboxPolicy`';
  throw new DaemonError('invalid_request', message);
}
