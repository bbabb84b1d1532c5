// A folder of recorded rollouts with an INDEX.json that says where each lay in its home. Any thread.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** One entry of INDEX.json, by the name of the file in the folder. */
export interface IndexEntry {
  /** Of the conversation; several files may have the same. */
  id: string;
  cli_version: string;
  /** Null before there were two. */
  history_mode: string | null;
  forked_from_id: string | null;
  /** The file that it goes on from, and where. */
  base: { thread_id: string; end_ordinal_exclusive: number; end_byte_offset: number; source_file: string } | null;
  /** Its path in the home. */
  original: string;
}

export interface RecordedFile extends IndexEntry {
  /** Without its ending. */
  name: string;
  bytes: Buffer;
}

/** The files of one home. Only those that `isChecked` names are checked there: the others are what they go on from. */
export interface RecordedHome {
  files: readonly RecordedFile[];
  isChecked: (file: RecordedFile) => boolean;
  /** Text of session_index.jsonl. */
  names: string;
}

/** All files of the set. Throws when there is none: a suite that finds nothing to check must not pass. */
export function readRecordedFiles(folder: string): RecordedFile[] {
  const index = JSON.parse(readFileSync(join(folder, 'INDEX.json'), 'utf8')) as Record<string, IndexEntry>;
  const files = Object.entries(index).map(([name, entry]) => ({
    ...entry,
    name: basename(name, '.jsonl'),
    bytes: readFileSync(join(folder, name)),
  }));
  if (files.length === 0) throw new Error(`no rollouts in ${folder}`);
  return files;
}

/** The same as they lay in homes. */
export function readRolloutSet(folder: string): RecordedHome[] {
  const nameFile = join(folder, 'session_index.jsonl');
  const names = existsSync(nameFile) ? readFileSync(nameFile, 'utf8') : '';
  return splitIntoHomes(readRecordedFiles(folder)).map((home) => ({ ...home, names }));
}

/** A set may hold one file at several times of its life: each state needs a home of its own. */
function splitIntoHomes(files: readonly RecordedFile[]): Omit<RecordedHome, 'names'>[] {
  const states = new Map<string, RecordedFile[]>();
  for (const file of files) states.set(file.original, [...(states.get(file.original) ?? []), file]);
  const count = Math.max(...[...states.values()].map((list) => list.length));
  return Array.from({ length: count }, (_, number) => ({
    files: [...states.values()].map((list) => list[number] ?? list[0]!),
    isChecked: (file) => states.get(file.original)!.indexOf(file) === number,
  }));
}

/** The files that are the newest of their conversations: there they go on. */
export function currentFiles(home: RecordedHome): RecordedFile[] {
  return home.files.filter((file) =>
    home.files.every(({ id, original }) => id !== file.id || basename(original) <= basename(file.original)),
  );
}

/** Writes all files of a home to where they lay. */
export function placeRollouts(home: RecordedHome, folder: string): void {
  for (const { original, bytes } of home.files) {
    const path = join(folder, original);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, bytes, { mode: 0o600 });
  }
  if (home.names !== '') writeFileSync(join(folder, 'session_index.jsonl'), home.names, { mode: 0o600 });
}
