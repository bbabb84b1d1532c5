// Reads what a model gave as arguments of a function: a wrong one is a failure that names it. Pure. Session worker.
import { ToolFailure } from './tool.js';

interface Kinds {
  string: string;
  number: number;
  boolean: boolean;
  strings: string[];
}
type Kind = keyof Kinds;
type Required<Spec extends Record<string, Kind>> = { [Name in keyof Spec]: Kinds[Spec[Name]] };
type Optional<Spec extends Record<string, Kind>> = { [Name in keyof Spec]: Kinds[Spec[Name]] | undefined };

const IS: { [K in Kind]: (value: unknown) => value is Kinds[K] } = {
  string: (value): value is string => typeof value === 'string',
  number: (value): value is number => typeof value === 'number' && Number.isFinite(value),
  boolean: (value): value is boolean => typeof value === 'boolean',
  strings: (value): value is string[] => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
};

const NAMES: Record<Kind, string> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  strings: 'a list of strings',
};

/** Null counts as absent. What is in neither list is passed over. Throws ToolFailure. */
export function readArguments<Needed extends Record<string, Kind>, Possible extends Record<string, Kind>>(
  input: unknown,
  needed: Needed,
  possible: Possible,
): Required<Needed> & Optional<Possible> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new ToolFailure('the arguments must be a JSON object');
  }
  const given = input as Record<string, unknown>;
  const read: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries({ ...needed, ...possible })) {
    const value = given[name] ?? undefined;
    if (value === undefined && !Object.hasOwn(needed, name)) continue;
    if (!IS[kind](value)) throw new ToolFailure(`\`${name}\` must be ${NAMES[kind]}`);
    read[name] = value;
  }
  return read as Required<Needed> & Optional<Possible>;
}

/** By which a command asks to leave the sandbox. */
export const ESCALATION_PROPERTIES = {
  sandbox_permissions: {
    type: 'string',
    enum: ['use_default', 'require_escalated'],
    description: 'require_escalated asks the user to let the command leave the sandbox.',
  },
  justification: { type: 'string', description: 'With require_escalated: what for, as a short question to the user.' },
  prefix_rule: {
    type: 'array',
    items: { type: 'string' },
    description: 'With require_escalated: first words of commands like this that the user may allow for good.',
  },
} as const;

export interface Escalation {
  escalated: boolean;
  justification: string | null;
  prefixRule: string[] | null;
}

export function readEscalation(input: unknown): Escalation {
  const { sandbox_permissions, justification, prefix_rule } = readArguments(
    input,
    {},
    { sandbox_permissions: 'string', justification: 'string', prefix_rule: 'strings' },
  );
  return {
    escalated: sandbox_permissions === 'require_escalated',
    justification: justification ?? null,
    prefixRule: prefix_rule ?? null,
  };
}
