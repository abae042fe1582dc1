/**
 * Changes inside a format whose frame stays sound: a header's length fits its new JSON, an archive its new pickle. What
 * is behind the first check would hardly be reached otherwise.
 */

import { readZipDirectory } from "../../../src/checkpoint/zip.ts";
import { HeaderCursor } from "../../../src/gguf/header-cursor.ts";
import { parseHeader } from "../../../src/gguf/parse-header.ts";
import { serializeHeader } from "../../../src/gguf/serialize.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { StringTable } from "../../../src/vocabulary/string-table.ts";
import { zip } from "../checkpoint/make-torch-file.ts";
import { mutateBytes, pick, type Random } from "./byte-mutations.ts";
import { mutateJson } from "./json-mutations.ts";
import { memorySource } from "./memory-files.ts";

const nothing = () => {};
const LENGTH_BYTES = 8;

export function mutateSafetensors(bytes: Buffer, random: Random): Buffer {
  const end = LENGTH_BYTES + Number(bytes.readBigUInt64LE());
  const header = Buffer.from(mutateJson(bytes.toString("utf8", LENGTH_BYTES, end), random));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, bytes.subarray(end)]);
}

/** Pickle operations that do not stand where they belong. */
const OPERATIONS = [
  ...["(", ")", "]", "}", "N", ".", "0", "2", "a", "e", "t", "u", "s", "b", "R", "Q", "l", "d"],
  ...["q\x00", "h\x00", "h\x01", "h\x02", "r\xff\xff\xff\xff", "j\x00\x00\x00\x00", "\x85", "\x86", "\x87", "\x94"],
  ...["J\xff\xff\xff\xff", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "\x8a\x00", "G\x7f\xf8\0\0\0\0\0\0", "\x88"],
  ...["X\x01\x00\x00\x00x", "\x8c\x01a", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "ccollections\nOrderedDict\n"],
  ...[
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch\nFloatStorage\n",
    "cos\nsystem\n",
    "\x80\x02",
    "\x95\0\0\0\0\0\0\0\0",
  ],
  ...["]q\x07h\x07a", "}q\x07h\x07h\x07s", "\x85".repeat(200), "h\x00\x86q\x00".repeat(30)],
].map((operation) => Buffer.from(operation, "latin1"));

export async function mutatePickle(bytes: Buffer, random: Random, other: Buffer): Promise<Buffer> {
  const entries = [...(await readZipDirectory(memorySource("sample", bytes, nothing)))].map(
    ([name, { position, size }]) => ({ name, data: bytes.subarray(position, position + size) }),
  );
  const pickle = entries.find(({ name }) => name.endsWith("data.pkl"));
  if (pickle === undefined) throw new Error("The sample has no pickle.");
  if (random(3) > 0) {
    const parts: Buffer[] = [];
    let from = 0;
    for (let count = 1 + random(4); count > 0; count--) {
      const at = from + random(pickle.data.length - from);
      parts.push(pickle.data.subarray(from, at), pick(random, OPERATIONS));
      from = Math.min(pickle.data.length - 1, at + (random(2) === 0 ? 0 : random(12)));
    }
    pickle.data = Buffer.concat([...parts, pickle.data.subarray(from)]);
  } else {
    pickle.data = mutateBytes(pickle.data, random, [], other.subarray(0, 2000));
  }
  if (random(4) === 0) {
    const entry = pick(random, entries);
    entry.name = pick(random, [pick(random, entries).name, "../data/0", "archive/data/../data.pkl", "/", "", "a\0b"]);
  }
  return zip(entries, { wideEnd: random(4) === 0 });
}

/** Takes a protobuf message apart into its outermost fields of bytes; SentencePiece models hold nothing else there. */
function protobufRecords(bytes: Buffer): { tag: number; content: Buffer }[] {
  const records: { tag: number; content: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++] as number;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    records.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return records;
}

export function mutateSentencePiece(bytes: Buffer, random: Random, other: Buffer): Buffer {
  const records = protobufRecords(bytes);
  const strangers = protobufRecords(other);
  for (let count = 1 + random(3); count > 0; count--) {
    // The last two are the trainer and the normaliser.
    const at = random(3) === 0 ? records.length - 1 - random(2) : random(records.length);
    const record = records[at];
    if (record === undefined) continue;
    if (random(3) > 0) record.content = mutateBytes(record.content, random, [], pick(random, strangers).content);
    else if (random(4) === 0) record.tag = random(128);
    else if (random(2) === 0) records.splice(at, 1);
    else records.splice(random(records.length), 0, random(2) === 0 ? record : pick(random, strangers));
  }
  return Buffer.concat(
    records.flatMap(({ tag, content }) => {
      const length: number[] = [];
      let rest = content.length;
      for (; rest >= 0x80; rest >>= 7) length.push((rest & 0x7f) | 0x80);
      return [Buffer.from([tag, ...length, rest]), content];
    }),
  );
}

