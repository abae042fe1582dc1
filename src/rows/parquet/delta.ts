/** DELTA_BINARY_PACKED numbers of 32 bits: needed to check what hyparquet is about to unpack. */

/** The first `total` numbers of the block at `start`, whose sizes were checked. Throws a RangeError where the bytes end. */
export function* deltaValues(view: DataView, start: number, total: number): Generator<number> {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = view.getUint8(at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const zigzag = (): number => {
    const value = varint();
    return (value >>> 1) ^ -(value & 1);
  };
  const [blockValues, parts] = [varint(), varint()];
  varint();
  const partValues = blockValues / parts;
  let value = zigzag();
  let done = 1;
  yield value;
  while (done < total) {
    const smallest = zigzag();
    const widths = Array.from({ length: parts }, () => view.getUint8(at++));
    for (const width of widths) {
      if (done >= total) return;
      if (width > 32) throw new Error(`a page claims differences of ${width} bits`);
      const count = Math.min(partValues, total - done);
      for (let i = 0; i < count; i++) {
        value = (value + smallest + bits(view, at, i * width, width)) | 0;
        yield value;
      }
      done += count;
      at += Math.ceil((partValues * width) / 8);
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
