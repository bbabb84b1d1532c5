// Tells the first signal from a second one. Clients and main thread.

/**
 * Ctrl-C reaches a process twice when a launcher such as npm passes on what the terminal has sent already; a person does
 * not press it again so soon.
 */
const SAME_KEY_PRESS_MS = 250;

/** Calls `handle` for each signal with its number, from 1. Returns the function that stops listening. */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  handle: (signal: NodeJS.Signals, count: number) => void,
): () => void {
  let count = 0;
  let lastAt = -Infinity;
  let last: NodeJS.Signals | undefined;
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    const isEcho = signal === 'SIGINT' && last === signal && now - lastAt < SAME_KEY_PRESS_MS;
    [last, lastAt] = [signal, now];
    if (!isEcho) handle(signal, ++count);
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
