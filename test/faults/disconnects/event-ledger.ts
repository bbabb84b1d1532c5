// What was seen of one conversation under each number, by whoever saw it first. Any thread.

/** The place of an event: which life of the daemon, and the how manieth of its conversation. */
export interface Cursor {
  epoch: string;
  seq: number;
}

export class EventLedger {
  readonly #texts = new Map<string, string[]>();

  /** Null when nobody saw this number before, or saw the same; otherwise what was seen. */
  note({ epoch, seq }: Cursor, text: string): string | null {
    const ofEpoch = this.#texts.get(epoch) ?? [];
    this.#texts.set(epoch, ofEpoch);
    const known = ofEpoch[seq];
    if (known === undefined) ofEpoch[seq] = text;
    return known === undefined || known === text ? null : known;
  }

  /** Bytes of the events after `from` up to `to`, as far as they were seen. */
  bytesBetween(from: Cursor, to: number): number {
    const texts = this.#texts.get(from.epoch)?.slice(from.seq + 1, to + 1) ?? [];
    return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0);
  }
}
