// From the bytes that a client was given to the messages in them. Any thread.
import { OPCODE_TEXT, ServerFrameReader } from '../support/ws-frames.js';
import type { WireChunk } from '../support/wire-proxy.js';

export interface WireMessage {
  id?: number | string;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: { reason?: string } };
  /** Of notifications: which life of the daemon, and the how manieth of its thread. */
  epoch?: unknown;
  seq?: number;
}

export interface LoggedMessage {
  /** `performance.now()` at which its last byte arrived. */
  atMs: number;
  text: string;
  message: WireMessage;
}

/** All whole messages of one connection, in order. A frame that the kill cut off told nobody anything. */
export function readByteLog(chunks: readonly WireChunk[]): LoggedMessage[] {
  const messages: LoggedMessage[] = [];
  let atMs = 0;
  const reader = new ServerFrameReader((opcode, payload) => {
    if (opcode !== OPCODE_TEXT) return;
    const text = payload.toString('utf8');
    messages.push({ atMs, text, message: JSON.parse(text) as WireMessage });
  });
  for (const chunk of chunks) {
    atMs = chunk.atMs;
    reader.push(chunk.bytes);
  }
  return messages;
}
