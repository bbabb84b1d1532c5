// Lists what each worker entry loads when Node runs it: the evidence behind the static walk.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { compress } from '../support/compressed-rollout.js';
import { useTempFolder } from '../support/temp-folder.js';
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

function urlOf(source: string): string {
  return pathToFileURL(path.join(DIST, source.replace(/\.ts$/, '.js'))).href;
}

/** Names of the packages that running the code loads, sorted. The code is to name the address of `entry`. */
function listLoadedPackages(entry: string, code: string): string[] {
  const args = ['--import', toDataUrl(REGISTER), '--input-type=module', '-e', code];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
  expect(output, 'the hook has seen the entry').to.include(urlOf(entry));
  const names = [...output.matchAll(/\/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)].map(([, name = '']) => name);
  return [...new Set(names)].sort();
}

describe('the workers', () => {
  const folder = useTempFolder();

  it('load these packages and no others', () => {
    const loaded = Object.fromEntries(
      listSources(['workers']).map((entry) => [entry, listLoadedPackages(entry, runInWorker(urlOf(entry)))]),
    );
    expect(loaded).to.deep.equal({
      'workers/commands.ts': [],
      'workers/index.ts': [],
      'workers/rollout-writer.ts': [],
      'workers/session.ts': ['diff', 'eventsource-parser', 'unbash', 'uuid'],
    });
  });

  it('load what decompresses only when a compressed file is met', () => {
    const reader = 'src/rollout/line-reader.ts';
    const loadedFor = (file: string): string[] => {
      const call = `readLines(${JSON.stringify(path.join(folder(), file))}, () => {})`;
      return listLoadedPackages(reader, `import { readLines } from ${JSON.stringify(urlOf(reader))}; await ${call};`);
    };
    writeFileSync(path.join(folder(), 'plain.jsonl'), '{}\n');
    writeFileSync(path.join(folder(), 'compressed.jsonl.zst'), compress('{}\n'));
    expect([loadedFor('plain.jsonl'), loadedFor('compressed.jsonl')]).to.deep.equal([[], ['zstddec']]);
  });
});
