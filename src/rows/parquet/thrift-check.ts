/**
 * Walks Thrift's compact encoding before hyparquet builds objects from it: a list may not claim more elements than
 * there are bytes left, and structures may not be nested deeper than parquet nests them.
 */

/** Parquet's own structures are nested six deep. */
const MAX_DEPTH = 24;
/** Of a variable-length number: 64 bits. */
const MAX_VARINT_BYTES = 10;

/** Types of fields, by the numbers that the encoding gives them. */
export const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12,
];

/** The bytes end before the structure does. */
export class EndedEarly extends Error {}

/** @returns the position after the structure that begins at `start`. Throws if it is invalid. */
export function checkThrift(bytes: Uint8Array, start = 0): number {
  let at = start;
  const next = (): number => {
    const byte = bytes[at];
    if (byte === undefined) throw new EndedEarly("its metadata ends too early");
    at += 1;
    return byte;
  };
  const skip = (count: number) => {
    if (count > bytes.length - at) throw new EndedEarly("its metadata names more bytes than there are");
    at += count;
  };
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = next();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new Error("its metadata contains a number of more than 64 bits");
  };
  const element = (type: number, depth: number): void => {
    if (type === BYTE) skip(1);
    else if (type === I16 || type === I32 || type === I64) varint();
    else if (type === DOUBLE) skip(8);
    else if (type === BINARY) skip(varint());
    else if (type === LIST) list(depth);
    else if (type === STRUCT) struct(depth);
    else if (type !== TRUE && type !== FALSE) throw new Error("its metadata contains something of an unknown type");
  };
  const list = (depth: number) => {
    if (depth > MAX_DEPTH) throw new Error("its metadata is nested too deeply");
    const head = next();
    const size = head >> 4 === 15 ? varint() : head >> 4;
    const type = head & 15;
    if (size > bytes.length - at) throw new EndedEarly("its metadata claims a list longer than itself");
    for (let i = 0; i < size; i++) element(type === TRUE || type === FALSE ? BYTE : type, depth + 1);
  };
  const struct = (depth: number) => {
    if (depth > MAX_DEPTH) throw new Error("its metadata is nested too deeply");
    for (;;) {
      const head = next();
      const type = head & 15;
      if (type === STOP) return;
      if (head >> 4 === 0) varint();
      element(type, depth + 1);
    }
  };
  struct(0);
  return at;
}
