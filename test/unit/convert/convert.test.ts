import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import type { ConvertOptions, RowBlock } from "../../../src/convert/options.ts";
import { FileError, InvalidInputError, StarlingError } from "../../../src/errors.ts";
import { partialPath } from "../../../src/files/temporary-file.ts";
import type { TensorInfo } from "../../../src/gguf/header.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../../src/gguf/reward-metadata.ts";
import { tensorBytes } from "../../../src/gguf/types.ts";
import {
  type Files,
  f32,
  safetensors,
  sentencePiece,
  tinyFiles,
  tinyPieces,
  tinyTensors,
  values,
  withJson,
  writeCheckpoint,
} from "./make-checkpoint.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "starling-convert-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

let outputs = 0;

async function convert(files: Files, options: Partial<ConvertOptions> = {}) {
  const output = join(folder, `${outputs++}`, "model.gguf");
  await mkdir(join(output, ".."));
  const checkpoint = await writeCheckpoint(files);
  const result = await convertCheckpoint({ checkpoint, output, type: "f32", ...options });
  return { result, output, checkpoint };
}

async function floats(path: string, tensor: TensorInfo): Promise<number[]> {
  const bytes = await readFile(path);
  return [...new Float32Array(new Uint8Array(bytes.subarray(tensor.position, tensor.position + tensor.size)).buffer)];
}

