// One place where the live daemon and the recorded peer do not say the same, and the form of a rule for it. Main thread.
import { isObject } from './recording.js';

export interface Difference {
  recording: string;
  section: string;
  line: number;
  /** Of the request that was answered, or of the notification. */
  method: string;
  /** `result.thread.turns[].items[]`; empty for the whole message. */
  path: string;
  /** Undefined: only the live daemon has it. */
  recorded: unknown;
  /** Undefined: only the recording has it. */
  live: unknown;
}

/** A value as it is, a text that matches, an object that has at least these fields, or whatever the function takes. */
export type Pattern =
  null | undefined | boolean | number | string | RegExp | ((value: unknown) => boolean) | { [key: string]: Pattern };

export interface DifferenceRule {
  recording?: string | readonly string[];
  section?: string | RegExp;
  /** Any when left out. */
  method?: string | readonly string[];
  path: string | RegExp;
  recorded: Pattern;
  live: Pattern;
}

/** Takes every value, but not its absence. */
export const something = (value: unknown): boolean => value !== undefined;
export const isNumber = (value: unknown): boolean => typeof value === 'number';
export const isText = (value: unknown): boolean => typeof value === 'string';

type Scope = Pick<DifferenceRule, 'recording' | 'section' | 'method'>;

/** Another value at this place. */
export function other(scope: Scope, path: string | RegExp, recorded: Pattern, live: Pattern): DifferenceRule {
  return { ...scope, path, recorded, live };
}

/** Something at this place that only the live daemon has. */
export function added(scope: Scope, path: string | RegExp, live: Pattern = something): DifferenceRule {
  return { ...scope, path, recorded: undefined, live };
}

/** Something at this place that only the peer has. */
export function left(scope: Scope, path: string | RegExp, recorded: Pattern = something): DifferenceRule {
  return { ...scope, path, recorded, live: undefined };
}

/** A whole reply, or notification, in place of another: what else than its path could name it. */
export const WHOLE = '';

export function ruleMatches(rule: DifferenceRule, difference: Difference): boolean {
  return (
    isAmong(rule.recording, difference.recording) &&
    (rule.section === undefined || patternMatches(rule.section, difference.section)) &&
    isAmong(rule.method, difference.method) &&
    patternMatches(rule.path, difference.path) &&
    patternMatches(rule.recorded, difference.recorded) &&
    patternMatches(rule.live, difference.live)
  );
}

export function describeDifference({ recording, line, section, method, path, recorded, live }: Difference): string {
  return `${recording}:${line} [${section}] ${method} ${path}\n    peer: ${shorten(recorded)}\n    ours: ${shorten(live)}`;
}

function isAmong(wanted: string | readonly string[] | undefined, value: string): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === 'string' ? wanted === value : wanted.includes(value);
}

function patternMatches(pattern: Pattern, value: unknown): boolean {
  if (typeof pattern === 'function') return pattern(value);
  if (pattern instanceof RegExp) return typeof value === 'string' && pattern.test(value);
  if (typeof pattern !== 'object' || pattern === null) return pattern === value;
  return isObject(value) && Object.entries(pattern).every(([key, part]) => patternMatches(part, value[key]));
}

function shorten(value: unknown): string {
  const text = value === undefined ? '(absent)' : JSON.stringify(value);
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
}
