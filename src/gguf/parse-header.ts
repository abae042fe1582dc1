import { quote } from "../files/byte-source.ts";
import {
  alignUp,
  DEFAULT_ALIGNMENT,
  type GgufHeader,
  MAX_DIMS,
  MAX_TENSOR_NAME_BYTES,
  type TensorInfo,
} from "./header.ts";
import type { HeaderCursor } from "./header-cursor.ts";
import { tensorBytes, tensorTypeById, type ValueType, valueTypeById } from "./types.ts";
import { ELEMENT_BYTES, type GgufArray, type GgufValue } from "./value.ts";

/** Most metadata keys: models have under 100, and llama.cpp compares each key with every other. */
const MAX_METADATA_KEYS = 16_384;
/** Most tensors: llama.cpp has at most 512 layers, and a Llama has 9 tensors for each. */
const MAX_TENSORS = 65_536;
/** Largest general.alignment: no llama.cpp tool writes more than 32; 1 MiB leaves room for any page size. */
const MAX_ALIGNMENT = 1024 * 1024;
/** A key needs a length, one byte, a type and one byte of value. */
const MIN_KEY_BYTES = 14;
/** A tensor needs a length, one byte, dimensions, a type and an offset. */
const MIN_TENSOR_BYTES = 33;

/** Parses the header of a GGUF and checks it as llama.cpp's reader does, and where that is lax, more strictly. */
export function parseHeader(cursor: HeaderCursor): GgufHeader {
  const version = readVersion(cursor);
  const tensorCount = cursor.count("tensors", MIN_TENSOR_BYTES);
  const keyCount = cursor.count("metadata keys", MIN_KEY_BYTES);
  if (tensorCount > MAX_TENSORS) throw cursor.refuse(`declares ${tensorCount} tensors; the limit is ${MAX_TENSORS}.`);
  if (keyCount > MAX_METADATA_KEYS)
    throw cursor.refuse(`declares ${keyCount} metadata keys; the limit is ${MAX_METADATA_KEYS}.`);
  const metadata = readMetadata(cursor, keyCount);
  const alignment = readAlignment(cursor, metadata);
  const entries = readTensorEntries(cursor, tensorCount);
  const dataPosition = alignUp(cursor.position, alignment);
  const tensors = placeTensors(cursor, entries, dataPosition, alignment);
  return { version, metadata, tensors, alignment, dataPosition, fileSize: cursor.fileSize };
}

const MAGIC = 0x46554747; // "GGUF"

function readVersion(cursor: HeaderCursor): number {
  if (cursor.u32("its first four bytes") !== MAGIC)
    throw cursor.refuse('is not a GGUF: it does not start with "GGUF".');
  const version = cursor.u32("its version");
  if (version !== 0 && version % 0x10000 === 0)
    throw cursor.refuse("is a big-endian GGUF; only little-endian files are supported.");
  if (version !== 2 && version !== 3)
    throw cursor.refuse(`is a GGUF of version ${version}; versions 2 and 3 are supported.`);
  return version;
}

function readMetadata(cursor: HeaderCursor, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = cursor.text("a metadata key");
    if (key === "") throw cursor.refuse("contains a metadata key without a name.");
    if (metadata.has(key)) throw cursor.refuse(`contains the metadata key ${quote(key)} twice.`, { field: key });
    metadata.set(key, readValue(cursor, key));
  }
  return metadata;
}

function readValue(cursor: HeaderCursor, key: string): GgufValue {
  const what = `the metadata key ${quote(key)}`;
  const type = readValueType(cursor, key, what);
  if (type !== "array") return readScalar(cursor, type, key, what);
  const of = readValueType(cursor, key, what);
  if (of === "array")
    throw cursor.refuse(`contains arrays in arrays at ${what}, which llama.cpp refuses.`, { field: key });
  const count = cursor.count(`elements of ${what}`, of === "string" ? 8 : ELEMENT_BYTES[of]);
  const value = of === "string" ? cursor.strings(count, what) : cursor.numbers(of, count, what);
  if (of === "bool") for (const truth of value as Uint8Array) checkBoolean(cursor, truth, key, what);
  return { type, of, value } as GgufArray;
}

function readValueType(cursor: HeaderCursor, key: string, what: string): ValueType {
  const id = cursor.u32(what);
  const type = valueTypeById(id);
  if (type === undefined) throw cursor.refuse(`contains ${what} with the unknown value type ${id}.`, { field: key });
  return type;
}

function readScalar(cursor: HeaderCursor, type: Exclude<ValueType, "array">, key: string, what: string): GgufValue {
  if (type === "string") return { type, value: cursor.text(what) };
  const value = cursor.numbers(type, 1, what)[0];
  if (type !== "bool") return { type, value } as GgufValue;
  checkBoolean(cursor, value as number, key, what);
  return { type, value: value === 1 };
}

