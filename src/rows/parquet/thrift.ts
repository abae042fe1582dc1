/** Thrift's compact encoding, for page headers and footers that checkThrift has passed: hyparquet's reader is not public. */

const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12];

/** Fields by number; their types are those that the bytes name. */
export type ThriftStruct = { readonly [field: number]: unknown };

export function readThrift(bytes: Uint8Array): ThriftStruct {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
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
  const wide = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
  };
  const binary = (): Uint8Array => {
    const length = varint();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const list = (): unknown[] => {
    const head = view.getUint8(at++);
    const size = head >> 4 === 15 ? varint() : head >> 4;
    const type = head & 15;
    const isBoolean = type === TRUE || type === FALSE;
    return Array.from({ length: size }, () => (isBoolean ? element(BYTE) === 1 : element(type)));
  };
  const element = (type: number): unknown => {
    if (type === TRUE || type === FALSE) return type === TRUE;
    if (type === BYTE) return view.getInt8(at++);
    if (type === I16 || type === I32) return zigzag();
    if (type === I64) return wide();
    if (type === BINARY) return binary();
    if (type === LIST) return list();
    if (type === STRUCT) return struct();
    if (type !== DOUBLE) throw new Error(`its metadata holds something of type ${type}`);
    at += 8;
    return view.getFloat64(at - 8, true);
  };
  const struct = (): ThriftStruct => {
    const fields: Record<number, unknown> = {};
    for (let id = 0; ; ) {
      const head = view.getUint8(at++);
      if ((head & 15) === STOP) return fields;
      id = head >> 4 === 0 ? zigzag() : id + (head >> 4);
      fields[id] = element(head & 15);
    }
  };
  return struct();
}
