/** Numbers of variable length, as Thrift's compact encoding and parquet's delta encodings write them. */

/** Reads from `at` on. Throws a RangeError where the bytes end. */
export class VarintReader {
  readonly view: DataView;
  /** The next byte. */
  at: number;

  constructor(view: DataView, at = 0) {
    this.view = view;
    this.at = at;
  }

  byte(): number {
    return this.view.getUint8(this.at++);
  }

  /** An integer of 32 bits; more bits wrap around. */
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  /** A signed integer of 32 bits, its sign in the lowest bit. */
  zigzag(): number {
    const value = this.varint();
    return (value >>> 1) ^ -(value & 1);
  }
}
