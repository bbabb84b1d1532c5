// The package's version. Any thread.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version in package.json, read from the nearest folder above this file that has one. Throws when there is none. */
export function readVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Record<string, unknown>;
      if (name === 'rolloutd') return String(version);
    } catch (error) {
      // Most folders have none; the root of the file system ends the search.
      if (dirname(folder) === folder) throw error;
    }
  }
}
