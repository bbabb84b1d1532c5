// Checks the params of a request, and says what is wrong in the words that clients of this protocol know. Main thread.
import type { z } from 'zod';
import { METHODS } from './methods.js';
import type { MethodName, ParamsOf } from './methods.js';
import { wordMismatch, wordUnknownVariant } from './wording.js';

export type ParamsValidation<Method extends MethodName> =
  | { ok: true; params: ParamsOf<Method> }
  | {
      ok: false;
      /** JSON path of what is wrong: `params.input[0].text`. */
      path: string;
      message: string;
    };

/** Never throws. The params given back hold the known fields only; `raw` is not changed. */
export function validateParams<Method extends MethodName>(method: Method, raw: unknown): ParamsValidation<Method> {
  const spec = METHODS[method];
  if (spec.needsParams && (raw === undefined || raw === null)) {
    return { ok: false, path: 'params', message: 'missing field `params`' };
  }
  const schema: z.ZodType = spec.params;
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { ok: true, params: parsed.data as ParamsOf<Method> };
  // Once more for the wording: an error map slows every parse that is given one.
  const issues = schema.safeParse(raw, { error: wordIssue }).error?.issues ?? [];
  const first = chooseIssue(issues);
  if (first === undefined) return { ok: false, path: 'params', message: 'invalid params' };
  const { path, message } = findCause(first);
  return { ok: false, path: formatPath(path), message };
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a string',
  boolean: 'a boolean',
  array: 'a sequence',
  object: 'an object',
  record: 'a map',
};

/** Undefined leaves zod's own words. */
function wordIssue(issue: z.core.$ZodRawIssue): string | undefined {
  const { input, path } = issue;
  switch (issue.code) {
    case 'invalid_type':
      return input === undefined ? missing(path) : wordMismatch(input, EXPECTED[issue.expected] ?? issue.expected);
    case 'invalid_value':
      if (input === undefined) return missing(path);
      return typeof input === 'string' ? wordUnknownVariant(input, issue.values) : wordMismatch(input, 'a string');
    case 'invalid_union': {
      if (typeof issue.discriminator === 'string') {
        const tag = (input as Record<string, unknown>)[issue.discriminator];
        if (tag === undefined) return `missing field \`${issue.discriminator}\``;
        if (typeof tag !== 'string') return wordMismatch(tag, 'a string');
        return wordUnknownVariant(
          tag,
          (issue.options as unknown[]).filter((option) => typeof option === 'string'),
        );
      }
      return input === undefined ? missing(path) : wordUnion(input, issue.errors);
    }
    default:
      return undefined;
  }
}

/** A union without a tag fits in no form: name the forms. */
function wordUnion(input: unknown, forms: readonly (readonly z.core.$ZodIssue[])[]): string {
  const expected = forms.map(([first]) => (first?.code === 'invalid_type' ? EXPECTED[first.expected] : undefined));
  return wordMismatch(input, [...new Set(expected.map((name) => name ?? 'a string'))].join(' or '));
}

/** The issue itself, or, for a union whose forms all failed, the one that got furthest into the value. */
function findCause(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string } {
  if (issue.code !== 'invalid_union') return issue;
  const ofForms = issue.errors.flatMap((form) => chooseIssue(form.filter(({ path }) => path.length > 0)) ?? []);
  const chosen = chooseIssue(ofForms);
  if (chosen === undefined) return issue;
  if (ofForms.length > 1 && isMissing(chosen)) {
    const names = ofForms.map(({ path }) => `\`${String(path.at(-1))}\``);
    return { path: issue.path, message: `missing field ${names.join(' or ')}` };
  }
  const cause = findCause(chosen);
  return { path: [...issue.path, ...cause.path], message: cause.message };
}

/** A wrong value says more than a missing one. */
function chooseIssue(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined {
  return issues.find((issue) => !isMissing(issue)) ?? issues[0];
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.message.startsWith('missing');
}

function missing(path: readonly PropertyKey[] | undefined): string {
  return `missing field \`${String(path?.at(-1) ?? 'params')}\``;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    'params',
  );
}
