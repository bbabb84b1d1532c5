// Runs commands for clients outside of any conversation, as the main thread asks for it. Commands thread.
import { DaemonError } from '../../errors.js';
import type { CommandThreadNews, CommandThreadRequest, StandaloneRequest } from '../../session/command-messages.js';
import { CreditUser } from '../../session/output-credit.js';
import { Sandbox } from '../sandbox/sandbox.js';
import { controlPlaces, homePlaces, joinPlaces } from '../sandbox/sandbox-places.js';
import { StandaloneCommand } from './standalone-command.js';

export interface StandaloneCommandsOptions {
  /** Absolute. */
  home: string;
  env: Readonly<Record<string, string | undefined>>;
  credit: SharedArrayBuffer;
  post: (news: CommandThreadNews) => void;
}

export class StandaloneCommands {
  readonly #options: StandaloneCommandsOptions;
  readonly #sandbox: Sandbox;
  readonly #credit: CreditUser;
  readonly #commands = new Map<number, StandaloneCommand>();

  constructor(options: StandaloneCommandsOptions) {
    const { home, env } = options;
    this.#options = options;
    this.#credit = new CreditUser(options.credit);
    const places = joinPlaces(homePlaces(home), controlPlaces(env));
    this.#sandbox = new Sandbox({ places, searchPath: env['PATH'] ?? '' });
  }

  take(message: CommandThreadRequest): void {
    switch (message.type) {
      case 'start':
        return void this.#run(message.id, message.request);
      case 'write':
        return void this.#commands.get(message.id)?.write(message.bytes, message.close);
      case 'resize':
        return void this.#commands.get(message.id)?.resize({ columns: message.columns, rows: message.rows });
      case 'end':
        return void this.#commands.get(message.id)?.end();
      case 'endAll':
        return void this.#endAll();
    }
  }

  async #run(id: number, request: StandaloneRequest): Promise<void> {
    const { home, env, post } = this.#options;
    const command = new StandaloneCommand({
      ...{ id, request, home, env, sandbox: this.#sandbox },
      onProcess: (report) => post({ type: 'process', group: request.group, report }),
      onOutput: (output) => {
        this.#credit.spend(output.bytes);
        post({ type: 'output', id, ...output });
      },
    });
    this.#commands.set(id, command);
    try {
      post({ type: 'ended', id, result: await command.run() });
    } catch (error) {
      post({ type: 'failed', id, error: DaemonError.from(error, 'command_not_started').toData() });
    } finally {
      this.#commands.delete(id);
    }
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#commands.values()].map((command) => command.end()));
    this.#options.post({ type: 'allEnded' });
  }
}
