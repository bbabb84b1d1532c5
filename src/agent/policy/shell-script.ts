// The script that a command hands to a shell. Pure. Session worker.

/**
 * The script of `bash -lc SCRIPT` and its like (sh, zsh, any folder, -c or -lc), or null for every other command.
 * Arguments after the script are its parameters: such a command is not read as a script.
 */
export function shellScriptOf(argv: readonly string[]): string | null {
  const [shell, flag, script] = argv;
  if (argv.length !== 3 || (flag !== '-c' && flag !== '-lc')) return null;
  return /^(?:.*\/)?(?:ba|z|)sh$/.test(shell!) ? script! : null;
}
