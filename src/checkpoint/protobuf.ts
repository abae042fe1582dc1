/** A protobuf reader. Ours, not a library: it yields fields without a schema and checks each length against the bytes. */

/** A field of a protobuf message: a number (varint), a fixed 32- or 64-bit value, or bytes. */
export interface ProtobufField {
  readonly number: number;
  readonly wire: "varint" | "fixed64" | "bytes" | "fixed32";
  /** The value of a varint; 0n otherwise. */
  readonly varint: bigint;
  /** The content of bytes, or the 4 or 8 bytes of a fixed value; empty for a varint. A view, not a copy. */
  readonly bytes: Buffer;
}

/** A message that is not valid protobuf; the error's message continues "is not …: ". */
export class ProtobufError extends Error {}

/** A varint has at most 64 bits in groups of 7. */
const MAX_VARINT_BYTES = 10;
const wires = ["varint", "fixed64", "bytes", undefined, undefined, "fixed32"] as const;
const none = Buffer.alloc(0);

/**
 * Iterates over the fields of one message, but not over those of nested ones. Fields with unknown numbers are yielded too;
 * groups, which no current schema uses, are refused.
 *
 * @throws ProtobufError
 */
export function* protobufFields(message: Buffer): Generator<ProtobufField> {
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = message[position++];
      if (byte === undefined) throw new ProtobufError("it ends inside a number");
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError("it contains a number of more than 64 bits");
  };
  const take = (length: bigint): Buffer => {
    if (length > BigInt(message.length - position)) throw new ProtobufError("it ends inside a field");
    const start = position;
    position += Number(length);
    return message.subarray(start, position);
  };
  while (position < message.length) {
    const tag = varint();
    const wire = wires[Number(tag & 7n)];
    const number = Number(tag >> 3n);
    if (wire === undefined) throw new ProtobufError(`it contains a field of the unknown wire type ${tag & 7n}`);
    if (number === 0 || number > 0x1fffffff) throw new ProtobufError(`it contains a field with the number ${number}`);
    if (wire === "varint") yield { number, wire, varint: varint(), bytes: none };
    else yield { number, wire, varint: 0n, bytes: take(wire === "bytes" ? varint() : wire === "fixed32" ? 4n : 8n) };
  }
}

/** A field as the schema types it. Another wire type means that the message is not what it claims to be. */
export function asBytes(field: ProtobufField): Buffer {
  if (field.wire !== "bytes") throw new ProtobufError(`its field ${field.number} is not text or a message`);
  return field.bytes;
}

export function asBoolean(field: ProtobufField): boolean {
  return asVarint(field) !== 0n;
}

/** An int32 or an enum, which protobuf writes sign-extended to 64 bits. */
export function asInt32(field: ProtobufField): number {
  return Number(BigInt.asIntN(32, asVarint(field)));
}

export function asFloat(field: ProtobufField): number {
  if (field.wire !== "fixed32") throw new ProtobufError(`its field ${field.number} is not a float`);
  return field.bytes.readFloatLE();
}

function asVarint(field: ProtobufField): bigint {
  if (field.wire !== "varint") throw new ProtobufError(`its field ${field.number} is not a number`);
  return field.varint;
}
