// The words in which a wrong value is reported, as clients of this protocol know them. Main thread.

/** What was sent: `integer \`5\``, `string "x"`, `map`. Long strings are cut. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return `string ${JSON.stringify(cut(value))}`;
    case 'number':
      return Number.isInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``;
    case 'boolean':
      return `boolean \`${value}\``;
    default:
      return Array.isArray(value) ? 'sequence' : 'map';
  }
}

export function wordMismatch(value: unknown, expected: string): string {
  return `invalid type: ${describeValue(value)}, expected ${expected}`;
}

export function wordUnknownVariant(value: string, variants: readonly unknown[]): string {
  const names = variants.map((variant) => `\`${String(variant)}\``);
  const list = names.length > 2 ? `one of ${names.join(', ')}` : names.join(' or ');
  return `unknown variant \`${cut(value)}\`, expected ${list}`;
}

function cut(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}
