/** One-pass conversion against llama.cpp's own quantiser. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../src/convert/convert.ts";
import { TemporaryFile } from "../../src/files/temporary-file.ts";
import { quantizedType } from "../../src/gguf/quantization-mix.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { serializeHeader, type TensorPlan } from "../../src/gguf/serialize.ts";
import { convertibleTypeNames, type FileType, fileTypeByName, tensorTypeByName } from "../../src/gguf/types.ts";
import type { GgufValue } from "../../src/gguf/value.ts";
import { GgufWriter } from "../../src/gguf/writer.ts";
import type { NativeAddon } from "../../src/native/addon.ts";
import { packageRoot } from "../../src/package-info.ts";
import { StringTable } from "../../src/vocabulary/string-table.ts";
import { type MadeShape, makeCheckpoint } from "../made-checkpoint.ts";
import { errorOf, folder, openAddon, removeFolder, rowQuantizer } from "./support.ts";

let addon: NativeAddon;
beforeAll(async () => {
  addon = await openAddon();
});
afterAll(removeFolder);

const quantized = convertibleTypeNames().filter((name) => fileTypeByName(name)?.kind === "quantized");
const checkpoints = ["mha-f32", "gqa4-bf16-sharded", "gqa7-bf16", "odd-f16", "bin-f16"];
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

async function convertTo(checkpoint: string, type: string, name: string): Promise<string> {
  const output = join(folder, `${name}.${type}.gguf`);
  await convertCheckpoint({ checkpoint, output, type, overwrite: true, quantizeRows: rowQuantizer(addon) });
  return output;
}

async function quantize(input: string, type: string): Promise<string> {
  const output = `${input}.${type}`;
  await addon.quantize({ input, output, ftype: (fileTypeByName(type) as FileType).id, threads: 1 });
  return output;
}

describe("a conversion in one pass", () => {
  it.each(checkpoints)("of %s is byte for byte what the quantiser makes of its f32 conversion", async (name) => {
    const checkpoint = join(packageRoot(), "test", "fixtures", "checkpoints", name);
    const full = await convertTo(checkpoint, "f32", name);
    for (const type of quantized)
      expect([type, sha256(await convertTo(checkpoint, type, name))]).toEqual([
        type,
        sha256(await quantize(full, type)),
      ]);
  });

  it("of a shape with rows of whole blocks and more than one chunk for a tensor is so, too", async () => {
    const shape: MadeShape = { hidden: 1024, feedForward: 5120, layers: 1, heads: 8, keyValueHeads: 2 };
    const checkpoint = makeCheckpoint(join(folder, "made"), shape);
    const full = await convertTo(checkpoint, "f32", "made");
    for (const type of ["q4_k_m", "q8_0", "q3_k_m"])
      expect([type, sha256(await convertTo(checkpoint, type, "made"))]).toEqual([
        type,
        sha256(await quantize(full, type)),
      ]);
  });
});

describe("the types of tensors", () => {
  const text = (value: string): GgufValue => ({ type: "string", value });
  const u32 = (value: number): GgufValue => ({ type: "u32", value });
  const f32 = (value: number): GgufValue => ({ type: "f32", value });
  const kinds = ["attn_k", "attn_output", "attn_q", "attn_v", "ffn_down", "ffn_gate", "ffn_up"];

  /** A file with the header of a Llama and matrices of two rows: the quantiser looks at names and row lengths only. */
  async function namesOnly(layers: number, heads: number, keyValueHeads: number, rowLength: number): Promise<string> {
    const path = join(folder, `names-${layers}-${heads}-${keyValueHeads}-${rowLength}.gguf`);
    const names = Array.from({ length: layers }, (_, i) => kinds.map((kind) => `blk.${i}.${kind}.weight`)).flat();
    const plans: TensorPlan[] = ["token_embd.weight", ...names].map((name) => ({
      name,
      type: tensorTypeByName("f32"),
      dims: [rowLength, 2],
    }));
    const metadata = new Map<string, GgufValue>([
      ["general.architecture", text("llama")],
      ["llama.block_count", u32(layers)],
      ["llama.context_length", u32(128)],
      ["llama.embedding_length", u32(64 * heads)],
      ["llama.feed_forward_length", u32(64)],
      ["llama.attention.head_count", u32(heads)],
      ["llama.attention.head_count_kv", u32(keyValueHeads)],
      ["llama.attention.layer_norm_rms_epsilon", f32(1e-5)],
      ["llama.rope.dimension_count", u32(64)],
      ["llama.vocab_size", u32(2)],
      ["tokenizer.ggml.model", text("llama")],
      ["tokenizer.ggml.tokens", { type: "array", of: "string", value: StringTable.from(["a", "b"]) }],
      ["general.quantization_version", u32(2)],
      ["general.file_type", u32(0)],
    ]);
    const file = await TemporaryFile.create(path);
    const writer = await GgufWriter.create(file, serializeHeader(metadata, plans));
    for (const { name } of plans) writer.keep(name);
    await writer.finish();
    await file.publish(true);
    return path;
  }

  const shapes: [layers: number, heads: number, keyValueHeads: number, rowLength: number][] = [
    [1, 1, 1, 256],
    [2, 8, 8, 512],
    [7, 8, 2, 256],
    [8, 4, 2, 256],
    [15, 12, 4, 64],
    [16, 56, 8, 256],
    [22, 32, 4, 40],
    [33, 7, 1, 256],
    [60, 56, 8, 256],
    [80, 64, 8, 256],
    [80, 8, 8, 256],
    [81, 64, 8, 256],
  ];

  it.each(shapes)("are the quantiser's: %i layers, %i heads, %i for keys and values, rows of %i", async (...shape) => {
    const [layers, heads, keyValueHeads, rowLength] = shape;
    const input = await namesOnly(...shape);
    for (const type of quantized) {
      const { tensors } = await readGguf(await quantize(input, type));
      const theirs = tensors.map(({ name, type: { name: of } }) => `${name} ${of}`);
      const ours = tensors.map(
        ({ name }) => `${name} ${quantizedType(type, name, rowLength, { layers, heads, keyValueHeads })}`,
      );
      expect([type, ...ours]).toEqual([type, ...theirs]);
    }
  });
});

