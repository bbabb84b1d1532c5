// What a daemon must still know when a client comes back. Any thread.

/** What a conversation keeps in these runs (`replay_bytes`): little, so that absences are also too long. */
export const REPLAY_BYTES = 96 * 1024;
/** What an event takes up beside its bytes, at most. */
const EVENT_BYTES = 280;

/**
 * True when an answer that so much is not known any more would be an excuse. A daemon drops events by the batch, with
 * others that are older: a quarter is what it surely has.
 */
export function isSurelyKept(events: number, bytes: number): boolean {
  return bytes + events * EVENT_BYTES < REPLAY_BYTES / 4;
}
