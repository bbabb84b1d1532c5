// Waits until a folder shows something, by the system's own notices. Main thread.
import { watch } from 'node:fs';

/** What `look` gives as soon as that is not null: looked at now and whenever something in the folder changes. */
export async function whenFolderShows<Found>(folder: string, look: () => Found | null): Promise<Found> {
  let onChange = (): void => undefined;
  const watcher = watch(folder, () => onChange());
  try {
    for (;;) {
      // Made before the look: what changes meanwhile counts.
      const changed = new Promise<void>((resolve) => (onChange = resolve));
      const found = look();
      if (found !== null) return found;
      await changed;
    }
  } finally {
    watcher.close();
  }
}
