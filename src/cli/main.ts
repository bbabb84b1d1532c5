// The command line: what can be asked of it, and how each command ends. Clients; `serve` runs the daemon.
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { DaemonOptions } from '../daemon.js';
import { RpcClientError } from '../client/rpc-client-error.js';
import { DaemonError } from '../errors.js';
import { readVersion } from '../version.js';
import { CliFailure, EXIT } from './exit.js';
import { resolveHome } from './home.js';

const EPILOGUE = `
Examples:
  rolloutd serve                       serve the conversations of ~/.rolloutd
  rolloutd ask "why is the sky blue?"  start a conversation
  rolloutd ask --last "and at dusk?"   continue it
  git diff | rolloutd ask              take the text from stdin

Exit codes:
  0    done
  1    it failed; one line on stderr says why
  2    the command was not understood
  130  interrupted (Ctrl-C); 143 and 129 after a second SIGTERM or SIGHUP

Environment:
  ROLLOUTD_HOME   the home, unless --home is given (default ~/.rolloutd)
  ROLLOUTD_TOKEN  the token for a daemon whose home is elsewhere
  ROLLOUTD_DEBUG  1 shows the stack of unexpected errors
`;

/** Runs one command and sets process.exitCode; ends the process itself after `serve`. Never rejects. */
export async function runCli(args: readonly string[]): Promise<void> {
  try {
    await buildProgram().parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = tell(error);
  }
  // What a daemon that failed to start or to stop has left running must not keep the process.
  if (args[0] === 'serve') process.exit();
}

/** Says on stderr what went wrong, in one line, and returns the exit code. */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const isExpected = error instanceof CliFailure || error instanceof DaemonError || error instanceof RpcClientError;
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`rolloutd: ${isExpected ? '' : 'unexpected error: '}${text.replace(/\s*\n\s*/g, ' ')}\n`);
  if (!isExpected && process.env['ROLLOUTD_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof CliFailure ? error.exitCode : EXIT.failure;
}

function buildProgram(): Command {
  const program = new Command('rolloutd')
    .description('Hosts coding-agent conversations: one owner each, any number of clients, nothing lost.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError('(rolloutd --help tells more)')
    .addHelpText('after', EPILOGUE);
  addServe(program);
  addAsk(program);
  addList(program);
  addToken(program);
  addGenerators(program);
  return program;
}

const HOME_HELP = 'folder of the conversations (default: ROLLOUTD_HOME, else ~/.rolloutd)';
const URL_HELP = 'address of the daemon (default: found through the home)';

interface DaemonFlags {
  home?: string;
  url?: string;
}

function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the daemon until it is stopped')
    .option(
      '--listen <url>',
      'where to listen, ws://IP:PORT; port 0 picks a free one (default: ws://127.0.0.1:4517)',
      checkListen,
    )
    .option('--home <dir>', HOME_HELP)
    .option(
      '-c, --config <key=value>',
      'set a configuration key, above all files; may be repeated',
      collectOverride,
      [],
    )
    .addOption(
      new Option('--ws-auth <mode>', 'ask clients for the token, or (on loopback only) for nothing')
        .choices(['token', 'none'])
        .default('token'),
    )
    .addOption(new Option('--log-level <level>', 'how much to log').choices(['error', 'warn', 'info', 'debug']))
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
      });
    });
}

