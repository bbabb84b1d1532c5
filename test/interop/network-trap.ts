// A proxy that lets nobody through and remembers who asked: a program under test that looks beyond this machine is caught.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface NetworkTrap {
  /** For a program whose every way out shall end here. */
  env: Record<string, string>;
  /** First lines of the requests that came, such as `CONNECT example.org:443 HTTP/1.1`. */
  attempts: readonly string[];
  close(): Promise<void>;
}

export async function setNetworkTrap(): Promise<NetworkTrap> {
  const attempts: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Whoever is refused may hang up as it likes.
    socket.on('error', () => undefined);
    socket.once('data', (head) => {
      attempts.push(head.toString('latin1').split('\r\n', 1)[0]!);
      socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, NO_PROXY: '127.0.0.1' },
    attempts,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
