// Declares the commands that run the daemon: `serve` in the terminal, `start` and its kin in the background. Clients.
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { DaemonOptions } from '../daemon.js';
import { resolveHome } from './home.js';
import { HOME_HELP, parseSeconds } from './option-parts.js';

interface ServeFlags {
  listen?: string;
  home?: string;
  config?: string[];
  wsAuth: 'token' | 'none';
  logLevel?: NonNullable<DaemonOptions['logLevel']>;
  supervised?: boolean;
}

interface RestartFlags extends ServeFlags {
  whenIdle: boolean;
  timeout?: number;
}

export function addServe(program: Command): void {
  const command = program.command('serve').description('run the daemon in this terminal until it is stopped');
  addServeOptions(command)
    .addOption(new Option('--supervised', 'a supervisor started it').hideHelp())
    .addHelpText(
      'after',
      `
Prints 'listening on: ws://IP:PORT' on stdout when it is ready. SIGTERM or Ctrl-C closes it in order, a second one at once.

Examples:
  rolloutd serve --listen ws://127.0.0.1:0 --home /tmp/try
  rolloutd serve --home ~/.codex -c model=gpt-5.5
`,
    )
    .action(async (flags: ServeFlags) => {
      const { runServe } = await import('./serve.js');
      await runServe({
        home: resolveHome(flags.home, process.env),
        listen: flags.listen ?? null,
        authMode: flags.wsAuth,
        configOverrides: flags.config ?? [],
        ...(flags.logLevel === undefined ? {} : { logLevel: flags.logLevel }),
        env: process.env,
        serveArgs: toServeArgs(flags),
        supervised: flags.supervised ?? false,
      });
    });
}

export function addStart(program: Command): void {
  const command = program.command('start').description('run the daemon in the background, and again whenever it dies');
  addServeOptions(command)
    .addHelpText(
      'after',
      `
Prints 'listening on: ws://IP:PORT' when the daemon is ready, or why it did not start. It goes on when the terminal ends.
When one runs already it stays as it is.

Examples:
  rolloutd start
  rolloutd start --home ~/.codex -c model=gpt-5.5
`,
    )
    .action(async (flags: ServeFlags) => {
      const { runStart } = await import('./start.js');
      await runStart({ home: resolveHome(flags.home, process.env), serveArgs: toServeArgs(flags) });
    });
}

export function addStop(program: Command): void {
  program
    .command('stop')
    .description('end the daemon; running turns end as interrupted')
    .option('--home <dir>', HOME_HELP)
    .addHelpText(
      'after',
      `
Returns when it is gone. A daemon that does not end in time is killed; what clients were told is on disk all the same.

Examples:
  rolloutd stop
`,
    )
    .action(async (flags: { home?: string }) => {
      const { runStop } = await import('./stop.js');
      await runStop(resolveHome(flags.home, process.env));
    });
}

export function addRestart(program: Command): void {
  const command = program.command('restart').description('end the daemon and start it, as after an upgrade');
  addServeOptions(command)
    .option('--when-idle', 'wait until no turn runs in any conversation', false)
    .option(
      '--timeout <seconds>',
      'with --when-idle: give up after so long and leave the daemon as it is',
      parseSeconds,
    )
    .addHelpText(
      'after',
      `
Without options of the daemon it starts with those that it ran with; with any of them, with these alone. Starts one as
well when none runs. While it waits, turns are accepted as before; Ctrl-C gives up.

Examples:
  rolloutd restart
  rolloutd restart --when-idle --timeout 600
`,
    )
    .action(async (flags: RestartFlags) => {
      const { runRestart } = await import('./restart.js');
      const changing = ['listen', 'config', 'wsAuth', 'logLevel'];
      const isChanged = changing.some((name) => command.getOptionValueSource(name) === 'cli');
      await runRestart({
        home: resolveHome(flags.home, process.env),
        serveArgs: isChanged ? toServeArgs(flags) : null,
        whenIdle: flags.whenIdle,
        timeoutMs: flags.timeout === undefined ? null : flags.timeout * 1_000,
      });
    });
}

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('say whether the daemon runs, since when, which version, and how much it does')
    .option('--home <dir>', HOME_HELP)
    .option('--json', 'one JSON object', false)
    .addHelpText(
      'after',
      `
Exit codes: 0 it runs, 1 it runs but does not answer, 3 it does not run.

Examples:
  rolloutd status
  rolloutd status --json | jq .runningTurns
`,
    )
    .action(async (flags: { home?: string; json: boolean }) => {
      const { runStatus } = await import('./status.js');
      process.exitCode = await runStatus(resolveHome(flags.home, process.env), flags.json);
    });
}

function addServeOptions(command: Command): Command {
  return command
    .option(
      '--listen <url>',
      'where to listen, ws://IP:PORT; port 0 picks a free one (default: ws://127.0.0.1:4517)',
      checkListen,
    )
    .option('--home <dir>', HOME_HELP)
    .option('-c, --config <key=value>', 'set a configuration key, above all files; may be repeated', collectOverride)
    .addOption(
      new Option('--ws-auth <mode>', 'ask clients for the token, or (on loopback only) for nothing')
        .choices(['token', 'none'])
        .default('token'),
    )
    .addOption(new Option('--log-level <level>', 'how much to log').choices(['error', 'warn', 'info', 'debug']));
}

/** The same options as words, for a daemon that somebody else starts. */
function toServeArgs({ home, listen, config = [], wsAuth, logLevel }: ServeFlags): string[] {
  const options: [name: string, value: string | undefined][] = [
    ['--home', resolveHome(home, process.env)],
    ['--listen', listen],
    ...config.map((override): [string, string] => ['--config', override]),
    ['--ws-auth', wsAuth === 'token' ? undefined : wsAuth],
    ['--log-level', logLevel],
  ];
  return options.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

function collectOverride(value: string, previous: string[] = []): string[] {
  if (!/^[^=\s]+\s*=/.test(value)) throw new InvalidArgumentError('Write key=value.');
  return [...previous, value];
}

/** A malformed address is a mistake in the command, not a failure of the daemon. */
function checkListen(listen: string): string {
  if (/^ws:\/\/(\[[0-9a-f:.]+\]|\d+(\.\d+){3}):\d+\/?$/i.test(listen)) return listen;
  throw new InvalidArgumentError('Write ws://IP:PORT with a literal address, as ws://127.0.0.1:4517.');
}
