import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_SAFETENSORS_HEADER_BYTES, readSafetensorsHeader } from "../../../src/checkpoint/safetensors.ts";
import { FileError } from "../../../src/errors.ts";
import { openFile } from "../../../src/files/byte-source.ts";
import { f32, rawSafetensors, safetensors } from "../convert/make-checkpoint.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "starling-safetensors-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function read(bytes: Buffer, size = bytes.length) {
  const path = join(folder, "model.safetensors");
  await writeFile(path, bytes);
  if (size !== bytes.length) await truncate(path, size);
  const file = await openFile(path);
  try {
    return await readSafetensorsHeader(file);
  } finally {
    await file.close();
  }
}

const entry = (shape: unknown, offsets: unknown, dtype: unknown = "F32") =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

describe("readSafetensorsHeader", () => {
  it("lists tensors with their places", async () => {
    const tensors = new Map([
      ["a", f32([2, 3], 1)],
      ["b", f32([], 1)],
      ["empty", f32([0, 4], 1)],
    ]);
    const entries = await read(safetensors(tensors));
    expect(entries.map(({ name, shape, size }) => [name, shape, size])).toEqual([
      ["a", [2, 3], 24],
      ["b", [], 4],
      ["empty", [0, 4], 0],
    ]);
    expect((entries[1]?.position ?? 0) - (entries[0]?.position ?? 0)).toBe(24);
  });

  it("reads names that mean something to JavaScript", async () => {
    const entries = await read(rawSafetensors(`{"__proto__":${entry([1], [0, 4])}}`, new Uint8Array(4)));
    expect(entries.map(({ name }) => name)).toEqual(["__proto__"]);
  });

  it("places tensors beyond 4 GiB", async () => {
    const gib5 = 5 * 1024 ** 3;
    const header = `{"a":${entry([gib5 / 4], [0, gib5])},"b":${entry([1], [gib5, gib5 + 4])}}`;
    const bytes = rawSafetensors(header);
    const entries = await read(bytes, bytes.length + gib5 + 4);
    expect(entries[1]?.position).toBe(bytes.length + gib5);
  });

  it.each<[string, Buffer, RegExp, string?]>([
    ["an empty file", Buffer.alloc(0), /too few for a safetensors/],
    [
      "a header longer than the file",
      Buffer.from("ffffffffffffff7f00", "hex"),
      /declares a header of 9223372036854775807/,
    ],
    ["a header that is no JSON", rawSafetensors("{]"), /not contain valid JSON/],
    ["a header that is an array", rawSafetensors("[]"), /an empty array/],
    ["a header that is not UTF-8", rawSafetensors(Buffer.from([0x7b, 0xff, 0x7d])), /UTF-8/],
    ["a header that is deeply nested", rawSafetensors(`{"a":${"[".repeat(50)}${"]".repeat(50)}}`), /deeper than 32/],
    ["a header nested too deep for memory", rawSafetensors("[".repeat(4_000_000)), /deeper than 32/],
    [
      "a header of millions of objects",
      rawSafetensors(`{"a":[${"{},".repeat(1_000_001)}{}]}`),
      /contains more than 1000000 values in its safetensors header/,
    ],
    [
      "a value with a constructor of its own",
      rawSafetensors('{"a":{"dtype":{"constructor":{"name":{"toString":1}}},"shape":[1],"data_offsets":[0,4]}}'),
      /unknown dtype for the tensor .*: an object/,
      "a",
    ],
    [
      "a tensor without a type",
      rawSafetensors('{"a":{"shape":[1],"data_offsets":[0,4]}}', new Uint8Array(4)),
      /has no dtype for the tensor "a"\./,
      "a",
    ],
    [
      "a tensor without a shape",
      rawSafetensors('{"a":{"dtype":"F32","data_offsets":[0,4]}}', new Uint8Array(4)),
      /gives the tensor "a" no shape; expected/,
      "a",
    ],
    [
      "a tensor twice",
      rawSafetensors(`{"a":${entry([1], [0, 4])},"\\u0061":${entry([1], [4, 8])}}`, new Uint8Array(8)),
      /key "a" twice/,
    ],
    [
      "a key twice inside a tensor",
      rawSafetensors(`{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}`, new Uint8Array(4)),
      /"dtype" twice/,
    ],
    ["a tensor that is a number", rawSafetensors('{"a":1}'), /by 1/, "a"],
    ["an unknown dtype", rawSafetensors(`{"a":${entry([1], [0, 4], "F31")}}`, new Uint8Array(4)), /"F31"/, "a"],
    [
      "a dtype that is not a string",
      rawSafetensors(`{"a":${entry([1], [0, 4], 3)}}`, new Uint8Array(4)),
      /unknown dtype for the tensor "a": 3\./,
      "a",
    ],
    ["a negative dimension", rawSafetensors(`{"a":${entry([-1], [0, 4])}}`, new Uint8Array(4)), /shape/, "a"],
    ["a broken dimension", rawSafetensors(`{"a":${entry([0.5], [0, 2])}}`, new Uint8Array(2)), /shape/, "a"],
    [
      "too many dimensions",
      rawSafetensors(`{"a":${entry(Array(9).fill(1), [0, 4])}}`, new Uint8Array(4)),
      /at most 8/,
      "a",
    ],
    [
      "a shape that overflows",
      rawSafetensors(`{"a":${entry([2 ** 52, 2 ** 52, 2 ** 52], [0, 4])}}`, new Uint8Array(4)),
      /takes 36\d+/,
      "a",
    ],
    [
      "a dimension beyond exact numbers",
      rawSafetensors('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}'),
      /shape/,
      "a",
    ],
    ["offsets that go down", rawSafetensors(`{"a":${entry([1], [4, 0])}}`, new Uint8Array(4)), /data_offsets/, "a"],
    ["one offset", rawSafetensors(`{"a":${entry([1], [4])}}`, new Uint8Array(4)), /data_offsets/, "a"],
    ["offsets beyond the file", rawSafetensors(`{"a":${entry([2], [0, 8])}}`, new Uint8Array(4)), /is truncated/, "a"],
    [
      "a size that does not fit the shape",
      rawSafetensors(`{"a":${entry([2], [0, 4])}}`, new Uint8Array(4)),
      /takes 8/,
      "a",
    ],
    [
      "tensors that overlap",
      rawSafetensors(`{"a":${entry([2], [0, 8])},"b":${entry([1], [4, 8])}}`, new Uint8Array(8)),
      /over the tensor before/,
      "b",
    ],
    [
      "two tensors in one place",
      rawSafetensors(`{"a":${entry([1], [0, 4])},"b":${entry([1], [0, 4])}}`, new Uint8Array(4)),
      /over the tensor before/,
      "b",
    ],
    [
      "a gap",
      rawSafetensors(`{"a":${entry([1], [0, 4])},"b":${entry([1], [8, 12])}}`, new Uint8Array(12)),
      /leaves 4 bytes unused/,
      "b",
    ],
    ["bytes at the end", rawSafetensors(`{"a":${entry([1], [0, 4])}}`, new Uint8Array(9)), /5 bytes after its last/],
  ])("refuses %s", async (_, bytes, message, tensor) => {
    const error = await read(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FileError);
    expect((error as FileError).code).toBe("ERR_INVALID_CHECKPOINT");
    expect((error as FileError).message).toMatch(message);
    if (tensor !== undefined) expect((error as FileError).tensor).toBe(tensor);
  });

  it("refuses a header that is larger than any real one before it reads it", async () => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(MAX_SAFETENSORS_HEADER_BYTES) + 1n);
    await expect(read(length, MAX_SAFETENSORS_HEADER_BYTES + 100)).rejects.toThrow(/the limit is/);
  });

  it("refuses every file that is truncated", async () => {
    const whole = safetensors(new Map([["a", f32([2, 3], 1)]]));
    for (let size = 0; size < whole.length; size++)
      await expect(read(whole.subarray(0, size)), `${size} bytes`).rejects.toThrow(FileError);
  });
});
