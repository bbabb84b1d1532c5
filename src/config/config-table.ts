// Tables over tables: the merge of layers, and where each leaf came from. Any thread.
import type { ConfigTable } from './config.js';

/** True for what a TOML table or a JSON object becomes; dates, arrays and null are values. */
export function isTable(value: unknown): value is ConfigTable {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** A table without a prototype, so that no key, `__proto__` included, means anything special. */
export function makeTable(): ConfigTable {
  return Object.create(null) as ConfigTable;
}

/** A deep copy; values that are not tables or arrays are shared. `null` is left out: it sets nothing. */
export function copyTable(table: ConfigTable): ConfigTable {
  const copy = makeTable();
  for (const [key, value] of Object.entries(table)) {
    if (value !== null && value !== undefined) copy[key] = copyValue(value);
  }
  return copy;
}

function copyValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyValue);
  return isTable(value) ? copyTable(value) : value;
}

export function getAt(table: ConfigTable, path: readonly string[]): unknown {
  let value: unknown = table;
  for (const segment of path) {
    if (Array.isArray(value)) value = (value as unknown[])[Number(segment)];
    else if (isTable(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}

/** Sets the value at the path, in place; whatever stood in the way and is no table is replaced by one. */
export function setAt(table: ConfigTable, path: readonly string[], value: unknown): void {
  let parent = table;
  for (const segment of path.slice(0, -1)) {
    const next = Object.hasOwn(parent, segment) ? parent[segment] : undefined;
    parent = isTable(next) ? next : (parent[segment] = makeTable());
  }
  const last = path.at(-1);
  if (last !== undefined) parent[last] = value;
}

/** Leaves are all values but tables and arrays; elements of an array have their index as last segment. */
function* walkLeaves(value: unknown, path: string): Generator<string> {
  if (Array.isArray(value)) {
    for (const [index, element] of (value as unknown[]).entries()) yield* walkLeaves(element, `${path}.${index}`);
  } else if (isTable(value)) {
    for (const [key, element] of Object.entries(value)) yield* walkLeaves(element, `${path}.${key}`);
  } else {
    yield path;
  }
}

/**
 * Merges `over` into `table`, in place: tables key by key, everything else replaced whole. `origins` (dotted path of a
 * leaf → its layer) follows.
 */
export function mergeInto<Origin>(
  table: ConfigTable,
  over: ConfigTable,
  origin: Origin,
  origins: Map<string, Origin>,
  prefix = '',
): void {
  for (const [key, value] of Object.entries(over)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const existing = Object.hasOwn(table, key) ? table[key] : undefined;
    if (isTable(value) && isTable(existing)) {
      mergeInto(existing, value, origin, origins, path);
      continue;
    }
    for (const leaf of walkLeaves(existing, path)) origins.delete(leaf);
    table[key] = copyValue(value);
    for (const leaf of walkLeaves(value, path)) origins.set(leaf, origin);
  }
}
