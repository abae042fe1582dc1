/** A trunk that others quantised and its checkpoint's head: the scores of convert and quantize, or what differs by name. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attach, convert, quantize } from "../../src/entry/convert.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../src/gguf/reward-metadata.ts";
import type { GgufValue } from "../../src/gguf/value.ts";
import { loadRewardModel, type ScoreItem } from "../../src/index.ts";
import type { NativeAddon } from "../../src/native/addon.ts";
import { packageRoot } from "../../src/package-info.ts";
import { StringTable } from "../../src/vocabulary/string-table.ts";
import { writeHead } from "../../src/write-head.ts";
import { readSafetensors } from "../causal-base.ts";
import { makeLanguageModel } from "../language-model.ts";
import { safetensors } from "../unit/convert/make-checkpoint.ts";
import { emptyFolder, failureOf, filesBelow, startHub } from "../unit/hub/support.ts";
import { folder, openAddon, removeFolder } from "./support.ts";

afterAll(removeFolder);

const fixture = (name: string) => join(packageRoot(), "test", "fixtures", "checkpoints", name);
const checkpoint = fixture("gqa4-bf16-sharded");
const texts: ScoreItem[] = [
  { text: "A starling sings." },
  { prompt: "Hi", response: "Hello, what can I do for you today?" },
  { prompt: "Why is the sky blue?", response: "Because." },
];
let addon: NativeAddon;
/** Of the checkpoint by convert. */
const plain = join(folder, "plain.f16.gguf");

beforeAll(async () => {
  addon = await openAddon();
  await convert({ checkpoint, output: plain, type: "f16" });
});

async function scores(modelPath: string): Promise<number[]> {
  await using model = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
  return (await model.score(texts)).map(({ score }) => score);
}

let made = 0;
const output = () => join(folder, `attached-${made++}.gguf`);
const attached = (trunk: string, options: Partial<Parameters<typeof attach>[0]> = {}) =>
  attach({ trunk, head: checkpoint, output: output(), ...options });