describe("a whole checkpoint", () => {
  it("becomes a GGUF that our own reader accepts, with all tensors in place", async () => {
    const { result, output } = await convert(tinyFiles(), { source: { name: "someone/tiny", revision: "abc" } });
    const gguf = await readGguf(output);
    expect(result).toEqual({
      output,
      bytes: gguf.fileSize,
      tensors: 20,
      sourceSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      tensorTypes: { f32: 20 },
      bytesByType: { f32: gguf.tensors.reduce((sum, { size }) => sum + size, 0) },
      typeFallbacks: [],
    });
    const reward = readRewardMetadata(gguf, output);
    expect(reward).toMatchObject({
      name: "tiny-reward",
      template: "yi-chat",
      tokenization: "fast-4.41",
      maxTokens: 2048,
      padTokenId: 0,
      shape: { embeddingLength: 8, vocabularySize: tinyPieces.length, layers: 2, contextLength: 128 },
      fileType: "f32",
      tokenizer: { addDummyPrefix: false, addPrefixSpace: true },
      source: { name: "someone/tiny", revision: "abc", sha256: result.sourceSha256 },
    });
    expect(reward.notice).toBeUndefined();
    const tensors = tinyTensors(tinyPieces.length);
    const head = tensors.get("v_head.weight") as { data: Uint8Array };
    expect([...reward.head.weight]).toEqual([...new Float32Array(head.data.slice().buffer)]);
    const embeddings = gguf.tensors.find(({ name }) => name === "token_embd.weight") as TensorInfo;
    expect(embeddings.dims).toEqual([8, tinyPieces.length]);
    expect(await floats(output, embeddings)).toEqual([...values(8 * tinyPieces.length, 1)]);
  });

  it("has the query and key rows in llama.cpp's order and the others as they were", async () => {
    const { output } = await convert(tinyFiles());
    const gguf = await readGguf(output);
    const rows = async (name: string) => {
      const tensor = gguf.tensors.find((info) => info.name === name) as TensorInfo;
      const all = await floats(output, tensor);
      return Array.from({ length: tensor.dims[1] as number }, (_, i) => all.slice(i * 8, i * 8 + 8));
    };
    const original = (seed: number, count: number) => {
      const all = [...values(count * 8, seed)];
      return Array.from({ length: count }, (_, i) => all.slice(i * 8, i * 8 + 8));
    };
    const query = original(2, 8);
    expect(await rows("blk.0.attn_q.weight")).toEqual([0, 2, 1, 3, 4, 6, 5, 7].map((row) => query[row]));
    const key = original(3, 4);
    expect(await rows("blk.0.attn_k.weight")).toEqual([0, 2, 1, 3].map((row) => key[row]));
    expect(await rows("blk.0.attn_v.weight")).toEqual(original(4, 4));
  });

  it("hands over the vocabulary: special tokens as control pieces, SentencePiece's own types beside", async () => {
    const { output } = await convert(tinyFiles());
    const gguf = await readGguf(output);
    const { tokenizer } = readRewardMetadata(gguf, output);
    expect([...tokenizer.types.subarray(0, 7)]).toEqual([2, 3, 3, 4, 4, 4, 6]);
    const types = gguf.metadata.get("tokenizer.ggml.token_type") as { value: Int32Array };
    expect([...types.value.subarray(0, 7)]).toEqual([2, 3, 3, 3, 3, 4, 6]);
    expect([...tokenizer.addedTokens]).toEqual([0, 1, 2, 3, 4]);
    expect([...tokenizer.normalizedAddedTokens]).toEqual([]);
    expect(gguf.metadata.has("starling.tokenizer.normalized_added_tokens")).toBe(false);
    expect(tokenizer.kind === "sentencepiece" && tokenizer.scores.at(-1)).toBe(-6.5);
    expect(Buffer.from(tokenizer.bytes).toString()).toBe(tinyPieces.map(({ piece }) => piece).join(""));
    expect(gguf.metadata.get("tokenizer.ggml.add_space_prefix")).toEqual({ type: "bool", value: false });
    expect(gguf.metadata.get("tokenizer.chat_template")).toEqual({ type: "string", value: "{{ messages }}" });
  });

  it.each(["f16", "bf16", "F16"])("is written as %s with the norms in f32", async (type) => {
    const { output } = await convert(tinyFiles(), { type });
    const { tensors } = await readGguf(output);
    for (const { dims, type: written } of tensors)
      expect(written.name).toBe(dims.length === 1 ? "f32" : type.toLowerCase());
  });

  it("may be sharded, have rotary buffers and more rows of embeddings than pieces", async () => {
    const vocabulary = tinyPieces.length + 3;
    const tensors = [...tinyTensors(vocabulary)];
    tensors.push(["transformer.layers.1.self_attn.rotary_emb.inv_freq", f32([2], 1)]);
    const shards = [new Map(tensors.slice(0, 9)), new Map(tensors.slice(9))];
    const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const files = withJson("config.json", {
      vocab_size: vocabulary,
      starling_rm: { name: "Named", notice: "A test." },
    });
    delete files["model.safetensors"];
    shards.forEach((shard, i) => {
      files[names[i] as string] = safetensors(shard);
    });
    const map = shards.flatMap((shard, i) => [...shard.keys()].map((tensor) => [tensor, names[i]]));
    files["model.safetensors.index.json"] = JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) });
    const { output } = await convert(files);
    const reward = readRewardMetadata(await readGguf(output), output);
    expect(reward).toMatchObject({ name: "Named", notice: "A test.", shape: { vocabularySize: vocabulary } });
    expect(Buffer.from(reward.tokenizer.bytes).toString()).toMatch(/\[PAD269\]\[PAD270\]\[PAD271\]$/);
    expect([...reward.tokenizer.types.subarray(-3)]).toEqual([5, 5, 5]);
  });

  it("keeps the chat template's file, or the names of those of which none is taken", async () => {
    const convertTemplates = async (files: Files) => {
      const { output } = await convert({ ...tinyFiles(), ...files });
      const { metadata } = await readGguf(output);
      return [metadata.get("tokenizer.chat_template")?.value, metadata.get("starling.chat_template.from")?.value];
    };
    expect(await convertTemplates({})).toEqual(["{{ messages }}", "tokenizer_config.json"]);
    expect(await convertTemplates({ "chat_template.jinja": "F" })).toEqual(["F", "chat_template.jinja"]);
    expect(await convertTemplates({ "additional_chat_templates/rag.jinja": "R" })).toEqual([undefined, undefined]);
  });

  it("needs the special tokens of the chat template declared", async () => {
    const { "tokenizer_config.json": _, "special_tokens_map.json": __, ...files } = tinyFiles();
    await expect(convert(files)).rejects.toThrow(/does not declare the token "<\|im_start\|>"/);
  });

  it("has the same checksum however it is sharded, another one for other weights", async () => {
    const { result: one } = await convert(tinyFiles());
    const { result: two } = await convert(tinyFiles(new Map([...tinyTensors(tinyPieces.length)].reverse())), {
      type: "f16",
    });
    expect(two.sourceSha256).toBe(one.sourceSha256);
    const tensors = tinyTensors(tinyPieces.length);
    tensors.set("transformer.norm.weight", f32([8], 99));
    expect((await convert(tinyFiles(tensors))).result.sourceSha256).not.toBe(one.sourceSha256);
  });

  it("reports progress up to all bytes", async () => {
    const seen: number[] = [];
    let total = 0;
    await convert(tinyFiles(), {
      onProgress: ({ bytesDone, bytesTotal }) => {
        seen.push(bytesDone);
        total = bytesTotal;
      },
    });
    expect(seen.length).toBe(20);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(total);
  });
});

