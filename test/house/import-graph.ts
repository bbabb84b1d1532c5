// What the built files really import: a static walk over dist/, where type imports are already gone.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Root of the project: mocha runs there. */
export const ROOT = process.cwd();

export interface Imports {
  /** Source files, as paths under the root (`src/errors.ts`). */
  files: string[];
  /** Names of npm packages, without subpaths. */
  packages: string[];
}

const STATIC_IMPORT = /^\s*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])([^'"]+)\1/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*(['"])([^'"]+)\1/g;

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function readImports(source: string): Imports {
  const text = readFileSync(path.join(DIST, source.replace(/\.ts$/, '.js')), 'utf8');
  const files = new Set<string>();
  const packages = new Set<string>();
  for (const [, , specifier = ''] of [...text.matchAll(STATIC_IMPORT), ...text.matchAll(DYNAMIC_IMPORT)]) {
    if (specifier.startsWith('.'))
      files.add(path.posix.join(path.posix.dirname(source), specifier).replace(/\.js$/, '.ts'));
    else if (!specifier.startsWith('node:')) packages.add(packageOf(specifier));
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
}

/** Every source file under the given folders of the project, as sorted paths under the root. */
export function listSources(folders: readonly string[], extension = '.ts'): string[] {
  return folders
    .filter((folder) => existsSync(path.join(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
        .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)).split(path.sep).join('/')),
    )
    .sort();
}

/** The imports of every built file of src/ and workers/, by source file. Imports of values only. */
export function readImportGraph(): Map<string, Imports> {
  return new Map(listSources(['src', 'workers']).map((source) => [source, readImports(source)]));
}

/** Everything that loading `entry` loads: source files and packages, with the path of imports that led to each. */
export function loadedBy(graph: Map<string, Imports>, entry: string): Map<string, string[]> {
  const loaded = new Map<string, string[]>([[entry, [entry]]]);
  for (const [name, way] of loaded) {
    const imports = graph.get(name);
    for (const next of [...(imports?.files ?? []), ...(imports?.packages ?? [])]) {
      if (!loaded.has(next)) loaded.set(next, [...way, next]);
    }
  }
  return loaded;
}

/** Each cycle once, as the list of its files; an empty list when there is none. */
export function findCycles(graph: Map<string, Imports>): string[][] {
  const cycles: string[][] = [];
  const finished = new Set<string>();
  const visit = (file: string, way: string[]): void => {
    const start = way.indexOf(file);
    if (start !== -1) cycles.push([...way.slice(start), file]);
    if (start !== -1 || finished.has(file)) return;
    for (const next of graph.get(file)?.files ?? []) visit(next, [...way, file]);
    finished.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}
