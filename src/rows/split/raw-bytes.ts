/** The bytes of an input between what was passed on and what was read, by their position in it. */
export class RawBytes {
  readonly #chunks: Uint8Array[] = [];
  #start = 0;
  #end = 0;

  /** Position of the first byte that is held. */
  get start(): number {
    return this.#start;
  }

  /** Position after the last one. */
  get end(): number {
    return this.#end;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#end += chunk.length;
  }

  /** Takes the bytes up to a position out. */
  take(upTo: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    while (this.#start < upTo) {
      const [first] = this.#chunks;
      if (first === undefined) break;
      const count = Math.min(first.length, upTo - this.#start);
      taken.push(first.subarray(0, count));
      if (count === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(count);
      this.#start += count;
    }
    return taken;
  }

  /** Whether one of up to `count` bytes from a position on is `byte`. */
  includes(byte: number, from: number, count: number): boolean {
    let at = this.#start;
    for (const chunk of this.#chunks) {
      if (at >= from + count) return false;
      const begin = Math.max(0, from - at);
      if (begin < chunk.length && chunk.subarray(begin, from + count - at).includes(byte)) return true;
      at += chunk.length;
    }
    return false;
  }
}
