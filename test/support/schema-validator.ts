// Holds every message that the daemon sends against two contracts: the JSON schema of the peer (ajv) and our own tables.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import type { z } from 'zod';
import { isMethodName, METHODS } from '../../src/protocol/methods.js';
import { NOTIFICATIONS } from '../../src/protocol/notifications.js';
import { isServerRequest, SERVER_REQUESTS } from '../../src/protocol/server-requests.js';
import { OWN_METHODS, OWN_NOTIFICATIONS } from './own-messages.js';

/** What scripts/reduce-schema.mjs writes. Values are names in `definitions`; null: takes no params. */
export interface ReducedSchema {
  methods: Record<string, { params: string | null; result: string }>;
  notifications: Record<string, string>;
  serverRequests: Record<string, { params: string; result: string }>;
  definitions: Record<string, object>;
}

/** Fields beside `method` and `params` that a notification may carry. */
const STAMPS = ['emittedAtMs', 'epoch', 'seq'];

// The tests run from dist/, the fixture lies in the source tree.
const FIXTURE = path.join(import.meta.dirname, '../../../test/fixtures/protocol/schema.json');

export const reducedSchema = JSON.parse(readFileSync(FIXTURE, 'utf8')) as ReducedSchema;

// The schema names formats of numbers (uint32, int64) that ajv does not know; their signs are in `minimum`.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema({ $id: 'peer', definitions: reducedSchema.definitions });

/** The peer's own check of one definition. Throws for a name it does not have. */
function definitionValidator(name: string): ValidateFunction {
  const validate = ajv.getSchema(`peer#/definitions/${name}`);
  if (validate === undefined) throw new Error(`no definition of ${name} in the schema`);
  return validate as ValidateFunction;
}

/** Throws, with the errors and the message, unless it is a notification that clients know, whole and well-formed. */
export function assertValidNotification(message: unknown): void {
  const { method, params, ...rest } = asObject(message);
  if (typeof method !== 'string') fail('not a notification: no method', message);
  const definition = reducedSchema.notifications[method] ?? null;
  if ((definition === null && !(method in OWN_NOTIFICATIONS)) || !(method in NOTIFICATIONS))
    fail(`unknown notification ${method}`, message);
  for (const key of Object.keys(rest)) if (!STAMPS.includes(key)) fail(`unexpected field ${key}`, message);
  if (!Number.isSafeInteger(rest['emittedAtMs'])) fail('emittedAtMs is not a time', message);
  if (('seq' in rest || 'epoch' in rest) && !(Number.isSafeInteger(rest['seq']) && typeof rest['epoch'] === 'string')) {
    fail('epoch and seq do not belong together', message);
  }
  check(definition, NOTIFICATIONS[method as keyof typeof NOTIFICATIONS].params, params, method, message);
}

/** Throws unless it is a question that clients know, whole and well-formed. */
function assertValidServerRequest(message: unknown): void {
  const { method, id, params, ...rest } = asObject(message);
  const definition = typeof method === 'string' ? reducedSchema.serverRequests[method] : undefined;
  if (definition === undefined || !isServerRequest(method as string)) fail('unknown server request', message);
  if (!Number.isSafeInteger(id) || (id as number) < 0) fail('the id of a server request is no count', message);
  for (const key of Object.keys(rest)) fail(`unexpected field ${key}`, message);
  const { params: table } = SERVER_REQUESTS[method as keyof typeof SERVER_REQUESTS];
  check(definition.params, table, params, method as string, message);
}

/** Throws unless `result` is what the method promises. */
export function assertValidResult(method: string, result: unknown): void {
  const entry = reducedSchema.methods[method] ?? null;
  if ((entry === null && !(method in OWN_METHODS)) || !isMethodName(method)) fail(`unknown method ${method}`, result);
  check(entry?.result ?? null, METHODS[method].result, result, `${method} result`, result);
}

/**
 * Throws unless `message` is a notification, a server request, an answer to one of `requests` (which it then leaves in place), or an
 * error reply. `requests` holds the method of every request sent, by id.
 */
export function assertValidServerMessage(message: unknown, requests: ReadonlyMap<unknown, string>): void {
  const fields = asObject(message);
  if ('method' in fields) {
    if ('id' in fields) return assertValidServerRequest(message);
    return assertValidNotification(message);
  }
  const { id, result, error, ...rest } = fields;
  if (Object.keys(rest).length > 0) fail(`unexpected field ${Object.keys(rest).join(', ')}`, message);
  if ('error' in fields) {
    if ('result' in fields) fail('result and error at once', message);
    return assertValidError(error, message);
  }
  const method = requests.get(id);
  if (method === undefined) fail('an answer that nobody asked for', message);
  if (!('result' in fields)) fail('neither result nor error', message);
  assertValidResult(method, result);
}

function assertValidError(error: unknown, message: unknown): void {
  const { code, message: text, data: _, ...rest } = asObject(error);
  if (!Number.isSafeInteger(code) || typeof text !== 'string' || text === '') fail('malformed error', message);
  if (Object.keys(rest).length > 0) fail(`unexpected field ${Object.keys(rest).join(', ')} in the error`, message);
}

/** `definition` is null for what the peer does not have. */
function check(definition: string | null, ours: z.ZodType, value: unknown, what: string, message: unknown): void {
  const validate = definition === null ? null : definitionValidator(definition);
  if (validate?.(value) === false) fail(`${what} breaks the schema: ${ajv.errorsText(validate.errors)}`, message);
  const parsed = ours.safeParse(value);
  if (!parsed.success) fail(`${what} breaks our table: ${JSON.stringify(parsed.error.issues, null, 1)}`, message);
  // Parsing drops what the table does not know: a misspelt field would pass both checks.
  if (!isDeepStrictEqual(parsed.data, value)) {
    fail(`${what} has fields that our table does not know; it knows ${JSON.stringify(parsed.data)}`, message);
  }
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail('not an object', value);
  return value as Record<string, unknown>;
}

function fail(reason: string, message: unknown): never {
  throw new Error(`${reason}\n${JSON.stringify(message)}`);
}
