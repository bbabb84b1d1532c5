// The one error of the client. Clients.

/**
 * - `reply`: the daemon answered with an error; `code` is its JSON-RPC code (negative), `data` what came with it.
 * - `closed`: the connection ended first; `code` is the WebSocket close code (1000 and above).
 * - `refused`: the daemon did not upgrade; `code` is the HTTP status, `data` its JSON body where it had one.
 * - `unreachable`: nothing answered; `code` is 0, `data` {errno}.
 */
export type RpcClientErrorKind = 'reply' | 'closed' | 'refused' | 'unreachable';

export class RpcClientError extends Error {
  readonly kind: RpcClientErrorKind;
  readonly code: number;
  readonly data: unknown;

  constructor(kind: RpcClientErrorKind, code: number, message: string, data?: unknown) {
    super(message);
    this.name = 'RpcClientError';
    this.kind = kind;
    this.code = code;
    this.data = data;
  }
}

/** How a connection ended. */
export interface ClosedConnection {
  code: number;
  reason: string;
}

export function closedError({ code, reason }: ClosedConnection): RpcClientError {
  return new RpcClientError('closed', code, `the connection closed (${code}${reason === '' ? '' : `: ${reason}`})`);
}
