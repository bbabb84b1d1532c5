// Reads recorded conversations with the peer: JSONL, one message a line. Used by tests only.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface RecordedMessage {
  /** `file:line`, for the report of a failure. */
  where: string;
  /** True for what the server sent. */
  fromServer: boolean;
  message: Record<string, unknown>;
  /** Of an answer of either side: the method that was asked. */
  method?: string;
  /** Of a request: what the server answered. */
  answer?: Record<string, unknown>;
}

interface Line {
  d?: string;
  c?: number;
  m?: unknown;
}

/** Messages of every recording in a folder, each answer joined with its request. */
export function readRecordings(folder: string): RecordedMessage[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return files.flatMap((name) => readRecording(path.join(folder, name)));
}

function readRecording(file: string): RecordedMessage[] {
  const found: RecordedMessage[] = [];
  const open = new Map<string, RecordedMessage>();
  /** What the server asked, by connection and id: ids of each side are of a space of their own. */
  const asked = new Map<string, string>();
  for (const [index, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (text === '') continue;
    const { d, c, m } = JSON.parse(text) as Line;
    if ((d !== '<' && d !== '>') || typeof m !== 'object' || m === null || Array.isArray(m)) continue;
    const message = m as Record<string, unknown>;
    const recorded: RecordedMessage = {
      where: `${path.basename(file)}:${index + 1}`,
      fromServer: d === '<',
      message,
    };
    found.push(recorded);
    if (message['id'] === undefined) continue;
    const key = JSON.stringify([c ?? 0, message['id']]);
    const { method } = message;
    if (d === '>') {
      if (method !== undefined) open.set(key, recorded);
      else if (asked.has(key)) recorded.method = asked.get(key)!;
      continue;
    }
    if (typeof method === 'string') asked.set(key, method);
    const request = open.get(key);
    if (request === undefined || message['method'] !== undefined) continue;
    open.delete(key);
    request.answer = message;
    recorded.method = String(request.message['method']);
  }
  return found;
}
