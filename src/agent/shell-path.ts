// The shell that commands run in. Session worker.

/** Absolute path. Only shells that take a script as all of these do. */
export function userShell(): string {
  const shell = process.env['SHELL'] ?? '';
  return /\/(?:bash|zsh|sh)$/.test(shell) ? shell : '/bin/bash';
}
