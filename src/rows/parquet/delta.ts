/** DELTA_BINARY_PACKED numbers of 32 bits: needed to check what hyparquet is about to unpack. */
import { VarintReader } from "./varint-reader.ts";

/** The first `total` numbers of the block at `start`, whose sizes were checked. Throws a RangeError where the bytes end. */
export function* deltaValues(view: DataView, start: number, total: number): Generator<number> {
  const reader = new VarintReader(view, start);
  const [blockValues, parts] = [reader.varint(), reader.varint()];
  reader.varint();
  const partValues = blockValues / parts;
  let value = reader.zigzag();
  let done = 1;
  yield value;
  while (done < total) {
    const smallest = reader.zigzag();
    const widths = Array.from({ length: parts }, () => reader.byte());
    for (const width of widths) {
      if (done >= total) return;
      if (width > 32) throw new Error(`a page claims differences of ${width} bits`);
      const count = Math.min(partValues, total - done);
      for (let i = 0; i < count; i++) {
        value = (value + smallest + bits(view, reader.at, i * width, width)) | 0;
        yield value;
      }
      done += count;
      reader.at += Math.ceil((partValues * width) / 8);
    }
  }
}

/** A packed number, least significant bits first. */
function bits(view: DataView, at: number, position: number, width: number): number {
  let value = 0;
  for (let bit = 0; bit < width; ) {
    const byte = view.getUint8(at + ((position + bit) >> 3));
    const offset = (position + bit) & 7;
    const taken = Math.min(8 - offset, width - bit);
    value += ((byte >> offset) & ((1 << taken) - 1)) * 2 ** bit;
    bit += taken;
  }
  return value;
}
