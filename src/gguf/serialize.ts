import type { StringTable } from "../vocabulary/string-table.ts";
import { alignUp, DEFAULT_ALIGNMENT, MAX_DIMS, MAX_TENSOR_NAME_BYTES, type TensorInfo } from "./header.ts";
import { type TensorType, tensorBytes, VALUE_TYPE_IDS } from "./types.ts";
import type { ElementType, GgufArray, GgufValue } from "./value.ts";

/** A tensor to write; its position follows from the order. */
export interface TensorPlan {
  readonly name: string;
  readonly type: TensorType;
  /** dims[0] is the row length. */
  readonly dims: readonly number[];
}

export interface SerializedHeader {
  /** Where each tensor goes, in bytes from the start of the file: of the first one, for a file in parts. */
  readonly tensors: readonly TensorInfo[];
  /** Bytes of the whole file, the padding after the last tensor included. */
  readonly fileSize: number;
  /** The file, or the files of a split GGUF one after another. */
  readonly parts: readonly SerializedPart[];
}

/** A file that is not in parts. */
export interface SerializedFile extends SerializedHeader {
  /** Everything before the tensor data, padding included. */
  readonly bytes: Buffer;
}

/** One file. */
export interface SerializedPart {
  /** Where it begins. */
  readonly start: number;
  readonly fileSize: number;
  /** Everything before the tensor data, padding included. */
  readonly bytes: Buffer;
  /** Where each string value starts, from the start of the part: one of fixed length can be filled in later. */
  readonly stringPositions: ReadonlyMap<string, number>;
}

const VERSION = 3;

/**
 * Serialises the header of a GGUF of version 3.
 *
 * @param alignment the value of general.alignment, if the metadata has one
 */
export function serializeHeader(
  metadata: ReadonlyMap<string, GgufValue>,
  plans: readonly TensorPlan[],
  alignment: number = DEFAULT_ALIGNMENT,
): SerializedFile {
  const out = new ByteSink();
  out.bytes(Buffer.from("GGUF"));
  out.u32(VERSION);
  out.u64(BigInt(plans.length));
  out.u64(BigInt(metadata.size));
  const stringPositions = new Map<string, number>();
  for (const [key, value] of metadata) {
    out.string(Buffer.from(key, "utf8"));
    out.u32(VALUE_TYPE_IDS[value.type]);
    if (value.type === "string") stringPositions.set(key, out.length + 8);
    writeValue(out, value);
  }
  const placed = writeTensorList(out, plans, alignment);
  const dataPosition = alignUp(out.length, alignment);
  out.bytes(Buffer.alloc(dataPosition - out.length));
  const tensors = placed.infos.map((info) => ({ ...info, position: info.position + dataPosition }));
  const fileSize = dataPosition + placed.dataSize;
  const bytes = out.concat();
  return { bytes, tensors, fileSize, parts: [{ start: 0, fileSize, bytes, stringPositions }] };
}

/** Positions are still relative to the start of the tensor data, which the length of this list decides. */
function writeTensorList(
  out: ByteSink,
  plans: readonly TensorPlan[],
  alignment: number,
): { infos: TensorInfo[]; dataSize: number } {
  let offset = 0;
  const infos = plans.map((plan) => {
    const name = Buffer.from(plan.name, "utf8");
    if (name.length > MAX_TENSOR_NAME_BYTES) throw new RangeError(`The tensor name ${plan.name} is too long.`);
    if (plan.dims.length < 1 || plan.dims.length > MAX_DIMS)
      throw new RangeError(`The tensor ${plan.name} has ${plan.dims.length} dimensions.`);
    const dims = plan.dims.map(BigInt);
    out.string(name);
    out.u32(dims.length);
    for (const dim of dims) out.u64(dim);
    out.u32(plan.type.id);
    out.u64(BigInt(offset));
    const info = { ...plan, position: offset, size: Number(tensorBytes(plan.type, dims)) };
    offset = alignUp(offset + info.size, alignment);
    return info;
  });
  return { infos, dataSize: offset };
}

function writeValue(out: ByteSink, value: GgufValue): void {
  switch (value.type) {
    case "array":
      out.u32(VALUE_TYPE_IDS[value.of]);
      out.u64(BigInt(value.value.length));
      writeElements(out, value);
      break;
    case "string":
      out.string(Buffer.from(value.value, "utf8"));
      break;
    case "bool":
      out.bytes(Buffer.of(value.value ? 1 : 0));
      break;
    default:
      out.bytes(scalarBytes(value.type, value.value));
  }
}

function writeElements(out: ByteSink, array: GgufArray): void {
  if (array.of === "string") writeStrings(out, array.value);
  else out.bytes(Buffer.from(array.value.buffer, array.value.byteOffset, array.value.byteLength));
}

function writeStrings(out: ByteSink, table: StringTable): void {
  for (let i = 0; i < table.length; i++) out.string(table.bytesAt(i));
}

function scalarBytes(type: Exclude<ElementType, "string" | "bool">, value: number | bigint): Buffer {
  const buffer = Buffer.alloc(8);
  switch (type) {
    case "u8":
      return buffer.subarray(0, buffer.writeUInt8(value as number));
    case "i8":
      return buffer.subarray(0, buffer.writeInt8(value as number));
    case "u16":
      return buffer.subarray(0, buffer.writeUInt16LE(value as number));
    case "i16":
      return buffer.subarray(0, buffer.writeInt16LE(value as number));
    case "u32":
      return buffer.subarray(0, buffer.writeUInt32LE(value as number));
    case "i32":
      return buffer.subarray(0, buffer.writeInt32LE(value as number));
    case "f32":
      return buffer.subarray(0, buffer.writeFloatLE(value as number));
    case "f64":
      return buffer.subarray(0, buffer.writeDoubleLE(value as number));
    case "u64":
      return buffer.subarray(0, buffer.writeBigUInt64LE(value as bigint));
    case "i64":
      return buffer.subarray(0, buffer.writeBigInt64LE(value as bigint));
  }
}

/** Bytes that grow at the end; the pieces of a vocabulary are many, so they are gathered in larger blocks. */
class ByteSink {
  #blocks: Buffer[] = [];
  #block = Buffer.alloc(BLOCK_BYTES);
  #used = 0;
  #flushed = 0;

  get length(): number {
    return this.#flushed + this.#used;
  }

  bytes(bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.#block.length) this.#flush(bytes.length);
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  u32(value: number): void {
    this.bytes(scalarBytes("u32", value));
  }

  u64(value: bigint): void {
    this.bytes(scalarBytes("u64", value));
  }

  string(bytes: Uint8Array): void {
    this.u64(BigInt(bytes.length));
    this.bytes(bytes);
  }

  concat(): Buffer {
    this.#flush(0);
    return Buffer.concat(this.#blocks);
  }

  #flush(next: number): void {
    this.#blocks.push(this.#block.subarray(0, this.#used));
    this.#flushed += this.#used;
    this.#block = Buffer.alloc(Math.max(BLOCK_BYTES, next));
    this.#used = 0;
  }
}

const BLOCK_BYTES = 256 * 1024;