describe("quantizeRows", () => {
  const options = { from: 0, to: 12, rowLength: 256, threads: 2 };
  const rows = (count: number) => new Uint8Array(new Float32Array(count * 256).fill(0.5).buffer);

  it("takes whole rows of known types only", async () => {
    expect(() => addon.quantizeRows({ ...options, to: 16 }, rows(1))).toThrow(/can be quantised for options.to/);
    expect(() => addon.quantizeRows({ ...options, to: 4 }, rows(1))).toThrow(RangeError);
    expect(() => addon.quantizeRows({ ...options, from: 12 }, rows(1))).toThrow(/options.from/);
    expect(() => addon.quantizeRows({ ...options, rowLength: 128 }, rows(1))).toThrow(/whole blocks/);
    expect(() => addon.quantizeRows(options, rows(1).subarray(4))).toThrow(/whole rows of 1024 bytes/);
    expect(() => addon.quantizeRows(options, [] as never)).toThrow(TypeError);
    expect(await addon.quantizeRows(options, new Uint8Array(0))).toEqual(new Uint8Array(0));
    expect((await addon.quantizeRows({ ...options, threads: 16 }, rows(3))).length).toBe(3 * 144);
  });

  it("names what is not finite, or more than the type holds", async () => {
    for (const [value, code] of [
      [Number.NaN, "NOT_FINITE"],
      [Number.POSITIVE_INFINITY, "NOT_FINITE"],
      [3e38, "NOT_HELD"],
    ] as const) {
      const values = new Float32Array(256 * 500).fill(0.25);
      values[256 * 499 + 7] = value;
      const input = new Uint8Array(values.buffer);
      expect((await errorOf(addon.quantizeRows({ ...options, to: 2 }, input))).code).toBe(code);
    }
  });

  it("copies its input before it returns", async () => {
    const input = rows(64);
    const job = addon.quantizeRows(options, input);
    input.fill(0xff);
    expect(await job).toEqual(await addon.quantizeRows(options, rows(64)));
  });
});
