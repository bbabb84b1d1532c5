// Rows of a run's final table: what was measured, and whether it holds. Any process.

export interface Judgement {
  name: string;
  value: string;
  /** Undefined for what only informs. */
  isOk?: boolean;
}

export function formatJudgements(judgements: readonly Judgement[]): string {
  const width = Math.max(...judgements.map(({ name }) => name.length));
  const line = ({ name, value, isOk }: Judgement) =>
    `  ${name.padEnd(width)}  ${value}${isOk === undefined ? '' : isOk ? '   ok' : '   WRONG'}`;
  return judgements.map(line).join('\n');
}

export function isAllWell(judgements: readonly Judgement[]): boolean {
  return judgements.every(({ isOk }) => isOk !== false);
}
