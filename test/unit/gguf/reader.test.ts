import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileError } from "../../../src/errors.ts";
import type { GgufHeader } from "../../../src/gguf/header.ts";
import { HeaderCursor } from "../../../src/gguf/header-cursor.ts";
import { parseHeader } from "../../../src/gguf/parse-header.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { serializeHeader, type TensorPlan } from "../../../src/gguf/serialize.ts";
import { tensorTypeByName } from "../../../src/gguf/types.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { StringTable } from "../../../src/vocabulary/string-table.ts";

let path: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "starling-gguf-"));
  path = join(folder, "model.gguf");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function read(bytes: Buffer, size = bytes.length): Promise<GgufHeader> {
  await writeFile(path, bytes);
  if (size !== bytes.length) await truncate(path, size);
  return readGguf(path);
}

const allTypes: [string, GgufValue][] = [
  ["u8", { type: "u8", value: 255 }],
  ["i8", { type: "i8", value: -128 }],
  ["u16", { type: "u16", value: 65535 }],
  ["i16", { type: "i16", value: -32768 }],
  ["u32", { type: "u32", value: 4294967295 }],
  ["i32", { type: "i32", value: -2147483648 }],
  ["f32", { type: "f32", value: -0.5 }],
  ["f64", { type: "f64", value: 0.1 }],
  ["u64", { type: "u64", value: 2n ** 64n - 1n }],
  ["i64", { type: "i64", value: -(2n ** 63n) }],
  ["bool", { type: "bool", value: true }],
  ["string", { type: "string", value: "héllo 語\n" }],
  ["empty", { type: "string", value: "" }],
  ["a.u8", { type: "array", of: "u8", value: Uint8Array.of(1, 2) }],
  ["a.i8", { type: "array", of: "i8", value: Int8Array.of(-1) }],
  ["a.u16", { type: "array", of: "u16", value: Uint16Array.of(65535) }],
  ["a.i16", { type: "array", of: "i16", value: Int16Array.of(-2, 3) }],
  ["a.u32", { type: "array", of: "u32", value: Uint32Array.of(7) }],
  ["a.i32", { type: "array", of: "i32", value: Int32Array.of(-7) }],
  ["a.f32", { type: "array", of: "f32", value: Float32Array.of(0.25, -1) }],
  ["a.bool", { type: "array", of: "bool", value: Uint8Array.of(1, 0, 1) }],
  ["a.u64", { type: "array", of: "u64", value: BigUint64Array.of(2n ** 63n) }],
  ["a.i64", { type: "array", of: "i64", value: BigInt64Array.of(-1n) }],
  ["a.f64", { type: "array", of: "f64", value: Float64Array.of(1e300) }],
  ["a.none", { type: "array", of: "i32", value: new Int32Array(0) }],
  ["a.string", { type: "array", of: "string", value: StringTable.from(["", "語", "a\nb"]) }],
];

const f32 = tensorTypeByName("f32");
const plans: TensorPlan[] = [
  { name: "first", type: f32, dims: [3] },
  { name: "second", type: tensorTypeByName("q4_k"), dims: [256, 2] },
  { name: "third", type: tensorTypeByName("bf16"), dims: [2, 2, 2, 1] },
];

function file(metadata = new Map(allTypes), tensors: readonly TensorPlan[] = plans): Buffer {
  const { bytes, fileSize } = serializeHeader(metadata, tensors);
  return Buffer.concat([bytes, Buffer.alloc(fileSize - bytes.length)]);
}

/** Bytes of a header by hand: numbers are u32, bigints u64, strings GGUF strings. */
function raw(...parts: (number | bigint | string | Buffer)[]): Buffer {
  const bytes = parts.map((part) => {
    if (Buffer.isBuffer(part)) return part;
    const buffer = Buffer.alloc(typeof part === "number" ? 4 : 8);
    if (typeof part === "number") buffer.writeUInt32LE(part);
    else if (typeof part === "bigint") buffer.writeBigUInt64LE(part);
    else {
      buffer.writeBigUInt64LE(BigInt(Buffer.byteLength(part)));
      return Buffer.concat([buffer, Buffer.from(part)]);
    }
    return buffer;
  });
  return Buffer.concat([Buffer.from("GGUF"), ...bytes]);
}

const U32 = 4;
const STRING = 8;
const ARRAY = 9;
const padding = Buffer.alloc(256);
/** A tensor's entry: name, dims, type, offset. */
const tensor = (name: string, dims: bigint[], type: number, offset: bigint) =>
  raw(name, dims.length, ...dims, type, offset).subarray(4);

