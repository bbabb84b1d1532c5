// The seam between the client and a WebSocket, so that Node and browsers can each bring theirs. Clients.

/** What the transport tells, from the moment it is open. `onClose` is called exactly once, after the last `onText`. */
export interface TransportEvents {
  onText(text: string): void;
  onClose(code: number, reason: string): void;
}

/** An open WebSocket that carries text frames in order. */
export interface Transport {
  /** Sends a frame; does nothing once closed. */
  send(text: string): void;
  /** Begins to close, and gives up on the other side after a while. May be called more than once. */
  close(code?: number, reason?: string): void;
}

export interface TransportTarget {
  url: string;
  /** Sent as a bearer token; null sends none. */
  token: string | null;
}

/** Connects. Rejects with RpcClientError of kind `refused` or `unreachable`. */
export type OpenTransport = (target: TransportTarget, events: TransportEvents) => Promise<Transport>;
