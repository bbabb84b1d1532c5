// Makes foreign text safe for a terminal. Clients.

/** Takes out control characters (but newline and tab), with which text could steer the terminal. */
export function withoutControls(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these characters are what it is about
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

/** One line of at most `width` characters. */
export function oneLine(text: string, width: number): string {
  return cutOff(withoutControls(text.replace(/\s+/g, ' ')).trim(), width);
}

/** At most `width` characters, the last of them `…` when there were more. */
export function cutOff(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}
