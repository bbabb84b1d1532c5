// Loaded by mocha before any suite: an environment without the developer's own settings.

// A test gives its daemon a home and a provider by itself: none may reach the developer's.
for (const name of Object.keys(process.env)) {
  if (/^(CODEX|ROLLOUTD)_/.test(name) || name.endsWith('_API_KEY') || /^(https?|all|no)_proxy$/i.test(name)) {
    delete process.env[name];
  }
}
