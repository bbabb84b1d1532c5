// A WebSocket client that does as little as can be: it must never be what is measured. Client process.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { clientTextFrame, OPCODE_TEXT, ServerFrameReader } from '../../test/support/ws-frames.js';

export interface RawTarget {
  url: string;
  token: string | null;
}

/** Sees the bytes of each notification; they are only valid during the call. */
export type NotificationListener = (bytes: Buffer) => void;

interface Reply {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

interface Waiting {
  resolve: (result: Record<string, unknown>) => void;
  reject: (error: Error) => void;
}

const NOTIFICATION = Buffer.from('{"method"');

/** Frames are told apart by their first bytes; only replies are parsed. Closed by whoever opened it. */
export class RawConnection {
  onNotification: NotificationListener = () => {};
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new ServerFrameReader((opcode, payload) => {
      if (opcode !== OPCODE_TEXT) return;
      if (payload.compare(NOTIFICATION, 0, NOTIFICATION.length, 0, NOTIFICATION.length) === 0) {
        this.onNotification(payload);
      } else this.#settle(JSON.parse(payload.toString('utf8')) as Reply);
    });
    socket.on('data', (bytes) => reader.push(bytes));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the daemon closed the connection'));
    });
    socket.on('error', (error) => process.emitWarning(error));
  }

  static async open({ url, token }: RawTarget): Promise<RawConnection> {
    const { hostname, port, host } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    const head = [
      'GET / HTTP/1.1',
      `Host: ${host}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ...(token === null ? [] : [`Authorization: Bearer ${token}`]),
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    const connection = new RawConnection(socket);
    await connection.request('initialize', {
      clientInfo: { name: 'bench', title: null, version: '0' },
      capabilities: { experimentalApi: true },
    });
    socket.write(clientTextFrame('{"method":"initialized"}'));
    return connection;
  }

  request(method: string, params: Record<string, unknown>): Promise<Record<string, unknown>> {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#socket.write(clientTextFrame(JSON.stringify({ id, method, params })));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  close(): void {
    this.#socket.destroy();
  }

  #settle({ id, result, error }: Reply): void {
    const waiting = this.#waiting.get(id ?? -1);
    this.#waiting.delete(id ?? -1);
    if (error !== undefined) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
  }
}
