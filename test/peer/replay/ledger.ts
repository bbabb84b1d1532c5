// What the recordings were compared on, and which entries of the tables were needed for it. Main thread.
import { inspect } from 'node:util';
import { ALLOWED_DIFFERENCES } from './allowed-differences.js';
import { ruleMatches } from './difference.js';
import type { Difference, DifferenceRule } from './difference.js';
import { NOT_YET } from './not-yet.js';
import { OPEN_DIFFERENCES } from './open-differences.js';

interface Explanation {
  /** Of the table. */
  kind: 'meant' | 'not built yet' | 'open';
  name: string;
  rule: DifferenceRule;
}

const EXPLANATIONS: readonly Explanation[] = [
  ...ALLOWED_DIFFERENCES.flatMap(({ title, rules }) => explain('meant', title, rules)),
  ...NOT_YET.flatMap(({ id, rules = [] }) => explain('not built yet', id, rules)),
  ...OPEN_DIFFERENCES.flatMap(({ id, rules }) => explain('open', id, rules)),
];

function explain(kind: Explanation['kind'], name: string, rules: readonly DifferenceRule[]): Explanation[] {
  return rules.map((rule) => ({ kind, name, rule }));
}

export class Ledger {
  /** Requests whose replies were held against the recorded ones. */
  compared = 0;
  /** Recorded notifications, likewise. */
  notices = 0;
  /** Requests that were not sent because of an entry of NOT_YET. */
  skipped = 0;
  /** Requests of methods that the daemon lacks and nobody excused. */
  readonly unserved = new Map<string, number>();
  /** Requests that name something which an earlier step should have brought, as `file:line`. */
  readonly blocked: string[] = [];
  readonly #used = new Map<Explanation, number>();
  readonly #usedSkips = new Set<object>();

  /** Whether a table explains the difference. */
  explains(difference: Difference): boolean {
    const found = EXPLANATIONS.find(({ rule }) => ruleMatches(rule, difference));
    if (found === undefined) return false;
    this.#used.set(found, (this.#used.get(found) ?? 0) + 1);
    return true;
  }

  /** Whether this part of a recording is left out for now. */
  isSkipped(recording: string, section: string, method: string): boolean {
    const entry = NOT_YET.find(
      ({ methods = [], sections = [] }) =>
        methods.includes(method) || sections.some((part) => part.recording === recording && part.section === section),
    );
    if (entry !== undefined) this.#usedSkips.add(entry);
    return entry !== undefined;
  }

  /** Entries of the tables that no recording needed, rule by rule. */
  unused(): string[] {
    const rules = EXPLANATIONS.filter((explanation) => !this.#used.has(explanation));
    const skips = NOT_YET.filter((entry) => (entry.methods ?? entry.sections) !== undefined);
    return [
      ...rules.map(({ name, rule }) => `${name}: ${describeRule(rule)}`),
      ...skips.filter((entry) => !this.#usedSkips.has(entry)).map(({ id }) => id),
    ];
  }

  summary(): string {
    const differences = (kind: Explanation['kind']): string => {
      const used = [...this.#used].filter(([explanation]) => explanation.kind === kind);
      return `${used.reduce((sum, [, count]) => sum + count, 0)} ${kind}`;
    };
    return [
      `${this.compared} requests and ${this.notices} notifications compared`,
      `${this.skipped} requests not sent, ${[...this.unserved.values()].reduce((a, b) => a + b, 0)} not served, ${this.blocked.length} blocked`,
      `differences: ${differences('meant')}, ${differences('not built yet')}, ${differences('open')} (${OPEN_DIFFERENCES.length} kinds)`,
    ].join('; ');
  }
}

function describeRule({ recording = 'any', method = 'any', path, recorded, live }: DifferenceRule): string {
  return `${String(recording)} ${String(method)} ${String(path)} (${inspect(recorded)} -> ${inspect(live)})`;
}
