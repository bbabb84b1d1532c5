// Looks again and again until something has come about. Clients.
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_INTERVAL_MS = 50;

/** What `look` gives as soon as that is not null; null when the time is over first. */
export async function waitUntil<Found>(
  limitMs: number,
  look: () => Found | null | Promise<Found | null>,
): Promise<Found | null> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null || performance.now() >= deadline) return found;
    await delay(LOOK_INTERVAL_MS);
  }
}
