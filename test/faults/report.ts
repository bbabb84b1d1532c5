// What the run prints: progress, the final table, and violations so that they can be replayed. Any thread.
import type { ReportedViolation } from './evidence.js';
import type { OracleResult } from './oracle.js';

/** `own` are the rows of the scenario. */
export function formatTable(result: OracleResult, own: readonly [string, string][], seconds: string): string {
  const of = (...kinds: string[]) => String(result.violations.filter(({ kind }) => kinds.includes(kind)).length);
  const rows: [string, string][] = [
    ['lives of the daemon', `${result.kills} in ${seconds} s`],
    ['  ended in good order', String(result.stops)],
    ['ready again after', `${median(result.readyMs)} ms, at most ${Math.max(0, ...result.readyMs).toFixed(0)} ms`],
    ...own,
    ['conversations', String(result.conversations)],
    ...[...result.facts].sort().map(([kind, count]): [string, string] => [`facts: ${kind}`, String(count)]),
    ['deltas received', String(result.deltas)],
    ['notifications in sequence', String(result.numbered)],
    ['torn pieces put in', String(result.tornPieces)],
    ['lost', of('lost')],
    ['doubled', of('doubled')],
    ['unreadable', of('unreadable')],
    ['file names, modes, former bytes', of('file')],
    ['out of order', of('order')],
    ['not working', of('broken')],
    ['streams cut by a kill', String(result.streamsCut)],
    ['  beyond the bound', of('bounded')],
    ['  most lost', `${result.lostMsMax.toFixed(0)} ms, ${result.lostCharactersMax} characters`],
    ['  slack given, at most', `${result.slackMsMax.toFixed(0)} ms`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}

export function formatViolation(violation: ReportedViolation): string {
  const { kind, kill, plan, conversation, threadId, what, told, found } = violation;
  const lines = [`${kind.toUpperCase()}  kill ${kill} (${plan})  ${conversation ?? ''} ${threadId ?? ''}`, `  ${what}`];
  if (told !== undefined) lines.push(`  told:  ${told}`);
  if (found !== undefined) lines.push(`  found: ${found}`);
  return lines.join('\n');
}

function median(values: readonly number[]): string {
  const sorted = [...values].toSorted((one, other) => one - other);
  return (sorted[sorted.length >> 1] ?? 0).toFixed(0);
}
