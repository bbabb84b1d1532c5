// The few plain HTTP answers of the daemon. Main thread.
import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GateRefusal } from './gate.js';

interface ErrorBody {
  error: string;
  message: string;
}

function headersFor(status: number, text: string): Record<string, string> {
  return {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(text)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
  };
}

function sendJson(response: ServerResponse, status: number, body: ErrorBody, extra: Record<string, string> = {}): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { ...headersFor(status, text), ...extra }).end(text);
}

/** Answers a request that the gate refused, and ends its connection. */
export function refusePlain(response: ServerResponse, refusal: GateRefusal): void {
  sendJson(response, refusal.status, refusal.body);
}

/** Answers a request that the gate let through: health by status alone; there is nothing else but the upgrade. */
export function answerPlain(
  response: ServerResponse,
  method: string,
  health: 'alive' | 'ready' | null,
  isReady: boolean,
): void {
  if (health !== null) {
    const status = health === 'alive' || isReady ? 200 : 503;
    response.writeHead(status, { 'Content-Length': '0', 'Cache-Control': 'no-store' }).end();
  } else if (method === 'GET' || method === 'HEAD') {
    const body = { error: 'upgrade_required', message: 'This port speaks WebSocket only.' };
    sendJson(response, 426, body, { Upgrade: 'websocket', Connection: 'Upgrade, close' });
  } else {
    sendJson(
      response,
      405,
      { error: 'method_not_allowed', message: 'Only GET is served here.' },
      { Allow: 'GET, HEAD' },
    );
  }
}

/** Answers an upgrade that is not granted, and ends the socket. */
export function refuseUpgrade(socket: Duplex, status: number, body: ErrorBody): void {
  // A client that left already; there is nobody to tell.
  socket.on('error', () => socket.destroy());
  // The server's sockets stay half open otherwise, until the client closes its side.
  socket.once('finish', () => socket.destroy());
  const text = `${JSON.stringify(body)}\n`;
  const head = Object.entries(headersFor(status, text)).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...head, '', text].join('\r\n'));
}
