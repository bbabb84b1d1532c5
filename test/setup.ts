// Loaded by mocha before any suite: an environment without the developer's own settings.

// A test gives its daemon a home and a provider by itself: none may reach the developer's.
for (const name of Object.keys(process.env)) {
  // Names a program for the tests that need it, not a setting.
  if (name === 'ROLLOUTD_PEER_BIN') continue;
  if (/^(CODEX|ROLLOUTD)_/.test(name) || name.endsWith('_API_KEY') || /^(https?|all|no)_proxy$/i.test(name)) {
    delete process.env[name];
  }
}

/** Milliseconds that handles may take to close after the last test. */
const LEAK_LIMIT_MS = 15_000;

/** Told by mocha before and after everything: a suite that leaves a handle open must fail, not hang. */
export const mochaHooks = {
  afterAll(): void {
    // One of several processes, which ends a suite and begins the next.
    if (process.env['MOCHA_WORKER_ID'] !== undefined) return;
    const timer = setTimeout(() => {
      const open = process.getActiveResourcesInfo().filter((name) => name !== 'Timeout');
      process.stderr.write(`tests left open: ${open.join(', ')}\n`);
      // Mocha sets the code of its own result on exit; this comes after it.
      process.once('exit', () => {
        process.exitCode = 1;
      });
      process.exit(1);
    }, LEAK_LIMIT_MS);
    timer.unref();
  },
};
