/** Strings as UTF-8, concatenated: a vocabulary of 64000 pieces is two typed arrays instead of 64000 JS strings. */
export class StringTable {
  /** All strings, one after another, without separators. */
  readonly bytes: Uint8Array;
  /** Where string i starts in `bytes`; length + 1 entries, ascending, the last one is bytes.length. */
  readonly offsets: Uint32Array;

  constructor(bytes: Uint8Array, offsets: Uint32Array) {
    this.bytes = bytes;
    this.offsets = offsets;
  }

  static from(strings: readonly (string | Uint8Array)[]): StringTable {
    const parts = strings.map((text) => (typeof text === "string" ? Buffer.from(text, "utf8") : text));
    const offsets = new Uint32Array(parts.length + 1);
    parts.forEach((part, i) => {
      offsets[i + 1] = (offsets[i] as number) + part.length;
    });
    return new StringTable(new Uint8Array(Buffer.concat(parts)), offsets);
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  /** The bytes of string i: a view, not a copy. */
  bytesAt(i: number): Uint8Array {
    return this.bytes.subarray(this.offsets[i], this.offsets[i + 1]);
  }

  /** String i; bytes that are not UTF-8 become U+FFFD. */
  at(i: number): string {
    const part = this.bytesAt(i);
    return Buffer.from(part.buffer, part.byteOffset, part.length).toString("utf8");
  }
}
