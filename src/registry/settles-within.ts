// Waits for something, but not for ever. Main thread.

/** True when `work` has settled within that time, however it did; false when the time was over first. Never rejects. */
export async function settlesWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, over]);
  } finally {
    clearTimeout(timer);
  }
}
