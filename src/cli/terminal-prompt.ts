// Reads a line from the person at the terminal, until somebody else makes it pointless. Clients.
import { createInterface } from 'node:readline/promises';

/** True where there is somebody to ask. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * Resolves to the line, or null when the input has ended. Rejects when the signal aborts. Ctrl-C stays a signal: the
 * terminal's own line editing is used, not one that takes the keys.
 */
export async function askAtTerminal(prompt: string, signal: AbortSignal): Promise<string | null> {
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: false,
  });
  try {
    const ended = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
    return await Promise.race([lines.question(prompt, { signal }), ended]);
  } finally {
    lines.close();
  }
}
