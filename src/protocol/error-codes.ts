// JSON-RPC error codes of the wire. No zod. Any thread.

export const PARSE_ERROR = -32700;
/** Also: not or already initialized, a missing capability, and requests that the conversation's state refuses. */
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** The daemon has too much to do just now; the same request may succeed later. */
export const OVERLOADED = -32001;