interface ServeFlags {
  listen?: string;
  home?: string;
  config?: string[];
  wsAuth: 'token' | 'none';
  logLevel?: NonNullable<DaemonOptions['logLevel']>;
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

function addAsk(program: Command): void {
  program
    .command('ask')
    .description('say something in a conversation and see the answer as it comes')
    .argument('[text...]', "what to say; '-' or nothing takes it from stdin")
    .option('--home <dir>', HOME_HELP)
    .option('--url <url>', URL_HELP)
    .addOption(new Option('--thread <id>', 'continue this conversation').conflicts('last'))
    .option('--last', 'continue the conversation that changed last', false)
    .option('--cwd <dir>', 'folder in which the agent works (default: this one, for a new conversation)')
    .option('-m, --model <name>', 'model that answers, from now on')
    .option('--oss', 'have a model server of this machine answer: Ollama or LM Studio', false)
    .addOption(
      new Option('--local-provider <id>', 'the one of them, with --oss (default: as configured, else who answers)')
        .choices(['ollama', 'lmstudio'])
        .implies({ oss: true }),
    )
    .option('--reconnect <secs>', 'how long to try to get a lost connection back', parseSeconds, 15)
    .addHelpText(
      'after',
      `
The answer goes to stdout, everything else to stderr. Ctrl-C interrupts the turn, a second one leaves.

Examples:
  rolloutd ask "explain this project"
  rolloutd ask --last "in one sentence, please"
  rolloutd ask --oss -m gpt-oss:20b "what is in this folder?"
  rolloutd ask --thread 01a206ee-bd6f-7dc3-8570-8420e64dacfd "go on"
`,
    )
    .action(async (words: string[], flags: AskFlags) => {
      const text = words.length === 0 || (words.length === 1 && words[0] === '-') ? await readStdin() : words.join(' ');
      if (text.trim() === '')
        throw new CliFailure('there is nothing to say; write the text after: rolloutd ask', EXIT.usage);
      const { runAsk, ANY_LOCAL } = await import('./ask.js');
      quitQuietlyWithoutReader();
      process.exitCode = await runAsk({
        home: resolveHome(flags.home, process.env),
        url: flags.url,
        thread: flags.thread,
        last: flags.last,
        cwd: flags.cwd === undefined ? undefined : resolve(flags.cwd),
        model: flags.model,
        local: flags.oss ? (flags.localProvider ?? ANY_LOCAL) : undefined,
        text,
        reconnectSecs: flags.reconnect,
        continueWith: (threadId) => ['rolloutd ask', ...sameDaemon(flags), `--thread ${threadId}`, '"…"'].join(' '),
      });
    });
}

interface AskFlags extends DaemonFlags {
  thread?: string;
  last: boolean;
  cwd?: string;
  model?: string;
  oss: boolean;
  reconnect: number;
  localProvider?: string;
}

function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds >= 0 && seconds <= 86_400)) throw new InvalidArgumentError('Write a number of seconds from 0.');
  return seconds;
}

function sameDaemon({ home, url }: DaemonFlags): string[] {
  const quote = (text: string) => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  return [
    ...(home === undefined ? [] : [`--home ${quote(home)}`]),
    ...(url === undefined ? [] : [`--url ${quote(url)}`]),
  ];
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) return '';
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
}

/** `rolloutd ask … | head` has read enough. */
function quitQuietlyWithoutReader(): void {
  process.stdout.on('error', () => process.exit(EXIT.ok));
}

function addList(program: Command): void {
  program
    .command('list')
    .description('list the conversations that changed last')
    .option('--home <dir>', HOME_HELP)
    .option('--url <url>', URL_HELP)
    .option('--limit <n>', 'how many', parseLimit, 25)
    .option('--json', 'one JSON object a line', false)
    .addHelpText('after', '\nExamples:\n  rolloutd list --limit 5\n  rolloutd list --json | jq -r .id\n')
    .action(async (flags: ListFlags) => {
      const { runList } = await import('./list.js');
      quitQuietlyWithoutReader();
      const { limit, json, url } = flags;
      await runList({ home: resolveHome(flags.home, process.env), url, limit, json });
    });
}

interface ListFlags extends DaemonFlags {
  limit: number;
  json: boolean;
}

function parseLimit(value: string): number {
  const limit = Number(value);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new InvalidArgumentError('Write a number from 1.');
  return limit;
}

function addToken(program: Command): void {
  program
    .command('token')
    .description("print where the daemon's token is, for clients that ask for it")
    .option('--home <dir>', HOME_HELP)
    .option('--show', 'print the token itself', false)
    .addHelpText('after', '\nExamples:\n  export MY_TOKEN="$(rolloutd token --show)"\n')
    .action(async (flags: { home?: string; show: boolean }) => {
      const { runToken } = await import('./token.js');
      runToken(resolveHome(flags.home, process.env), flags.show);
    });
}

/** For those who write clients. The contract is loaded only when one of them is asked for. */
function addGenerators(program: Command): void {
  const OUT_HELP = 'folder for the file; made when there is none';
  program
    .command('generate-ts')
    .description('write the protocol as TypeScript types, DIR/index.ts')
    .requiredOption('--out <dir>', OUT_HELP)
    .addHelpText('after', '\nExamples:\n  rolloutd generate-ts --out src/rolloutd\n')
    .action(async ({ out }: { out: string }) => {
      const { runGenerateTs } = await import('./generate-ts.js');
      runGenerateTs(resolve(out));
    });
  program
    .command('generate-json-schema')
    .description('write the protocol as JSON schemas (draft 2020-12), DIR/rolloutd.schemas.json')
    .requiredOption('--out <dir>', OUT_HELP)
    .addHelpText('after', '\nExamples:\n  rolloutd generate-json-schema --out schemas\n')
    .action(async ({ out }: { out: string }) => {
      const { runGenerateJsonSchema } = await import('./generate-json-schema.js');
      runGenerateJsonSchema(resolve(out));
    });
}
