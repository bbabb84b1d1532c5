// Reads the table of rooms out of docs/architecture.md.

export interface DocumentedRoom {
  room: string;
  thread: string;
  may: string;
}

/** Rows of the table whose head is `room | thread | owns | may import`, in order. Throws when there is none. */
export function readRoomTable(markdown: string): DocumentedRoom[] {
  const lines = markdown.split('\n');
  const head = lines.findIndex((line) => /^\| room\s+\| thread\s+\| owns\s+\| may import\s+\|$/.test(line));
  if (head === -1) throw new Error('docs/architecture.md has no table `room | thread | owns | may import`');
  const rows: DocumentedRoom[] = [];
  for (const line of lines.slice(head + 2)) {
    if (!line.startsWith('|')) break;
    const [, place = '', thread = '', , may = ''] = line.split('|').map((cell) => cell.trim());
    const room = place
      .replaceAll('`', '')
      .replace(/^src\//, '')
      .replace(/\/$|\.ts$/, '');
    rows.push({ room, thread, may: may.replaceAll('`', '') });
  }
  return rows;
}