describe("the result", () => {
  it.each([
    "gqa4-bf16-sharded",
    "hf-seqcls-bpe",
    "hf-seqcls-rope",
    "hf-seqcls-spm",
    "hf-mistral",
    "hf-qwen2",
    "hf-qwen3",
    "hf-gemma2",
    "hf-gemma2-scaled",
  ])("of %s is convert's, but for digests", async (name) => {
    const model = join(folder, `${name}.gguf`);
    await convert({ checkpoint: fixture(name), output: model, type: "f16", overwrite: true });
    const trunk = await makeLanguageModel(model, join(folder, `${name}.trunk.gguf`));
    const result = await attached(trunk, { head: fixture(name) });
    expect(result).toMatchObject({ evidence: { matrices: "equal" } });
    expect(result.notices?.join()).toMatch(/output layer is left out.*it is the checkpoint's trunk/);
    const [own, other] = [await readGguf(result.output), await readGguf(model)];
    const { source: _, trunkSha256: __, ...metadata } = readRewardMetadata(other, model);
    expect(readRewardMetadata(own, model)).toMatchObject(metadata);
    expect(own.metadata.get("general.quantized_by")?.value).toBe("someone");
    expect(own.tensors.map(({ name: tensor }) => tensor)).toEqual(other.tensors.map(({ name: tensor }) => tensor));
    const [bytes, theirs] = [readFileSync(result.output), readFileSync(model)];
    expect(bytes.subarray(own.dataPosition).equals(theirs.subarray(other.dataPosition))).toBe(true);
  });

  it("scores to the bit as convert and quantize make it, also in parts and from parts", async () => {
    const small = join(folder, "small.q4_k_m.gguf");
    await quantize({ input: plain, output: small, type: "q4_k_m", threads: 1 });
    const trunk = await makeLanguageModel(small, join(folder, "small.trunk.gguf"));
    const whole = await attached(trunk);
    const expected = await scores(small);
    expect(await scores(whole.output)).toEqual(expected);
    const split = await attached(trunk, { splitSize: 300_000 });
    expect(split.parts?.length).toBeGreaterThan(1);
    expect(await scores(split.output)).toEqual(expected);
    const again = await attached(split.output, { replaceHead: true });
    expect(await scores(again.output)).toEqual(expected);
    // Any part of the trunk as the output, or names that are the trunk's once the result is in parts.
    const [first = "", second = ""] = split.parts ?? [];
    for (const [name, splitSize] of [[second], [first.replace(/-00001-of-.*/, ".gguf"), 300_000]] as const) {
      const given = splitSize === undefined ? {} : { splitSize };
      const error = await failureOf(attached(first, { output: name, overwrite: true, replaceHead: true, ...given }));
      expect(error.message).toMatch(/being read/);
    }
    expect(await scores(split.output)).toEqual(expected);
  });

  // Three bits of random weights are far from f16; whether they are multiplied rightly is checked with every load.
  it.each([
    ["iq4_xs", 30, 1.5],
    ["iq3_s", 26, 4],
  ] as const)("of %s scores near f16, alone as in company", async (type, ftype, largest) => {
    const quantised = join(folder, `${type}.gguf`);
    await addon.quantize({ input: plain, output: quantised, ftype, threads: 1 });
    const result = await attached(await makeLanguageModel(quantised, join(folder, `${type}.trunk.gguf`)));
    expect(result.evidence).toMatchObject({ vectors: 5, vectorsInAll: 5 });
    await using model = await loadRewardModel({ modelPath: result.output, gpu: "off", threads: 1 });
    const together = (await model.score(texts)).map(({ score }) => score);
    for (const [i, score] of (await scores(plain)).entries())
      expect(Math.abs(score - (together[i] ?? NaN))).toBeLessThan(largest);
    if (model.info.batchMode !== "exact") return;
    for (const [i, item] of texts.entries()) expect((await model.score([item]))[0]?.score).toBe(together[i]);
  });

  it("takes Gemma's pieces and settings as llama.cpp's converter writes them, and no other spaces", async () => {
    const head = fixture("hf-gemma2");
    const model = join(folder, "gemma.gguf");
    await convert({ checkpoint: head, output: model, type: "f16" });
    const piecesOf = (rename: (piece: string) => string) => ({
      metadata: (all: Map<string, GgufValue>) => {
        const table = all.get("tokenizer.ggml.tokens")?.value as StringTable;
        const pieces = Array.from({ length: table.length }, (_, i) => rename(table.at(i)));
        all.set("tokenizer.ggml.tokens", { type: "array", of: "string", value: StringTable.from(pieces) });
      },
    });
    // Only user-defined ones: runs of spaces.
    const spaced = piecesOf((piece) => (/^▁▁+$/.test(piece) ? " ".repeat(piece.length) : piece));
    const trunk = await makeLanguageModel(model, join(folder, "gemma.trunk.gguf"), spaced);
    expect(await scores((await attached(trunk, { head })).output)).toEqual(await scores(model));
    const every = piecesOf((piece) => piece.replaceAll("▁", " "));
    const other = await makeLanguageModel(model, join(folder, "gemma.other.gguf"), every);
    expect((await failureOf(attached(other, { head }))).message).toMatch(/has the piece " .*" at \d+/);
  });

  it("does not take Gemma's float16 norms for another model's when llama.cpp's converter has rounded them", async () => {
    const head = emptyFolder();
    for (const name of readdirSync(fixture("hf-gemma2")))
      copyFileSync(join(fixture("hf-gemma2"), name), join(head, name));
    const halves = (size: number) => new Uint8Array(Uint16Array.from({ length: size }, (_, i) => 0x2c01 + i).buffer);
    const tensors = [...readSafetensors(join(head, "model.safetensors"))].map(([name, tensor]) => {
      const [size = 0, columns] = tensor.shape;
      return [name, columns === undefined ? { ...tensor, dtype: "F16", data: halves(size) } : tensor] as const;
    });
    writeFileSync(join(head, "model.safetensors"), safetensors(new Map(tensors)));
    const model = join(folder, "half.gguf");
    await convert({ checkpoint: head, output: model, type: "f16" });
    const trunk = await makeLanguageModel(model, join(folder, "half.trunk.gguf"));
    expect(await scores((await attached(trunk, { head })).output)).toEqual(await scores(model));
    // 1 + w, to eleven bits.
    const rounded = await makeLanguageModel(model, join(folder, "rounded.trunk.gguf"), {
      tensor: (name, bytes) => {
        if (!name.endsWith("norm.weight")) return;
        for (let at = 0; at < bytes.length; at += 4)
          bytes.writeFloatLE(Math.round(bytes.readFloatLE(at) * 1024) / 1024, at);
      },
    });
    expect((await failureOf(attached(rounded, { head }))).message).toMatch(/adds 1 to float16 norms in float16/);
  });

  it("of Gemma's whose queries llama.cpp divides otherwise needs weights that make up for it", async () => {
    const head = fixture("hf-gemma2-scaled");
    const model = join(folder, "hf-gemma2-scaled.gguf");
    await convert({ checkpoint: head, output: model, type: "q8_0", overwrite: true });
    const scaled = await makeLanguageModel(model, join(folder, "scaled.trunk.gguf"));
    expect(await scores((await attached(scaled, { head })).output)).toEqual(await scores(model));
    // Of a copy of the checkpoint that says nothing of it: as llama.cpp's converter would.
    const copy = emptyFolder();
    for (const name of readdirSync(head)) copyFileSync(join(head, name), join(copy, name));
    const config = JSON.parse(readFileSync(join(head, "config.json"), "utf8"));
    writeFileSync(join(copy, "config.json"), JSON.stringify({ ...config, query_pre_attn_scalar: config.head_dim }));
    await convert({ checkpoint: copy, output: model, type: "q8_0", overwrite: true });
    const unscaled = await makeLanguageModel(model, join(folder, "unscaled.trunk.gguf"));
    const error = await failureOf(attached(unscaled, { head }));
    expect(error.message).toMatch(/does not show that it has the weights of "blk\.0\.attn_q\.weight" times 0\.63/);
  });

  it("comes of a checkpoint on the hub, of which only ranges are read", async () => {
    const place = fixture("gqa7-bf16");
    const files = new Map(readdirSync(place).map((name) => [name, readFileSync(join(place, name))] as const));
    // A buffer that old checkpoints store makes the file too large to be fetched whole.
    const tensors = readSafetensors(join(place, "model.safetensors"));
    const padding = { dtype: "F32", shape: [4 * 2 ** 20], data: new Uint8Array(16 * 2 ** 20) };
    const padded = new Map([["transformer.rotary_emb.inv_freq", padding] as const, ...tensors]);
    const hub = await startHub({ ...Object.fromEntries(files), "model.safetensors": safetensors(padded) });
    const model = join(folder, "gqa7.gguf");
    await convert({ checkpoint: place, output: model, type: "q8_0" });
    const trunk = await makeLanguageModel(model, join(folder, "hub.trunk.gguf"));
    const cacheFolder = emptyFolder();
    const result = await attached(trunk, { head: `hf:${hub.repository}`, endpoint: hub.endpoint, cacheFolder });
    expect(result.evidence?.matrices).toBe("equal");
    expect(await scores(result.output)).toEqual(await scores(model));
    const ranges = hub.requestsFor("model.safetensors").map(({ range }) => /^bytes=(\d+)-(\d+)$/.exec(range ?? ""));
    expect(ranges.every((range) => range !== null)).toBe(true);
    expect(ranges.reduce((sum, range) => sum + Number(range?.[2]) - Number(range?.[1]), 0)).toBeLessThan(4 * 2 ** 20);
    expect(filesBelow(cacheFolder).filter((name) => name.includes("blobs"))).toEqual([]);
    expect(readRewardMetadata(await readGguf(result.output), "").source.name).toBe(hub.repository);
  });

  it("has a head file's head, for a trunk of ours", async () => {
    const { head } = readRewardMetadata(await readGguf(plain), plain);
    const file = output();
    await writeHead({ modelPath: plain, output: file, head: { weight: head.weight.map((value) => -value) } });
    const trunk = await makeLanguageModel(plain, output());
    expect((await failureOf(attached(trunk, { head: file }))).message).toMatch(/neither tokenizer nor template/);
    expect((await failureOf(attached(plain, { head: file }))).message).toMatch(/has a reward head already/);
    for (const unused of [{ normalizeReward: true }, { scorePosition: "last" }, { splitSize: 1e6 }] as const) {
      const error = await failureOf(attached(plain, { head: file, replaceHead: true, ...unused }));
      expect(error.message).toMatch(new RegExp(`${Object.keys(unused)[0]} needs a checkpoint as the head`));
    }
    const { output: turned } = await attached(plain, { head: file, replaceHead: true });
    expect(await scores(turned)).toEqual((await scores(plain)).map((score) => -score));
  });
});

describe("what is refused by name", () => {
  const refusal = async (changes: Parameters<typeof makeLanguageModel>[2], head = checkpoint) =>
    failureOf(attached(await makeLanguageModel(plain, join(folder, "refused.gguf"), changes), { head }));
  const set = (key: string, value: GgufValue) => ({
    metadata: (all: Map<string, GgufValue>) => void all.set(key, value),
  });

  it.each<[string, Parameters<typeof makeLanguageModel>[2], RegExp]>([
    [
      "another architecture",
      set("general.architecture", { type: "string", value: "qwen2" }),
      /is a "qwen2"; .* is a "llama"/,
    ],
    [
      "another rotary base",
      set("llama.rope.freq_base", { type: "f32", value: 10_000 }),
      /llama.rope.freq_base = 10000; .* has 5000000/,
    ],
    [
      "scaled frequencies",
      set("llama.rope.scaling.type", { type: "string", value: "yarn" }),
      /rope.scaling.type = "yarn"/,
    ],
    ["experts", set("llama.expert_count", { type: "u32", value: 8 }), /llama.expert_count = 8/],
    [
      "another kind of tokenizer",
      set("tokenizer.ggml.model", { type: "string", value: "gpt2" }),
      /tokenizer of the kind "gpt2"/,
    ],
    ["no pieces", { metadata: (all) => void all.delete("tokenizer.ggml.tokens") }, /tokenizer.ggml.tokens as nothing/],
    [
      "another piece",
      {
        metadata: (all) => {
          const table = all.get("tokenizer.ggml.tokens")?.value as StringTable;
          const pieces = Array.from({ length: table.length }, (_, i) => (i === 300 ? "other" : table.bytesAt(i)));
          all.set("tokenizer.ggml.tokens", { type: "array", of: "string", value: StringTable.from(pieces) });
        },
      },
      /has the piece "other" at 300; .* has ".*" there/,
    ],
    [
      "another model with the same shapes, by its norms",
      { tensor: (name, bytes) => name === "blk.1.ffn_norm.weight" && bytes.writeFloatLE(0.5, 8) },
      /"blk.1.ffn_norm.weight" holds other values: it is another model/,
    ],
    [
      "another model with the same norms, by a matrix of floats",
      { tensor: (name, bytes) => /attn_q|ffn_down/.test(name) && bytes.fill(0x11, 0, 64) },
      /holds other values/,
    ],
  ])("%s", async (_, changes, message) => {
    const error = await refusal(changes);
    expect(error).toMatchObject({ code: "ERR_WRONG_HEAD" });
    expect(error.message).toMatch(message);
  });

  it("rotary frequencies that are scaled otherwise, but not a last bit that is rounded otherwise", async () => {
    const head = fixture("hf-seqcls-rope");
    const model = join(folder, "rope.gguf");
    await convert({ checkpoint: head, output: model, type: "f16" });
    const scaled = (factor: number) => (name: string, bytes: Buffer) =>
      name === "rope_freqs.weight" && bytes.writeFloatLE(bytes.readFloatLE(8) * factor, 8);
    const [rounded, other] = [1 + 2e-7, 1.01].map((factor, i) =>
      makeLanguageModel(model, join(folder, `rope-${i}.gguf`), { tensor: scaled(factor) }),
    );
    const result = await attached(await (rounded as Promise<string>), { head });
    expect(result).toMatchObject({ evidence: { matrices: "equal" } });
    const divisors = async (path: string) => {
      const { position, size } = (await readGguf(path)).tensors.find(({ name }) => name === "rope_freqs.weight") ?? {
        position: 0,
        size: 0,
      };
      return readFileSync(path)
        .subarray(position, position + size)
        .toString("hex");
    };
    expect(await divisors(result.output)).toBe(await divisors(model));
    const error = await failureOf(attached(await (other as Promise<string>), { head }));
    expect(error.message).toMatch(/rope_freqs.weight" holds other values/);
  });

  it("another width, a missing layer, and a checkpoint without a head", async () => {
    expect((await refusal({}, fixture("gqa7-bf16"))).message).toMatch(/has llama\.\S+ = \d+; .*gqa7-bf16 has \d+/);
    const deeper = await refusal(set("llama.block_count", { type: "u32", value: 3 }));
    expect(deeper.message).toMatch(/llama.block_count = 3/);
  });

  it("and leaves nothing, as a stop does", async () => {
    const before = readdirSync(folder).length;
    const stop = new AbortController();
    const trunk = join(folder, "refused.gguf");
    await makeLanguageModel(plain, trunk);
    const stopped = attached(trunk, { signal: stop.signal, onProgress: () => stop.abort() });
    await failureOf(stopped);
    expect(readdirSync(folder).length).toBe(before);
    expect((await failureOf(attach({ trunk, head: checkpoint, output: trunk, overwrite: true }))).message).toMatch(
      /being read/,
    );
  });
});
