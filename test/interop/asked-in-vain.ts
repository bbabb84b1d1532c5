// What a client asked of the daemon without the daemon knowing it: read from the bytes that went through a proxy.
import type { WireConnection } from '../support/wire-proxy.js';
import { OPCODE_TEXT, ServerFrameReader } from '../support/ws-frames.js';

const METHOD_NOT_FOUND = -32601;

/** Names of methods, sorted, each once. */
export function listAskedInVain(connections: readonly WireConnection[]): string[] {
  const methods = new Set<string>();
  for (const { toClient } of connections) {
    const reader = new ServerFrameReader((opcode, payload) => {
      if (opcode !== OPCODE_TEXT) return;
      const { error } = JSON.parse(payload.toString()) as { error?: { code: number; message: string } };
      if (error?.code === METHOD_NOT_FOUND) methods.add(error.message.replace('method not found: ', ''));
    });
    for (const { bytes } of toClient) reader.push(bytes);
  }
  return [...methods].sort();
}
