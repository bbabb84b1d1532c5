// A row of ids, of which nearly all are UUIDs: 16 bytes each. Any thread.

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ID_BYTES = 16;

export class PackedIds {
  #bytes = Buffer.alloc(ID_BYTES * ID_BYTES);
  #length = 0;
  /** By their place. */
  readonly #others = new Map<number, string>();

  get length(): number {
    return this.#length;
  }

  push(id: string): void {
    const at = this.#length * ID_BYTES;
    if (at === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(at)]);
    if (UUID.test(id)) this.#bytes.write(id.replaceAll('-', ''), at, 'hex');
    else this.#others.set(this.#length, id);
    this.#length += 1;
  }

  /** `index` must be one of a row that is there. */
  get(index: number): string {
    const other = this.#others.get(index);
    if (other !== undefined) return other;
    const hex = this.#bytes.toString('hex', index * ID_BYTES, (index + 1) * ID_BYTES);
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  truncate(length: number): void {
    for (let index = length; index < this.#length; index += 1) this.#others.delete(index);
    this.#length = Math.min(this.#length, length);
  }
}
