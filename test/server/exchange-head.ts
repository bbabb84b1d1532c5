// Speaks HTTP to a listener byte by byte, as clients that break the rules do. Main thread.
import { connect } from 'node:net';

export interface Answer {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string;
}

/** The headers of a correct upgrade. */
export const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** Sends a request head as it is and reads the answer; of an upgrade only its head. The connection is gone then. */
export async function exchangeHead(port: number, head: string[]): Promise<Answer> {
  const socket = connect(port, '127.0.0.1');
  socket.write([...head, '', ''].join('\r\n'));
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    // These answers leave the connection open; the others end with it.
    if (/^HTTP\/1\.1 (101|200|503) .*\r\n\r\n$/s.test(text)) break;
  }
  const [top = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
  const [statusLine = '', ...lines] = top.split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 2);
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}
