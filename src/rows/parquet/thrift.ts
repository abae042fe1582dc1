/** Thrift's compact encoding, for page headers and footers that checkThrift has passed: hyparquet's reader is not public. */
import { BINARY, BYTE, DOUBLE, FALSE, I16, I32, I64, LIST, STOP, STRUCT, TRUE } from "./thrift-check.ts";
import { VarintReader } from "./varint-reader.ts";

/** Fields by number; their types are those that the bytes name. */
export type ThriftStruct = { readonly [field: number]: unknown };

export function readThrift(bytes: Uint8Array): ThriftStruct {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new VarintReader(view);
  const wide = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = reader.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
  };
  const binary = (): Uint8Array => {
    const length = reader.varint();
    reader.at += length;
    return bytes.subarray(reader.at - length, reader.at);
  };
  const list = (): unknown[] => {
    const head = reader.byte();
    const size = head >> 4 === 15 ? reader.varint() : head >> 4;
    const type = head & 15;
    const isBoolean = type === TRUE || type === FALSE;
    return Array.from({ length: size }, () => (isBoolean ? element(BYTE) === 1 : element(type)));
  };
  const element = (type: number): unknown => {
    if (type === TRUE || type === FALSE) return type === TRUE;
    if (type === BYTE) return view.getInt8(reader.at++);
    if (type === I16 || type === I32) return reader.zigzag();
    if (type === I64) return wide();
    if (type === BINARY) return binary();
    if (type === LIST) return list();
    if (type === STRUCT) return struct();
    if (type !== DOUBLE) throw new Error(`its metadata holds something of type ${type}`);
    reader.at += 8;
    return view.getFloat64(reader.at - 8, true);
  };
  const struct = (): ThriftStruct => {
    const fields: Record<number, unknown> = {};
    for (let id = 0; ; ) {
      const head = reader.byte();
      if ((head & 15) === STOP) return fields;
      id = head >> 4 === 0 ? reader.zigzag() : id + (head >> 4);
      fields[id] = element(head & 15);
    }
  };
  return struct();
}
