/** Thrift's compact encoding as fields whose values stay bytes: what is not changed is written as it was read. */
import { BINARY, BYTE, DOUBLE, FALSE, I16, I32, I64, LIST, STOP, STRUCT, TRUE } from "../parquet/thrift-check.ts";

export interface ThriftField {
  readonly id: number;
  readonly type: number;
  /** As it is encoded; empty for a boolean, whose type is its value. */
  readonly value: Uint8Array;
}

/** Bits of a byte that hold a number; the highest says that another byte follows. */
const MORE = 0x80;
const LONG_LIST = 15;
const DOUBLE_BYTES = 8;

/** @param bytes of one structure that checkThrift has passed */
export function fieldsOf(bytes: Uint8Array): ThriftField[] {
  const fields: ThriftField[] = [];
  let at = 0;
  for (let id = 0; ; ) {
    const head = bytes[at] as number;
    at += 1;
    const type = head & 15;
    if (type === STOP) return fields;
    if (head >> 4 === 0) {
      const end = afterVarint(bytes, at);
      id = Number(zigzag(varintOf(bytes.subarray(at, end))));
      at = end;
    } else id += head >> 4;
    const end = after(bytes, at, type);
    fields.push({ id, type, value: bytes.subarray(at, end) });
    at = end;
  }
}

export function structOf(fields: readonly ThriftField[]): Uint8Array {
  let before = 0;
  const parts = [...fields]
    .sort((a, b) => a.id - b.id)
    .flatMap(({ id, type, value }) => {
      const delta = id - before;
      before = id;
      const head = delta > 0 && delta < 16 ? Uint8Array.of((delta << 4) | type) : undefined;
      return [head ?? Buffer.concat([Uint8Array.of(type), varint(zigzagged(BigInt(id)))]), value];
    });
  return Buffer.concat([...parts, Uint8Array.of(STOP)]);
}

/** The elements of a list of structures or byte strings. */
export function elementsOf(list: Uint8Array): Uint8Array[] {
  const { type, size, at: start } = listHead(list, 0);
  const elements: Uint8Array[] = [];
  let at = start;
  for (let i = 0; i < size; i++) {
    const end = after(list, at, type);
    elements.push(list.subarray(at, end));
    at = end;
  }
  return elements;
}

export function listOfStructs(elements: readonly Uint8Array[]): Uint8Array {
  const { length } = elements;
  const head =
    length < LONG_LIST
      ? Uint8Array.of((length << 4) | STRUCT)
      : Buffer.concat([Uint8Array.of((LONG_LIST << 4) | STRUCT), varint(BigInt(length))]);
  return Buffer.concat([head, ...elements]);
}

export function integerOf(value: Uint8Array): number {
  return Number(zigzag(varintOf(value)));
}

/** Of 16, 32 or 64 bits. */
export function integer(value: number): Uint8Array {
  return varint(zigzagged(BigInt(value)));
}

function after(bytes: Uint8Array, at: number, type: number): number {
  if (type === TRUE || type === FALSE) return at;
  if (type === BYTE) return at + 1;
  if (type === I16 || type === I32 || type === I64) return afterVarint(bytes, at);
  if (type === DOUBLE) return at + DOUBLE_BYTES;
  if (type === BINARY) {
    const end = afterVarint(bytes, at);
    return end + Number(varintOf(bytes.subarray(at, end)));
  }
  if (type === LIST) {
    const { type: element, size, at: start } = listHead(bytes, at);
    const isBoolean = element === TRUE || element === FALSE;
    let end = start;
    for (let i = 0; i < size; i++) end = after(bytes, end, isBoolean ? BYTE : element);
    return end;
  }
  let end = at;
  for (;;) {
    const head = bytes[end] as number;
    end += 1;
    if ((head & 15) === STOP) return end;
    if (head >> 4 === 0) end = afterVarint(bytes, end);
    end = after(bytes, end, head & 15);
  }
}

function listHead(bytes: Uint8Array, at: number): { type: number; size: number; at: number } {
  const head = bytes[at] as number;
  const type = head & 15;
  if (head >> 4 < LONG_LIST) return { type, size: head >> 4, at: at + 1 };
  const end = afterVarint(bytes, at + 1);
  return { type, size: Number(varintOf(bytes.subarray(at + 1, end))), at: end };
}

function afterVarint(bytes: Uint8Array, at: number): number {
  let end = at;
  while ((bytes[end] as number) >= MORE) end += 1;
  return end + 1;
}

function varintOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 7n) | BigInt(byte & (MORE - 1)), 0n);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left >= BigInt(MORE); left >>= 7n) bytes.push(Number(left & 0x7fn) | MORE);
  return Uint8Array.of(...bytes, Number(left));
}

function zigzag(value: bigint): bigint {
  return (value >> 1n) ^ -(value & 1n);
}

function zigzagged(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value;
}
