// Overrides by dotted key: `-c key=value` and the `config` object of a request. Any thread.
import { parse } from 'smol-toml';
import { DaemonError } from '../errors.js';
import type { ConfigTable } from './config.js';
import { isTable, copyTable, makeTable, setAt } from './config-table.js';

/** `a."b.c".d` → [a, b.c, d], by the rules of TOML; what TOML would refuse is split at its dots. */
export function parseDottedKey(key: string): string[] {
  const path: string[] = [];
  let table: unknown;
  try {
    // A key that could end itself is none.
    table = /[=#\r\n]/.test(key) ? null : parse(`${key} = 0`);
  } catch {
    // Not a TOML key, but `projects./some/path.trust_level` is understood by the peer, so it is here.
  }
  while (isTable(table)) {
    const [segment] = Object.keys(table);
    if (segment === undefined) break;
    path.push(segment);
    table = table[segment];
  }
  return path.length > 0 ? path : key.split('.');
}

/** The value as TOML, or as the plain string that it is when TOML would refuse it. */
export function parseOverrideValue(text: string): unknown {
  try {
    const table = parse(`value = ${text}`);
    // A line break in the text could have brought keys of its own: then it was no value.
    if (Object.keys(table).length === 1) return table['value'];
  } catch {
    // Most values are plain words: `-c model=gpt-5.5`.
  }
  return text.replace(/^["']+|["']+$/g, '');
}

/** Throws config_invalid when there is no `=` or no key before it. The message never shows the value. */
export function parseOverride(text: string): { path: string[]; value: unknown } {
  const equals = text.indexOf('=');
  const key = text.slice(0, Math.max(equals, 0)).trim();
  if (equals === -1) throw new DaemonError('config_invalid', '-c needs key=value, but there is no "="');
  if (key === '') throw new DaemonError('config_invalid', '-c needs key=value, but there is nothing before the "="');
  return { path: parseDottedKey(key), value: parseOverrideValue(text.slice(equals + 1).trim()) };
}

/** All `-c` of a command line as one table; a later one wins. Throws like parseOverride. */
export function buildFlagsTable(overrides: readonly string[]): ConfigTable {
  const table = makeTable();
  for (const override of overrides) {
    const { path, value } = parseOverride(override);
    setAt(table, path, value);
  }
  return table;
}

/** Levels of tables and lists in a request's value; no key that acts has so many. */
const MAX_DEPTH = 64;

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((element) => isDeeper(element, depth - 1));
}

/**
 * A request's `config` object as a table: keys may be dotted, later ones win, null sets nothing. Throws invalid_params
 * for one that is nested so deeply that whoever walks it would fail.
 */
export function buildRequestTable(overrides: Readonly<Record<string, unknown>>): ConfigTable {
  const table = makeTable();
  refuseDeep(overrides);
  for (const [key, value] of Object.entries(copyTable(overrides))) setAt(table, parseDottedKey(key), value);
  // A dotted key nests too.
  refuseDeep(table);
  return table;
}

function refuseDeep(value: unknown): void {
  if (isDeeper(value, MAX_DEPTH)) throw new DaemonError('invalid_params', 'the request is nested too deeply');
}
