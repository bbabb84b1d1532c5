// Checks one layer: types are errors, unknown keys are warnings, and what is left is ready to merge. Main thread.
import { isAbsolute, resolve } from 'node:path';
import { DaemonError } from '../errors.js';
import { findClosestKey } from './closest-key.js';
import type { ConfigLayer, ConfigTable, ConfigWarning } from './config.js';
import {
  configSchema,
  DAEMON_KEYS,
  GRANULAR_KEYS,
  OWN_KEYS,
  PROVIDER_KEYS,
  SHARED_KEYS,
  WORKSPACE_WRITE_KEYS,
} from './config-schema.js';
import { copyTable, getAt, isTable, setAt } from './config-table.js';

function formatKey(path: readonly string[]): string {
  return path.map((segment) => (/^[A-Za-z0-9_-]+$/.test(segment) ? segment : JSON.stringify(segment))).join('.');
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'an array';
  if (isTable(value)) return 'a table';
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (typeof value === 'number') return Number.isInteger(value) ? `the number ${value}` : 'a fraction';
  return typeof value === 'boolean' ? String(value) : 'a date or time';
}

function describePlace(layer: ConfigLayer, line: number | null): string {
  if (layer.file !== null) return line === null ? layer.file : `${layer.file}:${line}`;
  return layer.kind === 'flags' ? '-c' : 'config of the request';
}

/** A warning about one key of a layer; `text` goes on after the key. */
export function makeWarning(layer: ConfigLayer, path: readonly string[], text: string): ConfigWarning {
  const line = layer.lineOf(path);
  const key = formatKey(path);
  return { message: `${describePlace(layer, line)}: ${key} ${text}`, file: layer.file, line, key };
}

function checkTypes(layer: ConfigLayer, table: ConfigTable): void {
  const result = configSchema.safeParse(table);
  const issue = result.error?.issues[0];
  if (issue === undefined) return;
  const path = issue.path.map(String);
  const line = layer.lineOf(path);
  const key = formatKey(path);
  const value = getAt(table, path);
  // A misspelt choice is shown. Otherwise only the kind of what was found: it may be a secret in the wrong place.
  const isChoice = (issue.code === 'invalid_value' || issue.code === 'invalid_union') && typeof value === 'string';
  const found = isChoice && value.length <= 24 ? JSON.stringify(value) : describe(value);
  const message = `${describePlace(layer, line)}: ${key} ${issue.message}, ${found === 'missing' ? found : `not ${found}`}`;
  throw new DaemonError('config_invalid', message, { data: { file: layer.file, line, key } });
}

/** Paths of keys that nobody knows, with the keys known in their place. */
function* findUnknownKeys(table: ConfigTable, topLevel: readonly string[]): Generator<[string[], readonly string[]]> {
  const places: [string[], readonly string[]][] = [
    [[], topLevel],
    [['sandbox_workspace_write'], WORKSPACE_WRITE_KEYS],
    [['approval_policy'], ['granular']],
    [['approval_policy', 'granular'], GRANULAR_KEYS],
  ];
  const providers = table['model_providers'];
  if (isTable(providers)) {
    for (const id of Object.keys(providers)) places.push([['model_providers', id], PROVIDER_KEYS]);
  }
  for (const [place, known] of places) {
    const value = getAt(table, place);
    if (!isTable(value)) continue;
    for (const key of Object.keys(value)) if (!known.includes(key)) yield [[...place, key], known];
  }
}

function checkKeys(layer: ConfigLayer, table: ConfigTable): ConfigWarning[] {
  const warnings: ConfigWarning[] = [];
  // Codex reads this file too, so ours have their own; and a client does not reconfigure the daemon.
  const misplaced = layer.kind === 'shared' ? OWN_KEYS : layer.kind === 'request' ? DAEMON_KEYS : [];
  for (const key of misplaced) {
    if (!Object.hasOwn(table, key)) continue;
    const home = layer.kind === 'shared' ? 'belongs into rolloutd/config.toml beside this file' : 'is for the daemon';
    const rest = layer.kind === 'shared' ? '' : ' as a whole, a conversation cannot set it';
    warnings.push(makeWarning(layer, [key], `${home}${rest}; it is ignored here`));
    delete table[key];
  }
  for (const [path, known] of findUnknownKeys(table, [...SHARED_KEYS, ...OWN_KEYS])) {
    const hint = findClosestKey(path.at(-1) ?? '', known);
    const text = `is not a known key; it is ignored${hint === null ? '' : ` (did you mean ${hint}?)`}`;
    warnings.push(makeWarning(layer, path, text));
  }
  return warnings;
}

function resolvePath(path: string, baseDir: string, userHome: string | undefined): string {
  if (path.startsWith('~/') && userHome !== undefined) return resolve(userHome, path.slice(2));
  return isAbsolute(path) ? path : resolve(baseDir, path);
}

function resolvePaths(layer: ConfigLayer, table: ConfigTable, userHome: string | undefined): void {
  for (const path of [['model_instructions_file'], ['experimental_resume']]) {
    const value = getAt(table, path);
    if (typeof value === 'string') setAt(table, path, resolvePath(value, layer.baseDir, userHome));
  }
  const roots = getAt(table, ['sandbox_workspace_write', 'writable_roots']);
  if (!Array.isArray(roots)) return;
  const resolved = (roots as string[]).map((root) => resolvePath(root, layer.baseDir, userHome));
  setAt(table, ['sandbox_workspace_write', 'writable_roots'], resolved);
}

/**
 * A copy of the layer's table, ready to merge: checked, paths absolute, old values in their new form, keys that may not
 * be set there left out. Throws config_invalid for a wrong type or value, naming file, line and key.
 */
export function checkLayer(
  layer: ConfigLayer,
  env: NodeJS.ProcessEnv,
): { table: ConfigTable; warnings: ConfigWarning[] } {
  const table = copyTable(layer.table);
  const warnings = checkKeys(layer, table);
  checkTypes(layer, table);
  resolvePaths(layer, table, env['HOME']);
  if (table['approval_policy'] === 'on-failure') {
    const text = '= "on-failure" is no longer offered; it is taken as "on-request"';
    warnings.push(makeWarning(layer, ['approval_policy'], text));
    table['approval_policy'] = 'on-request';
  }
  if (table['profile'] !== undefined) {
    warnings.push(makeWarning(layer, ['profile'], 'selects a profile, which rolloutd does not apply'));
  }
  return { table, warnings };
}
