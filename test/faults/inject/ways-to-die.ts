// How a thread comes to its end. Session workers, writer and index thread.
import type { WayToDie } from './orders.js';

const BUFFER_BYTES = 16 << 20;

export const WAYS_TO_DIE: Readonly<Record<WayToDie, () => void>> = {
  heap: growHeap,
  buffers: growBuffers,
  spin: () => {
    // The thread's own loop never gets its turn again.
    for (;;);
  },
  throw: () => {
    throw new Error('the fault driver says so');
  },
  exit: () => process.exit(7),
  reject: () => void Promise.reject(new Error('the fault driver says so')),
};

/** Arrays in arrays: one array that grows by doubling would ask for more at once than Node survives. */
function growHeap(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
}

/** Outside of the heap, so that no limit of the heap ends it; with pauses, as a session that does other things too. */
function growBuffers(): void {
  const kept: Buffer[] = [];
  setInterval(() => kept.push(Buffer.alloc(BUFFER_BYTES, 1)), 50);
}
