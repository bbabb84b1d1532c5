// Pings every client by one timer and reports those that fell silent. Main thread.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

interface Pulse {
  rawSocket: Socket;
  bytesRead: number;
  /** Bytes that the system took over. */
  bytesTaken: number;
  /** The system did not take all at once: it takes more only when the client takes some. */
  isBacklogged: boolean;
  silentTicks: number;
}

/** What Node knows of a large write that is under way only its handle says; its own timeouts look there too. */
interface SocketWithHandle extends Socket {
  _handle?: { bytesWritten: number; writeQueueSize: number } | null;
}

const NOTHING_WRITTEN = { bytesWritten: 0, writeQueueSize: 0 };

/**
 * A client is alive while any byte comes from it: pongs count, and so does an upload that delays them. So is one that
 * takes what waits for it, however slowly: the ping stands in that line.
 */
export class Heartbeat {
  readonly #pulses = new Map<WebSocket, Pulse>();
  readonly #timer: NodeJS.Timeout;

  /**
   * Calls `onSilent` once for a client that gave no sign of life over `silentTicks` intervals: after one interval more at the
   * latest. Does not keep the process alive.
   */
  constructor(intervalMs: number, silentTicks: number, onSilent: (socket: WebSocket) => void) {
    this.#timer = setInterval(() => {
      for (const [socket, pulse] of this.#pulses) {
        if (feel(pulse)) {
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
    const pulse = { rawSocket, bytesRead: 0, bytesTaken: 0, isBacklogged: false, silentTicks: 0 };
    feel(pulse);
    this.#pulses.set(socket, pulse);
  }

  remove(socket: WebSocket): void {
    this.#pulses.delete(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#pulses.clear();
  }
}

/** Whether there was a sign of life since the last time. */
function feel(pulse: Pulse): boolean {
  const { bytesRead } = pulse.rawSocket;
  const { bytesWritten, writeQueueSize } = (pulse.rawSocket as SocketWithHandle)._handle ?? NOTHING_WRITTEN;
  const bytesTaken = bytesWritten - writeQueueSize;
  const isAlive = bytesRead !== pulse.bytesRead || (pulse.isBacklogged && bytesTaken > pulse.bytesTaken);
  Object.assign(pulse, { bytesRead, bytesTaken, isBacklogged: writeQueueSize > 0 });
  return isAlive;
}
