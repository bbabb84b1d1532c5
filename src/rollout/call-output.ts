// What the text tells that a model got as the output of its call. Any thread.

export type CallOutcome =
  | 'completed'
  | 'failed'
  /** A person or a rule said no. */
  | 'declined'
  /** There was no such tool: nothing was tried. */
  | 'unsupported';

export interface CallOutput {
  outcome: CallOutcome;
  /** What the command wrote; where nothing ran, what the model was told instead. */
  text: string;
  /** null where the text does not tell, as for everything that is no command. */
  exitCode: number | null;
  durationMs: number | null;
  /** By which later calls name the process, when it was still running. */
  sessionId: string | null;
}

/**
 * Reads the output of a call in any of the forms that versions 0.34 to 0.169 gave it. The text may be cut in the middle,
 * with a note that says so: the model got no more.
 */
export function readCallOutput(output: unknown): CallOutput {
  const text = textOf(output);
  return readJson(text) ?? readHeaded(text) ?? readPlain(text);
}

/** The texts in it; parts of other kinds have none. */
function textOf(output: unknown): string {
  if (typeof output === 'string') return output;
  if (!Array.isArray(output)) return output === undefined || output === null ? '' : JSON.stringify(output);
  const parts = output as ({ text?: unknown } | null)[];
  return parts.flatMap((part) => (typeof part?.text === 'string' ? [part.text] : [])).join('\n');
}

interface JsonOutput {
  output?: unknown;
  /** Of `shell` and patches, to 0.130. */
  metadata?: { exit_code?: unknown; duration_seconds?: unknown } | null;
  /** Of `exec_command`, about 0.49, and of its forerunner `unified_exec`. */
  session_id?: unknown;
  exit_code?: unknown;
  wall_time_seconds?: unknown;
}

const JSON_MARKS = ['metadata', 'session_id', 'exit_code', 'wall_time_seconds'];

function readJson(text: string): CallOutput | null {
  if (!text.startsWith('{')) return null;
  let value: JsonOutput;
  try {
    value = JSON.parse(text) as JsonOutput;
  } catch {
    // Braces may begin any output.
    return null;
  }
  if (typeof value.output !== 'string' || !JSON_MARKS.some((mark) => mark in value)) return null;
  const { metadata } = value;
  const seconds = metadata ? metadata.duration_seconds : value.wall_time_seconds;
  return commandOutput(value.output, metadata ? metadata.exit_code : value.exit_code, seconds, value.session_id);
}

// `Exit code: 0`, `Wall time: 0.1 seconds`, `Output:` and their like, one a line, before the output itself.
const HEADER =
  /^(?:Exit code: (?<code>-?\d+)\n|Chunk ID: [^\n]*\n)?Wall time: (?<time>[\d.]+) seconds\n(?:Process exited with code (?<exit>-?\d+)\n|Process running with session ID (?<session>[^\n]+)\n)?(?:Original token count: \d+\n|Total output lines: \d+\n)*Output:(?:\n|$)/;

function readHeaded(text: string): CallOutput | null {
  const header = HEADER.exec(text);
  if (header === null) return null;
  const { code, time, exit, session } = header.groups as Partial<Record<string, string>>;
  const rest = text.slice(header[0].length);
  const exitCode = code ?? exit;
  // A patch that was told to a shell: its own output stands within that of the call.
  const inner = exitCode === undefined && session === undefined ? readJson(rest) : null;
  return inner ?? commandOutput(rest, exitCode, time, session);
}

function commandOutput(text: string, exitCode: unknown, seconds: unknown, sessionId: unknown): CallOutput {
  const code = toNumber(exitCode);
  return {
    outcome: code === null || code === 0 ? 'completed' : 'failed',
    text,
    exitCode: code,
    durationMs: toMilliseconds(seconds),
    sessionId: typeof sessionId === 'string' || typeof sessionId === 'number' ? String(sessionId) : null,
  };
}

// Sentences of the host, always at the beginning.
const UNSUPPORTED = /^unsupported (?:custom tool )?call: /;
const DECLINED =
  /^(?:exec command rejected|patch rejected|approval policy is \w+; reject command|exec_command failed[^]*message: "Rejected\()/;
const FAILED =
  /^(?:aborted|failed to parse function arguments|failed in sandbox|execution error|error: |tool call error|apply_patch verification failed|exec_command failed|write_stdin failed|unable to locate image|[a-z_]+ is unavailable)/;
/** Some of them tell how the command ended all the same. */
const EXIT_CODE = /^(?:failed in sandbox|exec_command failed)[^]*?\bexit[_ ]code: (-?\d+)/;
const ABORTED = /^(?:Wall time: ([\d.]+) seconds\n)?(aborted by user(?: after ([\d.]+)s)?)/;

function readPlain(text: string): CallOutput {
  const told = { text, exitCode: null, durationMs: null, sessionId: null };
  if (UNSUPPORTED.test(text)) return { ...told, outcome: 'unsupported' };
  if (DECLINED.test(text)) return { ...told, outcome: 'declined' };
  const aborted = ABORTED.exec(text);
  if (aborted !== null) {
    const [, before, what = '', after] = aborted;
    return { ...told, outcome: 'failed', text: what, durationMs: toMilliseconds(before ?? after) };
  }
  const exitCode = toNumber(EXIT_CODE.exec(text)?.[1]);
  return { ...told, outcome: FAILED.test(text) ? 'failed' : 'completed', exitCode };
}

function toMilliseconds(seconds: unknown): number | null {
  const number = toNumber(seconds);
  return number === null ? null : Math.round(number * 1000);
}

function toNumber(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}
