// The client's WebSocket under Node. Clients; their only user of ws.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { RpcClientError } from './rpc-client-error.js';
import type { Transport, TransportEvents, TransportTarget } from './transport.js';

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Whole conversations come in one reply; beyond this no string could hold it. */
const MAX_PAYLOAD_BYTES = 512 * 1024 * 1024;
/** How long close() waits for the other side. */
const CLOSE_GRACE_MS = 2_000;
/** Of a refusal's body; more would be no answer of the daemon. */
const MAX_REFUSAL_CHARS = 8_192;

/** Connects with ws. Rejects with RpcClientError of kind `refused`, saying the daemon's reason, or `unreachable`. */
export async function openNodeTransport({ url, token }: TransportTarget, events: TransportEvents): Promise<Transport> {
  return new Promise((resolve, reject) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, {
        headers: token === null ? {} : { authorization: `Bearer ${token}` },
        perMessageDeflate: false,
        maxPayload: MAX_PAYLOAD_BYTES,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      });
    } catch (error) {
      reject(new RpcClientError('unreachable', 0, `'${url}' is no WebSocket URL`, { errno: (error as Error).name }));
      return;
    }
    socket.on('unexpected-response', (request, response) => void readRefusal(request, response).then(reject));
    // Once open, 'close' follows and says the same with a code; the promise is settled then.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code ?? error.message;
      reject(new RpcClientError('unreachable', 0, `nothing answers at ${url} (${reason})`, { errno: reason }));
    });
    // Listening starts within the event: frames may be right behind it.
    socket.on('open', () => resolve(carry(socket, events)));
  });
}

function carry(socket: WebSocket, events: TransportEvents): Transport {
  let graceTimer: NodeJS.Timeout | undefined;
  socket.on('message', (data: Buffer) => events.onText(data.toString()));
  socket.on('close', (code, reason) => {
    clearTimeout(graceTimer);
    events.onClose(code, String(reason));
  });
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code = 1000, reason = '') => {
      if (graceTimer !== undefined || socket.readyState === WebSocket.CLOSED) return;
      graceTimer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
      socket.close(code, reason);
    },
  };
}

/** Never rejects. */
async function readRefusal(request: ClientRequest, response: IncomingMessage): Promise<RpcClientError> {
  let text = '';
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > MAX_REFUSAL_CHARS) break;
    }
  } catch {
    // The status is enough of an answer.
  }
  request.destroy();
  const status = response.statusCode ?? 0;
  const body = parseBody(text);
  const message = body === null ? text.trim().slice(0, 200) : body.message;
  return new RpcClientError(
    'refused',
    status,
    `the daemon refused the connection (${status}${message === '' ? '' : `: ${message}`})`,
    body ?? undefined,
  );
}

function parseBody(text: string): { error: string; message: string } | null {
  try {
    const value: unknown = JSON.parse(text);
    const { error, message } = value as { error?: unknown; message?: unknown };
    return typeof error === 'string' && typeof message === 'string' ? { error, message } : null;
  } catch {
    // Not our JSON: the text itself is shown.
    return null;
  }
}
