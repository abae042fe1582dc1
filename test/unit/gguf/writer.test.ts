import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryFile } from "../../../src/files/temporary-file.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { serializeHeader } from "../../../src/gguf/serialize.ts";
import {
  convertibleTypeNames,
  fileTypeByName,
  fileTypeName,
  tensorTypeById,
  tensorTypeByName,
} from "../../../src/gguf/types.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { GgufWriter } from "../../../src/gguf/writer.ts";

let folder: string;
const f32 = tensorTypeByName("f32");
const plans = [
  { name: "a", type: f32, dims: [3] },
  { name: "b", type: f32, dims: [2, 2] },
];
const metadata = new Map<string, GgufValue>([["key", { type: "string", value: "0000" }]]);
const bytesOf = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "starling-writer-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("GgufWriter", () => {
  it("writes tensors in pieces, in any order, each where the header says, and fills a string in later", async () => {
    const output = join(folder, "model.gguf");
    const file = await TemporaryFile.create(output);
    const header = serializeHeader(metadata, plans);
    const writer = await GgufWriter.create(file, header);
    await writer.write("b", 8, bytesOf(6, 7));
    await writer.write("a", 0, bytesOf(1, 2));
    await writer.write("a", 8, bytesOf(3));
    await writer.write("b", 0, bytesOf(4, 5));
    await writer.replaceString("key", "abcd");
    await writer.finish();
    expect(await readdir(folder)).not.toContain("model.gguf");
    expect(await file.publish(false)).toBe(header.fileSize);
    expect(await readdir(folder)).toEqual(["model.gguf"]);
    const gguf = await readGguf(output);
    expect(gguf.metadata.get("key")?.value).toBe("abcd");
    const bytes = await readFile(output);
    const second = gguf.tensors[1]?.position as number;
    expect([...new Float32Array(new Uint8Array(bytes.subarray(second, second + 16)).buffer)]).toEqual([4, 5, 6, 7]);
  });

  it("is no GGUF before it is finished, and notices tensors that are unknown, too long or missing", async () => {
    const file = await TemporaryFile.create(join(folder, "broken.gguf"));
    const writer = await GgufWriter.create(file, serializeHeader(metadata, plans));
    await expect(writer.write("c", 0, bytesOf(1))).rejects.toThrow(/no tensor c/);
    await expect(writer.write("a", 0, bytesOf(1, 2, 3, 4))).rejects.toThrow(/longer than planned/);
    await expect(writer.write("a", 8, bytesOf(1, 2))).rejects.toThrow(/longer than planned/);
    await writer.write("a", 0, bytesOf(1, 2, 3));
    await expect(writer.finish()).rejects.toThrow(/"?b"? was not written/);
    await expect(writer.replaceString("key", "abc")).rejects.toThrow(/another length/);
    await expect(writer.replaceString("nothing", "abcd")).rejects.toThrow(/no string/);
    writer.keep("b");
    await expect(readGguf(file.path)).rejects.toThrow(/is not a GGUF/);
    await writer.finish();
    expect((await readGguf(file.path)).tensors.length).toBe(2);
    await file.discard();
    await expect(writer.write("b", 0, bytesOf(1))).rejects.toThrow(/closed/);
    expect(await readdir(folder)).toEqual(["model.gguf"]);
  });

  it("refuses names and shapes that llama.cpp would not read", () => {
    expect(() => serializeHeader(metadata, [{ name: "x".repeat(64), type: f32, dims: [1] }])).toThrow(RangeError);
    expect(() => serializeHeader(metadata, [{ name: "x", type: f32, dims: [1, 1, 1, 1, 1] }])).toThrow(RangeError);
  });
});

describe("TemporaryFile", () => {
  it("replaces a file only when that was asked for", async () => {
    const output = join(folder, "kept", "model.gguf");
    await mkdir(join(folder, "kept"));
    await writeFile(output, "old");
    const refused = await TemporaryFile.create(output);
    await refused.write(Buffer.from("new"), 0);
    await expect(refused.publish(false)).rejects.toMatchObject({ code: "ERR_FILE_NOT_WRITABLE", file: output });
    expect(await readFile(output, "utf8")).toBe("old");
    await refused.discard();
    const replacing = await TemporaryFile.create(output);
    await replacing.write(Buffer.from("newer"), 0);
    expect(await replacing.publish(true)).toBe(5);
    await replacing.discard();
    expect(await readFile(output, "utf8")).toBe("newer");
    expect(await readdir(join(folder, "kept"))).toEqual(["model.gguf"]);
  });
});

describe("tables of types", () => {
  it("know llama.cpp's ids in both directions", () => {
    expect(tensorTypeById(12)).toMatchObject({ name: "q4_k", blockSize: 256, blockBytes: 144, weights: true });
    expect(tensorTypeById(4)).toBeUndefined();
    expect(tensorTypeById(9)?.weights).toBe(false);
    expect(() => tensorTypeByName("q9")).toThrow(RangeError);
    expect(fileTypeByName("Q4_K_M")?.id).toBe(15);
    expect([fileTypeName(7), fileTypeName(32), fileTypeName(999)]).toEqual(["q8_0", "bf16", "type 999"]);
    expect(convertibleTypeNames()).toContain("q8_0");
    expect(convertibleTypeNames()).not.toContain("iq2_xs");
  });
});
