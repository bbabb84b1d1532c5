// Takes secrets out of what is logged. Any thread.

const REDACTED = '[redacted]';

/** Shorter values are words that occur by chance; replacing them would ruin the log and hide nothing. */
const MIN_SECRET_LENGTH = 4;

/** Longer texts are left out whole: they are no message, and cutting one could leave half a secret. */
const MAX_INPUT = 1024 * 1024;

/** What is kept of one text. */
const MAX_TEXT = 4096;

/** Names of fields whose value is a credential. `tokens` and `tokenUsage` are numbers, not credentials. */
const SECRET_FIELD =
  /(?:authorization|cookie|password|passphrase|secret|credentials?|api[-_]?key|private[-_]?key|token)$/i;

/** Each is linear: no nested repetition. */
const PATTERNS: readonly [RegExp, string][] = [
  // Authorization headers and bearer tokens in running text.
  [
    /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic|digest|token)\s+)?[^\s"',;]+/gi,
    `$1${REDACTED}`,
  ],
  [/\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  // key=value, "key": "value", ?key=value
  [
    /((?:api[-_]?key|access[-_]?token|refresh[-_]?token|id[-_]?token|auth[-_]?token|bearer[-_]?token|client[-_]?secret|password)["']?\s*[:=]\s*["']?)[^\s"',;&}]+/gi,
    `$1${REDACTED}`,
  ],
  // user:password@host
  [/([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"']{1,256}@/gi, `$1${REDACTED}@`],
  // Keys that show by their form what they are.
  [/\b(?:sk|rk|pk)[-_][A-Za-z0-9_-]{12,}/g, REDACTED],
  [
    /\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|hf_[A-Za-z0-9]{16,}|gsk_[A-Za-z0-9]{16,})/g,
    REDACTED,
  ],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, REDACTED],
  [/\bAIza[0-9A-Za-z_-]{30,}/g, REDACTED],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, REDACTED],
];

export interface Redactor {
  /** From now on this value is replaced wherever it occurs. Values of fewer than 4 characters are left alone. */
  addSecret(value: string): void;
  /** The text without secrets, cut to 4096 characters. */
  redactText(text: string): string;
  /** A replacer for JSON.stringify: redacts fields by name and texts by content, and makes errors plain. */
  replace(key: string, value: unknown): unknown;
}

function toPlainError(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code: unknown = (error as NodeJS.ErrnoException).code;
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** Bytes may spell a secret, and are nothing to read anyway. Buffers have become plain objects by now. */
function countBytes(value: object): number | null {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  const { type, data } = value as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? data.length : null;
}

export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let exact: RegExp | null = null;

  function redactText(text: string): string {
    if (text.length > MAX_INPUT) return `[${text.length} characters left out]`;
    let clean = exact === null ? text : text.replace(exact, REDACTED);
    for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
    return clean.length <= MAX_TEXT ? clean : `${clean.slice(0, MAX_TEXT)}… [${clean.length - MAX_TEXT} more]`;
  }

  return {
    addSecret(value) {
      const trimmed = value.trim();
      if (trimmed.length < MIN_SECRET_LENGTH || secrets.has(trimmed)) return;
      // As it is, as it stands in a URL, and as it stands in JSON inside a text.
      for (const form of [trimmed, encodeURIComponent(trimmed.toWellFormed()), JSON.stringify(trimmed).slice(1, -1)]) {
        secrets.add(form);
      }
      // Longest first: a secret that starts with another must go whole.
      const sorted = [...secrets].sort((a, b) => b.length - a.length);
      exact = new RegExp(sorted.map((secret) => secret.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
    },
    redactText,
    replace(key, value) {
      if (typeof value === 'string') return SECRET_FIELD.test(key) && value !== '' ? REDACTED : redactText(value);
      if (typeof value === 'bigint') return String(value);
      if (typeof value !== 'object' || value === null) return value;
      if (SECRET_FIELD.test(key)) return REDACTED;
      if (value instanceof Error) return toPlainError(value);
      const bytes = countBytes(value);
      if (bytes !== null) return `[${bytes} bytes]`;
      if (Array.isArray(value) || Object.keys(value).every((name) => redactText(name) === name)) return value;
      return Object.fromEntries(Object.entries(value).map(([name, element]) => [redactText(name), element]));
    },
  };
}
