// What kind of message a parsed frame is. No zod: it runs on every frame. Main thread.

/** A request's id: a string or a safe integer, given back as it came. */
export type RequestId = string | number;

export type ClassifiedFrame =
  | { kind: 'request'; id: RequestId; method: string; params: unknown }
  | { kind: 'notification'; method: string; params: unknown }
  | { kind: 'response'; id: RequestId; result?: unknown; error?: unknown }
  | {
      kind: 'invalid';
      /** Of the request that gets the error; null when it cannot be told. */
      id: RequestId | null;
      reason: string;
    };

/**
 * Never throws. `value` is what JSON.parse gave. Absent and null `params` are both undefined in the answer; unknown
 * fields, `jsonrpc` among them, are ignored.
 */
export function classifyFrame(value: unknown): ClassifiedFrame {
  if (typeof value !== 'object' || value === null) return invalid(null, 'a message must be an object');
  if (Array.isArray(value)) return invalid(null, 'batches are not supported');
  const { id, method, params, result, error } = value as Record<string, unknown>;
  if (id !== undefined && !isRequestId(id)) return invalid(null, 'id must be a string or an integer');
  if (method !== undefined) {
    if (typeof method !== 'string') return invalid(id ?? null, 'method must be a string');
    const given = params ?? undefined;
    return id === undefined
      ? { kind: 'notification', method, params: given }
      : { kind: 'request', id, method, params: given };
  }
  if (id !== undefined && error !== undefined) return { kind: 'response', id, error };
  if (id !== undefined && result !== undefined) return { kind: 'response', id, result };
  return invalid(id ?? null, 'missing field `method`');
}

function isRequestId(id: unknown): id is RequestId {
  return typeof id === 'string' || Number.isSafeInteger(id);
}

function invalid(id: RequestId | null, reason: string): ClassifiedFrame {
  return { kind: 'invalid', id, reason };
}
