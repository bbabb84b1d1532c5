// Declares the commands for those who write clients: `rolloutd token` and the generators. Clients.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { resolveHome } from './home.js';
import { HOME_HELP } from './option-parts.js';

export function addToken(program: Command): void {
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
export function addGenerators(program: Command): void {
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