describe("quantised types", () => {
  const wide = join("test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
  const rowBytes = ({ to, rowLength, rows }: RowBlock) =>
    (rows.length / 2 / rowLength) * Number(tensorBytes(to, [BigInt(rowLength)]));

  it("are made by the callback, row block by row block, in the checkpoint's own type; the norms stay f32", async () => {
    const output = join(folder, `${outputs++}.gguf`);
    const asked = new Set<string>();
    await convertCheckpoint({
      checkpoint: wide,
      output,
      type: "q4_k_m",
      quantizeRows: async (block) => {
        asked.add(`${block.from} ${block.to.name} ${block.rowLength}`);
        return new Uint8Array(rowBytes(block));
      },
    });
    expect([...asked].sort()).toEqual(["bf16 q4_k 256", "bf16 q5_0 384", "bf16 q6_k 256", "bf16 q8_0 384"]);
    const { tensors } = await readGguf(output);
    expect(tensors[1]).toMatchObject({ name: "token_embd.weight", type: { name: "q6_k" } });
    expect(tensors[0]).toMatchObject({ name: "output_norm.weight", type: { name: "f32" } });
  });

  it("become f16 where rows fit no block", async () => {
    const { output, result } = await convert(tinyFiles(), {
      type: "q8_0",
      quantizeRows: () => Promise.reject(new Error("not needed")),
    });
    const types = (await readGguf(output)).tensors.map(({ dims, type }) => [dims.length, type.name].join(" "));
    expect(new Set(types)).toEqual(new Set(["1 f32", "2 f16"]));
    expect(result.typeFallbacks).toEqual([
      { wanted: "q8_0", used: "f16", rowLength: 8, blockSize: 32, tensors: 13 },
      { wanted: "q8_0", used: "f16", rowLength: 12, blockSize: 32, tensors: 2 },
    ]);
    expect(result.typeNotice).toBe(
      "None of the 15 matrices could be stored as q8_0: rows of 8 and 12 values are not multiples of 32. Stored as f16 (15).",
    );
  });

  it.each([
    ["fails", () => Promise.reject(new Error("no memory")), /no memory/],
    [
      "returns too much",
      (block: RowBlock) => Promise.resolve(new Uint8Array(rowBytes(block) + 1)),
      /longer than planned/,
    ],
    [
      "returns too little",
      (block: RowBlock) => Promise.resolve(new Uint8Array(rowBytes(block) - 1)),
      /not written in full/,
    ],
  ])("leave nothing behind when the quantiser %s", async (_, quantizeRows, message) => {
    const output = join(folder, `q${outputs++}`, "model.gguf");
    await mkdir(join(output, ".."));
    await expect(convertCheckpoint({ checkpoint: wide, output, type: "q8_0", quantizeRows })).rejects.toThrow(message);
    expect(await readdir(join(output, ".."))).toEqual([]);
  });
});

describe("the output", () => {
  it("is kept when it is there, unless overwriting was asked for", async () => {
    const { output, checkpoint } = await convert(tinyFiles());
    await writeFile(output, "mine");
    const again = { checkpoint, output, type: "f32" };
    await expect(convertCheckpoint(again)).rejects.toMatchObject({
      code: "ERR_FILE_NOT_WRITABLE",
      file: output,
      message: `${output} already exists; overwrite (--force) replaces it.`,
    });
    expect(await readFile(output, "utf8")).toBe("mine");
    await convertCheckpoint({ ...again, overwrite: true });
    expect((await readGguf(output)).tensors.length).toBe(20);
  });

  it("is kept, and nothing is left beside it, when the conversion fails or is aborted half-way", async () => {
    const tensors = tinyTensors(tinyPieces.length);
    const last = tensors.get("transformer.norm.weight") as { data: Uint8Array };
    new DataView(last.data.buffer).setFloat32(0, Number.NaN, true);
    const broken = await writeCheckpoint(tinyFiles(tensors));
    const { output, checkpoint } = await convert(tinyFiles());
    await writeFile(output, "mine");
    const options = { output, type: "f32", overwrite: true };
    await expect(convertCheckpoint({ ...options, checkpoint: broken })).rejects.toThrow(
      /NaN at index 0 .*transformer.norm/,
    );
    const controller = new AbortController();
    const reason = new Error("stopped by the test");
    const stopped = convertCheckpoint({
      ...options,
      checkpoint,
      signal: controller.signal,
      onProgress: ({ bytesDone, bytesTotal }) => {
        if (bytesDone > bytesTotal / 2) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    await expect(convertCheckpoint({ ...options, checkpoint, signal: controller.signal })).rejects.toBe(reason);
    expect(await readFile(output, "utf8")).toBe("mine");
    expect(await readdir(join(output, ".."))).toEqual(["model.gguf"]);
  });

  it("has nothing in it of what a killed conversion left behind", async () => {
    const { output, checkpoint } = await convert(tinyFiles(), { type: "f16" });
    const again = join(folder, `${outputs++}.gguf`);
    for (const resume of [false, true]) {
      await writeFile(partialPath(again), Buffer.alloc(1_000_000, 0xff));
      await convertCheckpoint({ checkpoint, output: again, type: "f16", overwrite: true, resume });
      expect((await readFile(again)).equals(await readFile(output))).toBe(true);
    }
  });

  it("is not taken from whoever made it in the meantime", async () => {
    const checkpoint = await writeCheckpoint(tinyFiles());
    const output = join(folder, "raced.gguf");
    const race = convertCheckpoint({
      checkpoint,
      output,
      type: "f32",
      onProgress: ({ bytesDone, bytesTotal }) => {
        if (bytesDone === bytesTotal) writeFileSync(output, "theirs");
      },
    });
    await expect(race).rejects.toMatchObject({ code: "ERR_FILE_NOT_WRITABLE" });
    expect(await readFile(output, "utf8")).toBe("theirs");
    expect((await readdir(folder)).filter((name) => name.includes("raced"))).toEqual(["raced.gguf"]);
  });

  it("is not made of weights that change while they are read", async () => {
    const checkpoint = await writeCheckpoint(tinyFiles());
    const weights = join(checkpoint, "model.safetensors");
    // Longer ago than the smallest step of any file system's time.
    await utimes(weights, 1_000_000_000, 1_000_000_000);
    const bytes = await readFile(weights);
    const output = join(folder, "changing.gguf");
    const changing = convertCheckpoint({
      checkpoint,
      output,
      type: "f32",
      onProgress: ({ bytesDone, bytesTotal }) => {
        if (bytesDone > bytesTotal / 2) writeFileSync(weights, bytes.fill(0, bytes.length >> 1), { flag: "r+" });
      },
    });
    const error = await changing.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_FILE_NOT_READABLE", file: weights });
    expect((error as Error).message).toMatch(/changed during the read/);
    expect((await readdir(folder)).filter((name) => name.includes("changing"))).toEqual([]);
  });

  it("cannot be a folder, part of the checkpoint, or in a folder that is not there", async () => {
    const checkpoint = await writeCheckpoint(tinyFiles());
    for (const output of [folder, join(folder, "no", "where.gguf"), join(checkpoint, "model.safetensors")])
      await expect(convertCheckpoint({ checkpoint, output, type: "f32", overwrite: true })).rejects.toMatchObject({
        code: "ERR_FILE_NOT_WRITABLE",
      });
    expect((await readdir(checkpoint)).sort()).toEqual(Object.keys(tinyFiles()).sort());
  });
});

describe("values that a type cannot hold", () => {
  it("are refused with the tensor's name: too large for f16", async () => {
    const tensors = tinyTensors(tinyPieces.length);
    const data = values(64, 2);
    data[5] = 1e6;
    tensors.set("transformer.layers.0.self_attn.q_proj.weight", {
      dtype: "F32",
      shape: [8, 8],
      data: new Uint8Array(data.buffer),
    });
    const error = await convert(tinyFiles(tensors), { type: "f16" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({
      code: "ERR_INVALID_CHECKPOINT",
      tensor: "transformer.layers.0.self_attn.q_proj.weight",
    });
    expect((error as Error).message).toMatch(/1000000 at index 5 .*more than f16 can hold/);
    await expect(convert(tinyFiles(tensors), { type: "bf16" })).resolves.toBeDefined();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("are refused in the reward head: %s", async (value) => {
    const tensors = tinyTensors(tinyPieces.length);
    const data = values(8, 1);
    data[3] = value;
    tensors.set("v_head.weight", { dtype: "F32", shape: [1, 8], data: new Uint8Array(data.buffer) });
    await expect(convert(tinyFiles(tensors))).rejects.toMatchObject({
      code: "ERR_INVALID_CHECKPOINT",
      tensor: "v_head.weight",
    });
  });
});

describe("tensors that do not fit config.json", () => {
  const edit = (change: (tensors: Map<string, ReturnType<typeof f32>>) => void) => {
    const tensors = tinyTensors(tinyPieces.length);
    change(tensors);
    return tinyFiles(tensors);
  };
  const name = "transformer.layers.1.mlp.up_proj.weight";

  it.each<[string, Files, string, RegExp]>([
    ["one is missing", edit((t) => t.delete(name)), name, /has no tensor .* shape \[12, 8\]/],
    ["the head is missing", edit((t) => t.delete("v_head.weight")), "v_head.weight", /not a reward model/],
    ["one too many", edit((t) => t.set("v_head.bias", f32([1], 1))), "v_head.bias", /does not have/],
    [
      "a layer too many",
      edit((t) => t.set("transformer.layers.2.input_layernorm.weight", f32([8], 1))),
      "transformer.layers.2.input_layernorm.weight",
      /model_type "llama" with 2 layers does not have/,
    ],
    ["a wrong shape", edit((t) => t.set(name, f32([8, 12], 1))), name, /shape \[8, 12\].* requires \[12, 8\]/],
    [
      "a wrong rank",
      edit((t) => t.set("v_head.weight", f32([8], 1))),
      "v_head.weight",
      /shape \[8\].* requires \[1, 8\]/,
    ],
    [
      "a wrong dtype",
      edit((t) => t.set(name, { dtype: "F64", shape: [12, 8], data: new Uint8Array(768) })),
      name,
      /in F64; expected F32, F16 or BF16/,
    ],
    [
      "8-bit floats",
      edit((t) => t.set(name, { dtype: "F8_E4M3", shape: [12, 8], data: new Uint8Array(96) })),
      name,
      /in F8_E4M3/,
    ],
    ["a head bias", edit((t) => t.set("v_head.bias", f32([1], 1))), "v_head.bias", /does not have/],
  ])("%s", async (_, files, tensor, message) => {
    const error = await convert(files).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "ERR_INVALID_CHECKPOINT", tensor, file: expect.any(String) });
    expect((error as Error).message).toMatch(message);
  });
});

describe("options", () => {
  it.each<[string, object, string]>([
    ["an unknown type", { type: "q9_9" }, "ERR_UNSUPPORTED_TYPE"],
    ["a type that needs an importance matrix", { type: "iq2_xs" }, "ERR_UNSUPPORTED_TYPE"],
    ["a quantised type without a quantiser", { type: "q8_0" }, "ERR_INVALID_ARGUMENT"],
    ["a misspelt option", { overwite: true }, "ERR_INVALID_ARGUMENT"],
    ["an output that is not a string", { output: 3 }, "ERR_INVALID_ARGUMENT"],
    ["an unknown tokenisation", { tokenization: "fast" }, "ERR_INVALID_ARGUMENT"],
    ["a source that is no object", { source: "me" }, "ERR_INVALID_ARGUMENT"],
    ["a source with an empty name", { source: { name: "" } }, "ERR_INVALID_ARGUMENT"],
  ])("%s is refused", async (_, options, code) => {
    const given = { checkpoint: "x", output: join(folder, "y"), type: "f32", ...options } as ConvertOptions;
    const error = await convertCheckpoint(given).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ code });
  });
});

describe("padding", () => {
  it("is id 0, as in the model card's code, whatever config.json says", async () => {
    for (const pad_token_id of [null, -1, 0, 2]) {
      const files = withJson("tokenizer_config.json", { pad_token: null }, withJson("config.json", { pad_token_id }));
      const { output } = await convert(files);
      expect(readRewardMetadata(await readGguf(output), output).padTokenId).toBe(0);
    }
    const other = withJson("tokenizer_config.json", { pad_token: "<|endoftext|>" });
    await expect(convert(other)).rejects.toMatchObject({ field: "pad_token" });
  });

  it("of a vocabulary must not collide with a piece", async () => {
    const pieces = [...tinyPieces, { piece: "[PAD270]" }];
    const vocabulary = tinyPieces.length + 2;
    const files = {
      ...withJson("config.json", { vocab_size: vocabulary }, tinyFiles(tinyTensors(vocabulary))),
      "tokenizer.model": sentencePiece({
        pieces: [...pieces].map((p) => (p.piece === "[PAD270]" ? { piece: "[PAD270]" } : p)),
      }),
    };
    await expect(convert(files)).rejects.toThrow(StarlingError);
  });
});