function checkBoolean(cursor: HeaderCursor, value: number, key: string, what: string): void {
  if (value !== 0 && value !== 1)
    throw cursor.refuse(`contains the boolean ${value} at ${what}; only 0 and 1 are valid.`, { field: key });
}

function readAlignment(cursor: HeaderCursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const field = "general.alignment";
  const value = metadata.get(field);
  if (value === undefined) return DEFAULT_ALIGNMENT;
  if (value.type !== "u32") throw cursor.refuse(`contains ${field} as ${value.type}; it must be u32.`, { field });
  const alignment = value.value;
  if (alignment === 0 || alignment > MAX_ALIGNMENT || (alignment & (alignment - 1)) !== 0)
    throw cursor.refuse(`contains ${field} = ${alignment}; expected a power of two up to ${MAX_ALIGNMENT}.`, { field });
  return alignment;
}

type TensorEntry = Omit<TensorInfo, "position"> & { readonly offset: bigint };

function readTensorEntries(cursor: HeaderCursor, count: number): TensorEntry[] {
  const names = new Set<string>();
  const entries: TensorEntry[] = [];
  for (let i = 0; i < count; i++) {
    const entry = readTensorEntry(cursor);
    if (names.has(entry.name))
      throw cursor.refuse(`contains the tensor ${quote(entry.name)} twice.`, { tensor: entry.name });
    names.add(entry.name);
    entries.push(entry);
  }
  return entries;
}

function readTensorEntry(cursor: HeaderCursor): TensorEntry {
  const name = cursor.text("a tensor name");
  const what = `the tensor ${quote(name)}`;
  if (name === "" || Buffer.byteLength(name) > MAX_TENSOR_NAME_BYTES)
    throw cursor.refuse(`names ${what}; a name has 1 to ${MAX_TENSOR_NAME_BYTES} bytes.`, { tensor: name });
  const dimCount = cursor.u32(what);
  if (dimCount === 0 || dimCount > MAX_DIMS)
    throw cursor.refuse(`gives ${what} ${dimCount} dimensions; expected 1 to ${MAX_DIMS}.`, { tensor: name });
  const dims = Array.from({ length: dimCount }, () => cursor.u64(what));
  const typeId = cursor.u32(what);
  const type = tensorTypeById(typeId);
  if (type === undefined)
    throw cursor.refuse(`gives ${what} the type ${typeId}, which llama.cpp does not have.`, { tensor: name });
  if (dims.some((dim) => dim === 0n)) throw cursor.refuse(`gives ${what} a dimension of 0.`, { tensor: name });
  const [rowLength] = dims as [bigint];
  if (rowLength % BigInt(type.blockSize) !== 0n)
    throw cursor.refuse(
      `gives ${what} of type ${type.name} rows of ${rowLength}; expected a multiple of ${type.blockSize}.`,
      { tensor: name },
    );
  const size = tensorBytes(type, dims);
  if (size > BigInt(cursor.fileSize))
    throw cursor.refuse(`is truncated or damaged: ${what} takes ${size} bytes, but the file has ${cursor.fileSize}.`, {
      tensor: name,
    });
  return { name, type, dims: dims.map(Number), size: Number(size), offset: cursor.u64(what) };
}

/**
 * llama.cpp accepts tensors only in the order of their offsets, each at the aligned end of the previous one: there is
 * neither an overlap nor a gap.
 */
function placeTensors(
  cursor: HeaderCursor,
  entries: readonly TensorEntry[],
  dataPosition: number,
  alignment: number,
): TensorInfo[] {
  let expected = 0;
  let end = cursor.position;
  const tensors = entries.map(({ offset, ...entry }) => {
    if (offset !== BigInt(expected))
      throw cursor.refuse(
        `places the tensor ${quote(entry.name)} at the offset ${offset}; expected ${expected}, the end of the previous tensor.`,
        { tensor: entry.name },
      );
    const position = dataPosition + expected;
    end = position + entry.size;
    expected = alignUp(expected + entry.size, alignment);
    // Each size is at most the file's, but the sum of a long list could exceed 2^53.
    if (!Number.isSafeInteger(expected)) throw cursor.refuse("declares more tensor data than any file can hold.");
    return { ...entry, position };
  });
  if (end > cursor.fileSize)
    throw cursor.refuse(
      `is truncated: its tensors end at byte ${end}, but it has ${cursor.fileSize} bytes, so ${end - cursor.fileSize} bytes are missing.`,
    );
  return tensors;
}
