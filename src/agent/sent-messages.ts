// Which messages a conversation already holds, by the ids that clients gave them: a retry is not a second message.
// Packed, since a long conversation has many. Session worker.
import { DaemonError } from '../errors.js';
import type { CoreUserInput } from '../rollout/line.js';
import { DIGEST_BYTES, digestInput, digestLegacyInput, digestText } from './input-digest.js';
import { PackedIds } from './packed-ids.js';

export type TurnState = 'inProgress' | 'completed' | 'interrupted' | 'failed';

/** Where a message went when it was first sent. */
export interface SentMessage {
  turnId: string;
  status: TurnState;
}

const STATES: readonly TurnState[] = ['inProgress', 'completed', 'interrupted', 'failed'];
/** A row: digest of the client's id, digest of the input, number of the turn. */
const INPUT_AT = DIGEST_BYTES;
const TURN_AT = 2 * DIGEST_BYTES;
const ROW_BYTES = TURN_AT + 4;
const FIRST_ROWS = 16;

/**
 * Turns are told as they begin and end, messages as they are recorded in them. An id that is empty is none. Some 70 bytes a
 * message.
 */
export class SentMessages {
  readonly #turns = new PackedIds();
  #states: Buffer = Buffer.alloc(FIRST_ROWS);
  #rows: Buffer = Buffer.alloc(0);
  #count = 0;
  /** Open addressing over the rows: one more than the number of a row, 0 for a free place. */
  #places = new Uint32Array(2 * FIRST_ROWS);

  /** null for one that has no id. Does nothing when it is the last one anyway. */
  startTurn(turnId: string | null): void {
    if (turnId !== null && this.#isLast(turnId)) return;
    this.#turns.push(turnId ?? '');
    if (this.#turns.length > this.#states.length) this.#states = grown(this.#states, this.#states.length * 2);
    this.#setState(this.#turns.length - 1, 'inProgress');
  }

  /** The last one; does nothing when another is named. */
  endTurn(turnId: string | null, state: TurnState): void {
    if (this.#turns.length > 0 && (turnId === null || this.#isLast(turnId))) {
      this.#setState(this.#turns.length - 1, state);
    }
  }

  /** What has no end by now has been broken off. */
  interruptOpenTurns(): void {
    for (let turn = 0; turn < this.#turns.length; turn += 1) {
      if (this.#states[turn] === 0) this.#setState(turn, 'interrupted');
    }
  }

  /** The last turns were taken back: so were their messages. */
  dropTurns(count: number): void {
    const left = Math.max(0, this.#turns.length - count);
    this.#turns.truncate(left);
    // Rows are in the order of their turns.
    while (this.#count > 0 && this.#turnOf(this.#count - 1) >= left) this.#count -= 1;
    this.#place(this.#places.length);
  }

  /** A message of the turn that was started last. Of the same one, recorded twice, the first counts. */
  add(clientId: string, digest: Buffer): void {
    if (clientId === '' || this.#turns.length === 0) return;
    const key = digestText(clientId);
    if (this.#rowsOf(key).some((row) => this.#isAt(row, INPUT_AT, digest))) return;
    if ((this.#count + 1) * ROW_BYTES > this.#rows.length) {
      const rows = Math.max(FIRST_ROWS, this.#count * 2);
      this.#rows = grown(this.#rows, rows * ROW_BYTES);
      this.#place(2 * rows);
    }
    const at = this.#count * ROW_BYTES;
    key.copy(this.#rows, at);
    digest.copy(this.#rows, at + INPUT_AT);
    this.#rows.writeUInt32LE(this.#turns.length - 1, at + TURN_AT);
    this.#enter(this.#count);
    this.#count += 1;
  }

  /**
   * What became of the message with this id; null when there is none. Throws client_message_conflict when it was another
   * one, as far as what is recorded tells.
   */
  find(clientId: string | null, content: readonly CoreUserInput[]): SentMessage | null {
    if (clientId === null || clientId === '') return null;
    // More than one only where another program wrote it down each time.
    const rows = this.#rowsOf(digestText(clientId));
    if (rows.length === 0) return null;
    const digests = [digestInput(content), digestLegacyInput(content)];
    const row = rows.find((each) => digests.some((digest) => this.#isAt(each, INPUT_AT, digest)));
    const turn = this.#turnOf(row ?? rows[0]!);
    const turnId = this.#turns.get(turn);
    if (row !== undefined) return { turnId, status: STATES[this.#states[turn]!]! };
    const message = `the message id ${clientId.slice(0, 100)} was given to another input before`;
    throw new DaemonError('client_message_conflict', message, { data: { clientUserMessageId: clientId, turnId } });
  }

  #isLast(turnId: string): boolean {
    return this.#turns.length > 0 && this.#turns.get(this.#turns.length - 1) === turnId;
  }

  #setState(turn: number, state: TurnState): void {
    this.#states[turn] = STATES.indexOf(state);
  }

  #turnOf(row: number): number {
    return this.#rows.readUInt32LE(row * ROW_BYTES + TURN_AT);
  }

  #isAt(row: number, offset: number, digest: Buffer): boolean {
    const at = row * ROW_BYTES + offset;
    return digest.compare(this.#rows, at, at + DIGEST_BYTES) === 0;
  }

  /** In the order in which they were added. */
  #rowsOf(key: Buffer): number[] {
    const rows: number[] = [];
    const mask = this.#places.length - 1;
    for (let at = key.readUInt32LE(0) & mask; this.#places[at] !== 0; at = (at + 1) & mask) {
      const row = this.#places[at]! - 1;
      if (this.#isAt(row, 0, key)) rows.push(row);
    }
    return rows;
  }

  #enter(row: number): void {
    const mask = this.#places.length - 1;
    let at = this.#rows.readUInt32LE(row * ROW_BYTES) & mask;
    while (this.#places[at] !== 0) at = (at + 1) & mask;
    this.#places[at] = row + 1;
  }

  /** Enters all rows anew; `size` is a power of two. */
  #place(size: number): void {
    this.#places = new Uint32Array(size);
    for (let row = 0; row < this.#count; row += 1) this.#enter(row);
  }
}

function grown(bytes: Buffer, size: number): Buffer {
  const larger = Buffer.alloc(size);
  bytes.copy(larger);
  return larger;
}
