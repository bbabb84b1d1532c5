// Lists what each worker entry loads when Node runs it: the evidence behind the static walk.
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { listSources } from './import-graph.js';

const DIST = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** A loader hook that prints the address of every module as it is resolved. */
const HOOK = `import { writeSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  writeSync(1, resolved.url + '\\n');
  return resolved;
}`;
const REGISTER = `import { register } from 'node:module'; register(${JSON.stringify(toDataUrl(HOOK))});`;

function toDataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** Runs the entry in a thread that ends as soon as it is loaded. */
function runInWorker(entry: string): string {
  const load = `import(${JSON.stringify(entry)}).then(() => process.exit(0))`;
  const options = { eval: true, workerData: { home: tmpdir() } };
  return `import { Worker } from 'node:worker_threads';
    new Worker(${JSON.stringify(load)}, ${JSON.stringify(options)});`;
}

/** Names of the packages that importing the entry loads at once, sorted. */
function listLoadedPackages(entry: string): string[] {
  const url = pathToFileURL(path.join(DIST, entry.replace(/\.ts$/, '.js'))).href;
  const args = ['--import', toDataUrl(REGISTER), '--input-type=module', '-e', runInWorker(url)];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
  expect(output, 'the hook has seen the entry').to.include(url);
  const names = [...output.matchAll(/\/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)].map(([, name = '']) => name);
  return [...new Set(names)].sort();
}

describe('the workers', () => {
  it('load these packages and no others', () => {
    const loaded = Object.fromEntries(listSources(['workers']).map((entry) => [entry, listLoadedPackages(entry)]));
    expect(loaded).to.deep.equal({
      'workers/index.ts': [],
      'workers/rollout-writer.ts': [],
      'workers/session.ts': ['eventsource-parser', 'uuid'],
    });
  });
});
