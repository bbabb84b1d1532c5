// Reads the layers of the configuration, each as it was written. Main thread.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, TomlError } from 'smol-toml';
import { DaemonError } from '../errors.js';
import type { ConfigLayer, ConfigLayerKind, ConfigLayerSource, ConfigTable, ConfigWarning } from './config.js';
import { isTable, makeTable } from './config-table.js';
import { readOssEnvironment } from './oss-environment.js';
import { buildFlagsTable, buildRequestTable } from './overrides.js';
import { findTomlKeyLines } from './toml-key-lines.js';

/** Far more than any configuration; less than would be felt. */
const MAX_BYTES = 4 * 1024 * 1024;

/** JSON with sorted keys and no blanks. */
function toCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toCanonicalJson).join(',')}]`;
  if (!isTable(value)) return JSON.stringify(value) ?? 'null';
  const pairs = Object.keys(value).sort();
  return `{${pairs.map((key) => `${JSON.stringify(key)}:${toCanonicalJson(value[key])}`).join(',')}}`;
}

function hashTable(table: ConfigTable): string {
  return `sha256:${createHash('sha256').update(toCanonicalJson(table)).digest('hex')}`;
}

function readText(file: string): string | null {
  try {
    if (statSync(file).size > MAX_BYTES) {
      throw new DaemonError('config_invalid', `${file} is larger than ${MAX_BYTES} bytes: this is no configuration`);
    }
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof DaemonError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new DaemonError('config_invalid', `${file} cannot be read (${code})`, { data: { file }, cause: error });
  }
}

function parseText(file: string, text: string): ConfigTable {
  try {
    return parse(text);
  } catch (error) {
    // The parser's message goes on with the lines around the error, which may hold a key; so no cause either.
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    const line = error instanceof TomlError ? error.line : null;
    const place = line === null ? file : `${file}:${line}`;
    throw new DaemonError('config_invalid', `${place}: ${reason}`, { data: { file, line, key: null } });
  }
}

function readFileLayer(kind: ConfigLayerKind, source: ConfigLayerSource & { file: string }): ConfigLayer {
  const { file } = source;
  const text = readText(file);
  const table = text === null ? makeTable() : parseText(file, text);
  let findLine: ReturnType<typeof findTomlKeyLines> | null = null;
  return {
    kind,
    source,
    file,
    table,
    version: hashTable(table),
    baseDir: dirname(file),
    lineOf(path) {
      if (text === null) return null;
      // Positions are wanted only when there is something to complain about.
      findLine ??= findTomlKeyLines(text);
      return findLine(path);
    },
  };
}

function makeMemoryLayer(kind: ConfigLayerKind, table: ConfigTable, baseDir: string): ConfigLayer {
  const source: ConfigLayerSource = { type: 'sessionFlags' };
  return { kind, source, file: null, table, version: hashTable(table), baseDir, lineOf: () => null };
}

/** config/defaults.toml of this package, wherever the compiled file lies in it. */
function findDefaultsFile(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, 'config', 'defaults.toml');
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) {
      throw new DaemonError('config_invalid', 'config/defaults.toml is missing: this installation is not complete');
    }
  }
}

export interface ConfigLayerOptions {
  /** Absolute path. */
  home: string;
  cliOverrides: readonly string[];
  requestOverrides?: Readonly<Record<string, unknown>> | null;
  cwd?: string | null;
  /** For `~/` in paths, and for CODEX_OSS_BASE_URL and CODEX_OSS_PORT. */
  env: NodeJS.ProcessEnv;
}

/**
 * Reads all layers afresh, lowest first. A missing file is an empty layer. Throws config_invalid for a file that cannot
 * be read or parsed, naming file and line, and for a malformed -c; never shows what is written there.
 */
export function readConfigLayers(options: ConfigLayerOptions): { layers: ConfigLayer[]; warnings: ConfigWarning[] } {
  const { home, cliOverrides, requestOverrides, env } = options;
  const baseDir = options.cwd ?? home;
  const oss = readOssEnvironment(env);
  const isOssSet = Object.keys(oss.table).length > 0;
  const layers = [
    readFileLayer('defaults', { type: 'packagedDefaults', file: findDefaultsFile() }),
    ...(isOssSet ? [makeMemoryLayer('environment', oss.table, baseDir)] : []),
    readFileLayer('shared', { type: 'user', file: join(home, 'config.toml'), profile: null }),
    readFileLayer('own', { type: 'user', file: join(home, 'rolloutd', 'config.toml'), profile: null }),
  ];
  if (cliOverrides.length > 0) layers.push(makeMemoryLayer('flags', buildFlagsTable(cliOverrides), baseDir));
  if (requestOverrides) layers.push(makeMemoryLayer('request', buildRequestTable(requestOverrides), baseDir));
  const warnings = oss.warning === null ? [] : [{ message: oss.warning, file: null, line: null, key: null }];
  return { layers, warnings };
}
