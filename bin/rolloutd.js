#!/usr/bin/env node
// Starts the built command line, or says how to build it. Plain JavaScript: it runs before there is a build.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/src/cli/main.js', import.meta.url);
if (existsSync(main)) {
  const { runCli } = await import(main.href);
  await runCli(process.argv.slice(2));
} else {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  process.stderr.write(`rolloutd: not built yet; run this first: npm run setup --prefix '${root}'\n`);
  process.exitCode = 1;
}
