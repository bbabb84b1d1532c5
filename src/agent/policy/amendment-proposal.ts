// What a person may be offered to allow for good, beside the one command. Pure. Session worker.
import path from 'node:path';

/** Programs that do anything their arguments say: allowing them by name alone would allow everything. */
const DO_ANYTHING = new Set(
  (
    'ash awk bash builtin bun busybox bunx command csh dash deno doas docker env eval exec fish git ionice java ksh lua make nice ' +
    'node nohup npx osascript perl php pnpx podman powershell pwsh python python2 python3 ruby sed setsid sh ssh stdbuf su sudo ' +
    'tclsh time timeout tmux uv uvx watch xargs zsh'
  ).split(' '),
);

/**
 * The words of a rule. The model's own proposal counts when with it every command that is `open` (allowed by no rule
 * yet) would be allowed and it is not as good as allowing everything; else the first open command, word by word.
 */
export function proposeAmendment(
  open: readonly (readonly string[])[],
  prefixRule: readonly string[] | null,
): string[] | null {
  if (prefixRule !== null && isNarrow(prefixRule) && open.every((command) => beginsWith(command, prefixRule))) {
    return [...prefixRule];
  }
  const [first] = open;
  return first === undefined || first.length === 0 || first[0] === '' ? null : [...first];
}

function isNarrow([program, second]: readonly string[]): boolean {
  if (program === undefined || program === '') return false;
  return !DO_ANYTHING.has(path.basename(program)) || (second !== undefined && !second.startsWith('-'));
}

function beginsWith(command: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= command.length && prefix.every((word, place) => command[place] === word);
}
