// Everything in a folder, for comparing it whole. Main thread.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** By relative path: permission bits and, byte for byte as latin1, what a file holds or a link leads to. */
export function readTree(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(names.map((name) => [name, describe(join(folder, name))]));
}

function describe(path: string): string {
  const stats = lstatSync(path);
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  // Reading a pipe would wait for ever.
  if (stats.isFIFO()) return `${mode} pipe`;
  return stats.isDirectory() ? `${mode} folder` : `${mode} ${readFileSync(path, 'latin1')}`;
}
