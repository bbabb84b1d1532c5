// Declares `rolloutd ask` and `rolloutd list`. Clients.
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { CliFailure, EXIT } from './exit.js';
import { resolveHome } from './home.js';
import { APPROVE_MODES, HOME_HELP, parseSeconds, URL_HELP } from './option-parts.js';
import type { ApproveMode, DaemonFlags } from './option-parts.js';

export function addAsk(program: Command): void {
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
    .addOption(
      new Option(
        '--approve <mode>',
        'what to say when the agent asks (default: ask at a terminal, decline elsewhere; leave: another client answers)',
      ).choices(APPROVE_MODES),
    )
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
        approve: flags.approve,
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
  approve?: ApproveMode;
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

export function addList(program: Command): void {
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
