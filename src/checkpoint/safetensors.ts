import { describe } from "../errors.ts";
import { type ByteSource, quote, readExactly } from "../files/byte-source.ts";
import { isJsonObject, type JsonObject, own, parseJsonObject } from "./json.ts";
import { refuse } from "./refuse.ts";
import { dtypeBytes, type TensorEntry } from "./tensor-entry.ts";

/** Largest JSON header that is read. The 543 tensors of a 34B Llama take 60 KB; the format allows 100 MB. */
export const MAX_SAFETENSORS_HEADER_BYTES = 16 * 1024 * 1024;
/** Most dimensions of a tensor; PyTorch's weights have at most 5. */
const MAX_DIMENSIONS = 8;
const LENGTH_BYTES = 8;

/**
 * Reads the header of one safetensors file. Checks that every tensor is inside the file, has the size that its shape
 * implies, and overlaps no other.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT naming the file and the tensor
 */
export async function readSafetensorsHeader(file: ByteSource): Promise<TensorEntry[]> {
  const { path, size } = file;
  if (size < LENGTH_BYTES) throw refuse(path, `has ${size} bytes, too few for a safetensors file.`);
  const length = (await readExactly(file, 0, LENGTH_BYTES)).readBigUInt64LE();
  const rest = size - LENGTH_BYTES;
  if (length > BigInt(rest))
    throw refuse(
      path,
      `is truncated or not a safetensors file: it declares a header of ${length} bytes, but ${rest} follow.`,
    );
  if (length > BigInt(MAX_SAFETENSORS_HEADER_BYTES))
    throw refuse(path, `has a header of ${length} bytes; the limit is ${MAX_SAFETENSORS_HEADER_BYTES}.`);
  const header = parseJsonObject(await readExactly(file, LENGTH_BYTES, Number(length)), path, "its safetensors header");
  const dataPosition = LENGTH_BYTES + Number(length);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => parseEntry(path, name, entry, dataPosition, size));
  checkCoverage(path, entries, dataPosition, size);
  return entries;
}

function parseEntry(path: string, name: string, entry: unknown, dataPosition: number, fileSize: number): TensorEntry {
  const where = { tensor: name };
  if (!isJsonObject(entry))
    throw refuse(path, `describes the tensor ${quote(name)} by ${describe(entry)}; expected an object.`, where);
  const dtype = own(entry, "dtype");
  const valueBytes = typeof dtype === "string" ? dtypeBytes.get(dtype) : undefined;
  if (typeof dtype !== "string" || valueBytes === undefined)
    throw refuse(
      path,
      dtype === undefined
        ? `has no dtype for the tensor ${quote(name)}.`
        : `has an unknown dtype for the tensor ${quote(name)}: ${describe(dtype)}.`,
      where,
    );
  const shape = parseShape(path, name, own(entry, "shape"));
  const [begin, end] = parseOffsets(path, name, entry);
  if (dataPosition + end > fileSize)
    throw refuse(
      path,
      `is truncated: the tensor ${quote(name)} ends at byte ${dataPosition + end}, but the file has ${fileSize} bytes.`,
      where,
    );
  // In BigInt: a forged shape may be larger than any exact number.
  const expected = shape.reduce((product, dim) => product * BigInt(dim), BigInt(valueBytes));
  if (expected !== BigInt(end - begin))
    throw refuse(
      path,
      `gives the tensor ${quote(name)} ${end - begin} bytes; its shape [${shape.join(", ")}] in ${dtype} takes ${expected}.`,
      where,
    );
  return { name, dtype, shape, position: dataPosition + begin, size: end - begin };
}

function parseShape(path: string, name: string, value: unknown): number[] {
  const fits = Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isSize);
  if (!fits)
    throw refuse(
      path,
      `gives the tensor ${quote(name)} ${value === undefined ? "no shape" : `the shape ${describe(value)}`}; expected at most ${MAX_DIMENSIONS} whole numbers.`,
      { tensor: name },
    );
  return value;
}

function parseOffsets(path: string, name: string, entry: JsonObject): [number, number] {
  const value = own(entry, "data_offsets");
  if (Array.isArray(value) && value.length === 2 && value.every(isSize)) {
    const [begin, end] = value as [number, number];
    if (begin <= end) return [begin, end];
  }
  throw refuse(path, `gives the tensor ${quote(name)} data_offsets that are not two ascending whole numbers.`, {
    tensor: name,
  });
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The format allows neither overlaps nor gaps; either could hide bytes that another reader interprets differently. */
function checkCoverage(path: string, entries: readonly TensorEntry[], dataPosition: number, size: number): void {
  let end = dataPosition;
  for (const entry of [...entries].sort((a, b) => a.position - b.position || a.size - b.size)) {
    if (entry.position < end)
      throw refuse(path, `places the tensor ${quote(entry.name)} over the tensor before it.`, { tensor: entry.name });
    if (entry.position > end)
      throw refuse(path, `leaves ${entry.position - end} bytes unused before the tensor ${quote(entry.name)}.`, {
        tensor: entry.name,
      });
    end = entry.position + entry.size;
  }
  if (end !== size) throw refuse(path, `has ${size - end} bytes after its last tensor that no tensor owns.`);
}
