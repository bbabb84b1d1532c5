// Reads the frames that a WebSocket server sends, from raw bytes and at low cost. Any process.

export const OPCODE_TEXT = 1;

/** `payload` is only valid during the call: it may be a view of the chunk that was pushed. */
export type FrameListener = (opcode: number, payload: Buffer) => void;

/**
 * Takes the bytes of one connection in order, HTTP answer first, and calls back for each complete message. Knows only
 * what servers without extensions send: no masks, no compression. Throws on anything else.
 */
export class ServerFrameReader {
  /** Status code of the HTTP answer; null until it is complete. */
  status: number | null = null;
  readonly #onFrame: FrameListener;
  #rest: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #fragmentOpcode = 0;

  constructor(onFrame: FrameListener) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.status === null) {
      const head = bytes.indexOf('\r\n\r\n');
      if (head < 0) {
        this.#rest = bytes;
        return;
      }
      this.status = Number(bytes.toString('latin1', 9, 12));
      bytes = bytes.subarray(head + 4);
    }
    this.#rest = this.status === 101 ? this.#readFrames(bytes) : Buffer.alloc(0);
  }

  #readFrames(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= 2) {
      const first = bytes[at]!;
      const second = bytes[at + 1]!;
      if ((first & 0x70) !== 0 || (second & 0x80) !== 0) throw new Error('a frame with extension bits or a mask');
      let length = second;
      let start = at + 2;
      if (second === 126) {
        if (bytes.length < at + 4) break;
        length = bytes.readUInt16BE(at + 2);
        start = at + 4;
      } else if (second === 127) {
        if (bytes.length < at + 10) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      if (bytes.length < start + length) break;
      this.#frame(first, bytes.subarray(start, start + length));
      at = start + length;
    }
    return at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }

  #frame(first: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    if (opcode >= 8) return this.#onFrame(opcode, payload);
    if (final && opcode !== 0) return this.#onFrame(opcode, payload);
    if (opcode !== 0) this.#fragmentOpcode = opcode;
    this.#fragments.push(Buffer.from(payload));
    if (!final) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#onFrame(this.#fragmentOpcode, whole);
  }
}

/** A text frame as a client sends it. The mask is zero: allowed, and the bytes stay readable. */
export function clientTextFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headLength = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const frame = Buffer.alloc(headLength + 4 + length);
  frame[0] = 0x80 | OPCODE_TEXT;
  if (headLength === 2) frame[1] = 0x80 | length;
  else if (headLength === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headLength + 4);
  return frame;
}