const NUMBERS = [0, 1, -1, 2, 3, 7, 31, 32, 255, 256, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const FLOATS = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, -1, 3e38];

export function mutateGguf(bytes: Buffer, random: Random): Buffer {
  const header = parseHeader(new HeaderCursor(bytes, { path: "sample", size: bytes.length }));
  const metadata = new Map(header.metadata);
  const tensors = header.tensors.map(({ name, type, dims }) => ({ name, type, dims: [...dims] }));
  for (let count = 1 + random(2); count > 0; count--) {
    if (random(5) === 0) mutateTensors(tensors, random);
    else mutateMetadata(metadata, random);
  }
  const { bytes: start, fileSize } = serializeHeader(metadata, tensors);
  // Forged shapes may ask for any amount of data: a file that is cut off is as good a test.
  const rest = Math.min(Math.max(0, fileSize - start.length), bytes.length);
  return Buffer.concat([start, Buffer.alloc(rest)]);
}

/** Counts that are forged where a file claims to be huge fit into it, and ask for gigabytes. */
const COUNTS = [2n ** 26n, 2n ** 28n, 2n ** 30n, 2n ** 31n - 1n, 2n ** 32n, 2n ** 40n];
/** The type of an array's elements and "array" itself, between its key and its count. */
const BEFORE_COUNT_BYTES = 8;

export function forgeGgufCount(bytes: Buffer, random: Random): Buffer {
  const header = parseHeader(new HeaderCursor(bytes, { path: "sample", size: bytes.length }));
  // Strings need a table beside them, so that every other time it is they.
  const strings = random(2) === 0;
  const fits = (value: GgufValue) => value.type === "array" && (value.of === "string" || !strings);
  const key = pick(
    random,
    [...header.metadata].filter(([, value]) => fits(value)).map(([name]) => name),
  );
  const forged = Buffer.from(bytes);
  forged.writeBigUInt64LE(pick(random, COUNTS), bytes.indexOf(key) + key.length + BEFORE_COUNT_BYTES);
  return forged;
}

function mutateTensors(tensors: { name: string; dims: number[] }[], random: Random): void {
  const at = random(tensors.length);
  const tensor = tensors[at] as (typeof tensors)[number];
  const action = random(4);
  if (action === 0) tensors.splice(at, 1);
  else if (action === 1) tensors.splice(random(tensors.length), 0, tensor);
  else if (action === 2) tensor.name = pick(random, ["token_embd.weight", "output.weight", "a\0b", "x".repeat(63)]);
  else tensor.dims[random(tensor.dims.length)] = pick(random, [0, 1, 31, 2 ** 32, 2 ** 52]);
}

function mutateMetadata(metadata: Map<string, GgufValue>, random: Random): void {
  const keys = [...metadata.keys()];
  const key = pick(random, keys);
  const value = metadata.get(key) as GgufValue;
  const action = random(6);
  if (action === 0) metadata.delete(key);
  else if (action === 1) metadata.set(key, metadata.get(pick(random, keys)) as GgufValue);
  else if (action === 2) metadata.set(pick(random, [`${key}x`, "llama.expert_count", "split.count"]), value);
  else metadata.set(key, changedValue(value, random));
}

function changedValue(value: GgufValue, random: Random): GgufValue {
  switch (value.type) {
    case "string":
      return { type: "string", value: pick(random, ["", "llama", "\0", `${value.value}x`, "x".repeat(70_000)]) };
    case "bool":
      return { type: "bool", value: !value.value };
    case "u64":
    case "i64":
      return { type: "u32", value: 0 };
    case "f32":
    case "f64":
      return { type: "f32", value: pick(random, FLOATS) };
    case "array":
      return changedArray(value, random);
    default:
      return { type: "u32", value: pick(random, [...NUMBERS, value.value + 1, value.value - 1]) >>> 0 };
  }
}

function changedArray(array: GgufValue & { type: "array" }, random: Random): GgufValue {
  if (array.of === "string") {
    const strings: (string | Uint8Array)[] = Array.from({ length: array.value.length }, (_, i) => array.value.at(i));
    const at = random(strings.length);
    const stranger = pick(random, ["", "\0", "<0x00>", "<0xFF>", "<0xZZ>", Uint8Array.of(0xff), strings[0] ?? ""]);
    if (random(3) === 0) strings.splice(at, 1 + random(2));
    else strings[at] = stranger;
    return { type: "array", of: "string", value: StringTable.from(strings) };
  }
  const copy = array.value.slice(0, random(3) === 0 ? random(array.value.length + 1) : undefined);
  if (copy instanceof BigUint64Array || copy instanceof BigInt64Array) copy.fill(0n);
  else if (copy.length > 0) copy[random(copy.length)] = pick(random, random(2) === 0 ? FLOATS : NUMBERS);
  const of = random(8) === 0 ? "i32" : array.of;
  return { type: "array", of, value: of === array.of ? copy : Int32Array.from(copy as Int32Array) } as GgufValue;
}