describe("readGguf", () => {
  it("reads every type of value back", async () => {
    const gguf = await read(file());
    expect([...gguf.metadata.keys()]).toEqual(allTypes.map(([key]) => key));
    for (const [key, value] of allTypes) expect(gguf.metadata.get(key), key).toEqual(value);
    const strings = gguf.metadata.get("a.string")?.value as StringTable;
    expect([strings.length, strings.at(0), strings.at(1), strings.at(2)]).toEqual([3, "", "語", "a\nb"]);
  });

  it("places tensors one after another at multiples of 32 bytes", async () => {
    const gguf = await read(file());
    const { dataPosition } = gguf;
    expect(dataPosition % 32).toBe(0);
    expect(gguf.tensors.map(({ name, size, position }) => [name, size, position - dataPosition])).toEqual([
      ["first", 12, 0],
      ["second", 288, 32],
      ["third", 16, 320],
    ]);
  });

  it("reads version 2, another alignment, and a file that ends with its last tensor", async () => {
    const bytes = file(new Map());
    bytes.writeUInt32LE(2, 4);
    expect((await read(bytes, bytes.length - 16)).version).toBe(2);
    const aligned = raw(3, 1n, 1n, "general.alignment", U32, 64, tensor("t", [1n], 0, 0n), padding);
    expect((await read(aligned)).dataPosition).toBe(128);
  });

  it("reads headers that are longer than the first read", async () => {
    const pieces = Array.from({ length: 300_000 }, (_, i) => `piece ${i}`);
    const metadata = new Map<string, GgufValue>([
      ["t", { type: "array", of: "string", value: StringTable.from(pieces) }],
    ]);
    const table = (await read(file(metadata))).metadata.get("t")?.value as StringTable;
    expect([table.length, table.at(299_999)]).toEqual([300_000, "piece 299999"]);
  });

  it("places tensors beyond 4 GiB, and misses one byte at the end", async () => {
    const gib5: TensorPlan[] = [
      { name: "large", type: f32, dims: [1024, (5 * 1024 ** 3) / 4096] },
      { name: "last", type: f32, dims: [8] },
    ];
    const { bytes, fileSize } = serializeHeader(new Map(), gib5);
    const gguf = await read(bytes, fileSize);
    expect(gguf.tensors[1]?.position).toBe(gguf.dataPosition + 5 * 1024 ** 3);
    await expect(read(bytes, fileSize - 1)).rejects.toThrow(/so 1 bytes are missing/);
    await rm(path);
  });

  const parse = (bytes: Buffer) => parseHeader(new HeaderCursor(bytes, { path, size: bytes.length }));

  it("refuses every file that is truncated, and says how much is missing", () => {
    const whole = file();
    const end = whole.length - 16; // the last 16 bytes are padding
    for (let size = 0; size < end; size++) {
      const cut = () => parse(whole.subarray(0, size));
      expect(cut, `${size} bytes`).toThrow(FileError);
      expect(cut).toThrow(/bytes are missing|is truncated/);
    }
    expect(parse(whole.subarray(0, end)).tensors.length).toBe(3);
  });

  it("gives a clear answer whatever byte of the header changes", () => {
    const whole = file();
    const headerEnd = parse(whole).dataPosition;
    let refused = 0;
    for (let at = 0; at < headerEnd; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] as number) ^ mask;
        try {
          parse(changed);
        } catch (error) {
          refused++;
          expect(error, `byte ${at}`).toBeInstanceOf(FileError);
        }
      }
    }
    expect(refused).toBeGreaterThan(headerEnd);
  });

  const huge = 2n ** 62n;

  it("makes nothing of the size that a count of strings has in a file of terabytes", async () => {
    const bytes = raw(3, 0n, 1n, "a", ARRAY, STRING, 2n ** 38n);
    const before = process.memoryUsage().arrayBuffers;
    // 2 TiB, none of which is on the disk: there is room for the lengths of all strings.
    await expect(read(bytes, 2 ** 41 + bytes.length)).rejects.toThrow(/header of more than \d+ bytes/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 29);
  });

  it.each<[string, Buffer, RegExp]>([
    ["another format", Buffer.from("PK\u0003\u0004 and more"), /does not start with "GGUF"/],
    ["version 1", raw(1, 0n, 0n), /version 1/],
    ["version 4", raw(4, 0n, 0n), /version 4/],
    ["big-endian", raw(0x03000000, 0n, 0n), /big-endian/],
    ["more tensors than bytes", raw(3, huge, 0n), /declares 4611686018427387904 tensors/],
    ["more keys than bytes", raw(3, 0n, huge), /declares 4611686018427387904 metadata keys/],
    ["too many tensors", raw(3, 70_000n, 0n, Buffer.alloc(70_000 * 33)), /limit is 65536/],
    ["too many keys", raw(3, 0n, 20_000n, Buffer.alloc(20_000 * 14)), /limit is 16384/],
    ["a key of 2^62 bytes", raw(3, 0n, 1n, huge, padding), /declares 4611686018427387904 bytes/],
    ["a key without a name", raw(3, 0n, 1n, "", U32, 1, padding), /without a name/],
    ["a key with NUL", raw(3, 0n, 1n, "a\0", U32, 1, padding), /NUL/],
    ["a key that is not UTF-8", raw(3, 0n, 1n, 1n, Buffer.from([0xff]), U32, 1, padding), /not UTF-8/],
    ["a key twice", raw(3, 0n, 2n, "a", U32, 1, "a", U32, 1, padding), /key "a" twice/],
    ["an unknown type", raw(3, 0n, 1n, "a", 13, padding), /unknown value type 13/],
    ["an array in an array", raw(3, 0n, 1n, "a", ARRAY, ARRAY, 0n, padding), /arrays in arrays/],
    [
      "an array of 2^62 numbers",
      raw(3, 0n, 1n, "a", ARRAY, U32, huge, padding),
      /declares 4611686018427387904 elements/,
    ],
    [
      "an array of 2^62 strings",
      raw(3, 0n, 1n, "a", ARRAY, STRING, huge, padding),
      /declares 4611686018427387904 elements/,
    ],
    ["a string with NUL", raw(3, 0n, 1n, "a", STRING, "b\0c", padding), /NUL/],
    ["a boolean of 2 in a list", raw(3, 0n, 1n, "a", ARRAY, 7, 2n, Buffer.of(1, 2), padding), /boolean 2/],
    ["a boolean of 2", raw(3, 0n, 1n, "a", 7, Buffer.of(2), padding), /boolean 2/],
    ["an alignment of another type", raw(3, 0n, 1n, "general.alignment", STRING, "32", padding), /must be u32/],
    ["an alignment of 0", raw(3, 0n, 1n, "general.alignment", U32, 0, padding), /power of two/],
    ["an alignment of 48", raw(3, 0n, 1n, "general.alignment", U32, 48, padding), /power of two/],
    ["an alignment of 2^31", raw(3, 0n, 1n, "general.alignment", U32, 2 ** 31, padding), /power of two/],
    ["a tensor without a name", raw(3, 1n, 0n, tensor("", [1n], 0, 0n), padding), /1 to 63 bytes/],
    ["a tensor name of 64 bytes", raw(3, 1n, 0n, tensor("x".repeat(64), [1n], 0, 0n), padding), /1 to 63 bytes/],
    [
      "a tensor twice",
      raw(3, 2n, 0n, tensor("t", [1n], 0, 0n), tensor("t", [1n], 0, 32n), padding),
      /tensor "t" twice/,
    ],
    ["no dimensions", raw(3, 1n, 0n, tensor("t", [], 0, 0n), padding), /0 dimensions/],
    ["five dimensions", raw(3, 1n, 0n, tensor("t", [1n, 1n, 1n, 1n, 1n], 0, 0n), padding), /5 dimensions/],
    ["2^32 - 1 dimensions", raw(3, 1n, 0n, "t", 0xffffffff, padding), /4294967295 dimensions/],
    ["a dimension of 0", raw(3, 1n, 0n, tensor("t", [4n, 0n], 0, 0n), padding), /dimension of 0/],
    [
      "dimensions that overflow",
      raw(3, 1n, 0n, tensor("t", [huge, huge, huge], 0, 0n), padding),
      /takes \d{50,} bytes/,
    ],
    ["a type that was removed", raw(3, 1n, 0n, tensor("t", [32n], 4, 0n), padding), /type 4/],
    ["a type that does not exist", raw(3, 1n, 0n, tensor("t", [32n], 99, 0n), padding), /type 99/],
    [
      "rows that are no whole blocks",
      raw(3, 1n, 0n, tensor("t", [33n], 8, 0n), padding),
      /rows of 33; expected a multiple of 32/,
    ],
    ["an offset that is not aligned", raw(3, 1n, 0n, tensor("t", [1n], 0, 4n), padding), /offset 4; expected 0/],
    ["an offset of 2^62", raw(3, 1n, 0n, tensor("t", [1n], 0, huge), padding), /offset 4611686018427387904/],
    [
      "tensors that overlap",
      raw(3, 2n, 0n, tensor("t", [9n], 0, 0n), tensor("u", [1n], 0, 32n), padding),
      /"u" at the offset 32; expected 64/,
    ],
    [
      "a gap",
      raw(3, 2n, 0n, tensor("t", [1n], 0, 0n), tensor("u", [1n], 0, 64n), padding),
      /"u" at the offset 64; expected 32/,
    ],
    [
      "tensors in another order",
      raw(3, 2n, 0n, tensor("t", [1n], 0, 32n), tensor("u", [1n], 0, 0n), padding),
      /"t" at the offset 32; expected 0/,
    ],
  ])("refuses %s", async (_, bytes, message) => {
    const error = await read(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "ERR_INVALID_GGUF", file: path });
    expect((error as Error).message).toMatch(message);
  });

  it("does not fill memory with a header that is really that long", async () => {
    const bytes = raw(3, 0n, 1n, "a", ARRAY, 0, 3n * 1024n ** 3n);
    await expect(read(bytes, 4 * 1024 ** 3)).rejects.toThrow(/header of more than 134217728 bytes/);
    const string = raw(3, 0n, 1n, "a", STRING, 3n * 1024n ** 3n);
    await expect(read(string, 4 * 1024 ** 3)).rejects.toThrow(/the limit is/);
    await rm(path);
  });

  it("says when there is no file", async () => {
    await expect(readGguf(join(folder, "nothing.gguf"))).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
    await expect(readGguf(folder)).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
  });
});
