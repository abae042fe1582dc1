/**
 * Reorders the rows of whole attention heads for llama.cpp's rotary embedding, which rotates the neighbours 2j and
 * 2j + 1, where transformers rotates j and j + headDim / 2: row 2j + s of a head is row s · headDim / 2 + j of the same
 * head in the checkpoint.
 *
 * @param source rows of one or more whole heads
 * @param rowBytes bytes of one row
 * @returns the rows in their new order, in new memory
 */
export function permuteHeads(source: Uint8Array, headDim: number, rowBytes: number): Uint8Array {
  const headBytes = headDim * rowBytes;
  if (headDim % 2 !== 0 || source.length % headBytes !== 0)
    throw new RangeError(`${source.length} bytes are not whole heads of ${headDim} rows of ${rowBytes} bytes.`);
  const target = new Uint8Array(source.length);
  const half = headDim / 2;
  for (let head = 0; head < source.length; head += headBytes) {
    for (let row = 0; row < headDim; row++) {
      const from = head + ((row & 1) * half + (row >> 1)) * rowBytes;
      target.set(source.subarray(from, from + rowBytes), head + row * rowBytes);
    }
  }
  return target;
}
