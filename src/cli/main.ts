// The command line: what can be asked of it, and how each command ends. Clients; `serve` runs the daemon.
import { Command, CommanderError } from 'commander';
import { RpcClientError } from '../client/rpc-client-error.js';
import { DaemonError } from '../errors.js';
import { readVersion } from '../version.js';
import { addGenerators, addToken } from './client-commands.js';
import { addAsk, addList } from './conversation-commands.js';
import { addRestart, addServe, addStart, addStatus, addStop } from './daemon-commands.js';
import { CliFailure, EXIT } from './exit.js';

const EPILOGUE = `
Examples:
  rolloutd start                       serve the conversations of ~/.rolloutd, in the background
  rolloutd ask "why is the sky blue?"  start a conversation
  rolloutd ask --last "and at dusk?"   continue it
  git diff | rolloutd ask              take the text from stdin

Exit codes:
  0    done
  1    it failed; one line on stderr says why
  2    the command was not understood
  3    no daemon runs (status only)
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
  addStart(program);
  addStop(program);
  addRestart(program);
  addStatus(program);
  addServe(program);
  addAsk(program);
  addList(program);
  addToken(program);
  addGenerators(program);
  return program;
}
