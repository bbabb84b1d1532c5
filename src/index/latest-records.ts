// A file of records that is only appended to, of which the last one of an id counts. Index thread.
import { readLines } from '../rollout/line-reader.js';
import { statStored } from '../rollout/stored-file.js';

/** What a record says of its id; undefined takes back what earlier ones said. null for what is no such record. */
export type RecordParser<Value> = (record: Record<string, unknown>) => { id: string; value: Value | undefined } | null;

/** Reads the file anew only when it has changed. */
export class LatestRecords<Value> {
  readonly #path: string;
  readonly #parse: RecordParser<Value>;
  #version = '';
  #values: ReadonlyMap<string, Value> = new Map();

  constructor(path: string, parse: RecordParser<Value>) {
    this.#path = path;
    this.#parse = parse;
  }

  /**
   * Values by id. Damaged lines are passed over; a missing file holds nothing; for one that cannot be read those hold that
   * it had when it was read last. Never rejects.
   */
  async read(): Promise<ReadonlyMap<string, Value>> {
    const values = new Map<string, Value>();
    let version = '';
    try {
      const file = statStored(this.#path);
      if (file !== null) version = `${file.size}:${file.mtimeMs}`;
      if (version === this.#version) return this.#values;
      if (file !== null) await readLines(this.#path, ({ value }) => this.#add(values, value));
    } catch (error) {
      // Nobody loses sight of conversations for want of their names.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return this.#values;
    }
    this.#values = values;
    this.#version = version;
    return values;
  }

  #add(values: Map<string, Value>, line: unknown): void {
    if (typeof line !== 'object' || line === null) return;
    const record = this.#parse(line as Record<string, unknown>);
    if (record === null) return;
    if (record.value === undefined) values.delete(record.id);
    else values.set(record.id, record.value);
  }
}
