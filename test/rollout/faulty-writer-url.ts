// Where to find a rollout writer that fails by plan. Main thread.
import { writeFileSync } from 'node:fs';

/** What one thread does wrong. */
export interface FaultyLife {
  /** Dies at this write, counted from 1, when so many bytes of it are in the file. */
  dieAtWrite?: { write: number; bytes: number };
  /** Every sync fails with EIO. */
  failSyncs?: boolean;
  /** Its first write never returns. */
  loops?: boolean;
  /** Each sync tells `sync` on the channel named by the plan's path and waits for a message there before it starts. */
  holdSyncs?: boolean;
}

/** Entry for a WriterThread whose first threads live as `lives` says, one after the other; `plan` is a path for a file. */
export function faultyWriterUrl(plan: string, lives: FaultyLife[]): URL {
  writeFileSync(plan, JSON.stringify(lives));
  const entry = new URL('./faulty-writer.js', import.meta.url);
  entry.searchParams.set('plan', plan);
  // A Worker drops the query of a file: URL; an import does not.
  return new URL(`data:text/javascript,${encodeURIComponent(`await import(${JSON.stringify(entry.href)})`)}`);
}
