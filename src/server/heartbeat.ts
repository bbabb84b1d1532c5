// Pings every client by one timer and reports those that fell silent. Main thread.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

interface Pulse {
  rawSocket: Socket;
  bytesRead: number;
  silentTicks: number;
}

/** A client is alive while any byte comes from it: pongs count, and so does an upload that delays them. */
export class Heartbeat {
  readonly #pulses = new Map<WebSocket, Pulse>();
  readonly #timer: NodeJS.Timeout;

  /** Calls `onSilent` once for a client that sent nothing over `silentTicks` intervals; does not keep the process alive. */
  constructor(intervalMs: number, silentTicks: number, onSilent: (socket: WebSocket) => void) {
    this.#timer = setInterval(() => {
      for (const [socket, pulse] of this.#pulses) {
        if (pulse.rawSocket.bytesRead !== pulse.bytesRead) {
          pulse.bytesRead = pulse.rawSocket.bytesRead;
          pulse.silentTicks = 0;
        } else if (++pulse.silentTicks >= silentTicks) {
          this.#pulses.delete(socket);
          onSilent(socket);
          continue;
        }
        if (socket.readyState === socket.OPEN) socket.ping();
      }
    }, intervalMs);
    this.#timer.unref();
  }

  add(socket: WebSocket, rawSocket: Socket): void {
    this.#pulses.set(socket, { rawSocket, bytesRead: rawSocket.bytesRead, silentTicks: 0 });
  }

  remove(socket: WebSocket): void {
    this.#pulses.delete(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#pulses.clear();
  }
}
