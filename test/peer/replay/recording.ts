// Reads a recording of the peer as the steps that were taken, in their order. Main thread.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

interface Place {
  /** Of the file, counted from 1. */
  line: number;
  /** The note before it; empty before the first. */
  section: string;
}

export interface ClientStep extends Place {
  kind: 'send';
  connection: number;
  /** What was sent, parsed where it was JSON. */
  message: Json;
  /** The frame as it was, where it was no JSON. */
  raw: string | null;
  binary: boolean;
}

export interface ReplyStep extends Place {
  kind: 'reply';
  connection: number;
  message: JsonObject;
}

export interface NoticeStep extends Place {
  kind: 'notice';
  connection: number;
  method: string;
  params: JsonObject;
  /** What stands beside method and params, but for the time. */
  stamps: JsonObject;
}

export interface NoteStep extends Place {
  kind: 'note';
  text: string;
}

export interface CloseStep extends Place {
  kind: 'close';
  connection: number;
}

export type Step = ClientStep | ReplyStep | NoticeStep | NoteStep | CloseStep;

interface Line {
  note?: string;
  d?: '<' | '>';
  c?: number;
  m?: Json;
  raw?: string;
  binary?: boolean;
  event?: string;
}

/** Lines that are neither messages nor notes nor the end of a connection are left out. */
export function readRecording(folder: string, name: string): Step[] {
  const steps: Step[] = [];
  let section = '';
  for (const [index, text] of readFileSync(join(folder, `${name}.jsonl`), 'utf8')
    .split('\n')
    .entries()) {
    if (text === '') continue;
    const line = JSON.parse(text) as Line;
    if (line.note !== undefined) section = line.note;
    const step = readStep(line, { line: index + 1, section });
    if (step !== null) steps.push(step);
  }
  return steps;
}

/** Lines of a recording that was made of probes instead of messages. */
export function readProbes(folder: string, name: string): JsonObject[] {
  const lines = readFileSync(join(folder, `${name}.jsonl`), 'utf8').split('\n');
  return lines.filter((text) => text !== '').map((text) => JSON.parse(text) as JsonObject);
}

function readStep(line: Line, place: Place): Step | null {
  const connection = line.c ?? 1;
  if (line.note !== undefined) return { ...place, kind: 'note', text: line.note };
  if (line.event === 'close') return { ...place, kind: 'close', connection };
  if (line.d === '>') {
    const { m: message = null, raw = null, binary = false } = line;
    return { ...place, kind: 'send', connection, message, raw, binary };
  }
  if (line.d !== '<' || !isObject(line.m)) return null;
  const notice = readNotice(line.m);
  if (notice === null) return { ...place, kind: 'reply', connection, message: line.m };
  return { ...place, kind: 'notice', connection, ...notice };
}

/** Null for a reply. */
export function readNotice(message: JsonObject): { method: string; params: JsonObject; stamps: JsonObject } | null {
  const { method, params, emittedAtMs: _, ...stamps } = message;
  if (typeof method !== 'string') return null;
  return { method, params: isObject(params) ? params : {}, stamps };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The method of a request or notification; empty for whatever else was sent. */
export function methodOf(message: Json): string {
  return isObject(message) && typeof message['method'] === 'string' ? message['method'] : '';
}
