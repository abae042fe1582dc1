import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import { FileError } from "../../../src/errors.ts";
import type { GgufHeader, TensorInfo } from "../../../src/gguf/header.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../../src/gguf/reward-metadata.ts";
import { tensorTypeByName } from "../../../src/gguf/types.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { StringTable } from "../../../src/vocabulary/string-table.ts";
import { tinyFiles, tinyPieces, writeCheckpoint } from "../convert/make-checkpoint.ts";

let folder: string;
let sound: GgufHeader;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "starling-reward-"));
  const output = join(folder, "model.gguf");
  await convertCheckpoint({ checkpoint: await writeCheckpoint(tinyFiles()), output, type: "f16" });
  sound = await readGguf(output);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

type Changes = Record<string, GgufValue | undefined>;

function changed(changes: Changes): GgufHeader {
  const metadata = new Map(sound.metadata);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  return { ...sound, metadata };
}

function failure(gguf: GgufHeader): FileError {
  try {
    readRewardMetadata(gguf, "model.gguf");
  } catch (error) {
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ file: "model.gguf" });
    return error as FileError;
  }
  throw new Error("It was accepted.");
}

const u32 = (value: number): GgufValue => ({ type: "u32", value });
const text = (value: string): GgufValue => ({ type: "string", value });
const bool = (value: boolean): GgufValue => ({ type: "bool", value });
const f32 = (value: number): GgufValue => ({ type: "f32", value });
const f32s = (...values: number[]): GgufValue => ({ type: "array", of: "f32", value: Float32Array.from(values) });
const i32s = (...values: number[]): GgufValue => ({ type: "array", of: "i32", value: Int32Array.from(values) });
const pieces = (change: (list: (string | Uint8Array)[]) => void): GgufValue => {
  const list = tinyPieces.map(({ piece }) => piece);
  change(list);
  return { type: "array", of: "string", value: StringTable.from(list) };
};
const pieceTypes = (change: (list: number[]) => void): GgufValue => {
  const list = tinyPieces.map(({ type = 1 }) => type);
  change(list);
  return { type: "array", of: "u8", value: Uint8Array.from(list) };
};
const llamaTypes = (change: (list: number[]) => void): GgufValue => {
  const list = tinyPieces.map(({ type = 1 }) => type);
  change(list);
  return i32s(...list);
};

const format2: Changes = { "starling.format_version": { type: "u32", value: 2 } };

describe("readRewardMetadata", () => {
  it("accepts what the converter wrote, and what llama-quantize adds", () => {
    expect(readRewardMetadata(sound, "model.gguf").fileType).toBe("f16");
    const quantized = changed({ "general.file_type": u32(15), "quantize.imatrix.file": text("x") });
    expect(readRewardMetadata(quantized, "model.gguf").fileType).toBe("q4_k_m");
    const bare = readRewardMetadata(
      changed({
        "general.file_type": undefined,
        "general.name": undefined,
        "starling.source.sha256": undefined,
        "split.count": { type: "u16", value: 1 },
      }),
      "f",
    );
    expect(bare).toMatchObject({ fileType: "unknown", name: "", source: {} });
  });

  it("tells a language model from a reward model", () => {
    const metadata = new Map([...sound.metadata].filter(([key]) => !key.startsWith("starling.")));
    const error = failure({ ...sound, metadata });
    expect(error.code).toBe("ERR_NO_REWARD_HEAD");
    expect(error.message).toMatch(
      /has no reward head: it is a language model, not a reward model converted by starling-rm/,
    );
  });

  it("reads a head with a bias in format 2, which older versions refuse", () => {
    const biased = changed({ ...format2, "starling.head.bias": f32(0.5) });
    expect(readRewardMetadata(biased, "f").head).toEqual({ weight: expect.any(Float32Array), bias: 0.5 });
    expect(readRewardMetadata(changed(format2), "f").head).not.toHaveProperty("bias");
  });

  it("asks for an update when the file is newer", () => {
    expect(failure(changed({ "starling.format_version": u32(4) })).message).toMatch(
      /newer starling-rm \(format 4\).*update/,
    );
  });

  const nan = Number.NaN;
  const n = tinyPieces.length;

  it.each<[string, Changes, RegExp?]>([
    ["starling.format_version", { "starling.format_version": undefined }],
    ["starling.format_version", { "starling.format_version": u32(0) }],
    ["starling.head.weight", { "starling.head.weight": undefined }, /has no metadata key/],
    ["starling.head.weight", { "starling.head.weight": f32s(1, 2, 3) }, /3 entries .* expected 8/],
    ["starling.head.weight", { "starling.head.weight": f32s(1, 2, 3, nan, 5, 6, 7, 8) }, /NaN at index 3/],
    [
      "starling.head.weight",
      { "starling.head.weight": i32s(1, 2, 3, 4, 5, 6, 7, 8) },
      /array of i32; expected an array of f32/,
    ],
    ["starling.head.bias", { "starling.head.bias": f32(1) }, /in format 1, whose readers ignore it; expected format 2/],
    ["starling.head.bias", { ...format2, "starling.head.bias": f32(nan) }, /= NaN; expected a finite number/],
    [
      "starling.head.bias",
      { ...format2, "starling.head.bias": f32(-Infinity) },
      /= -Infinity; expected a finite number/,
    ],
    ["starling.head.bias", { ...format2, "starling.head.bias": u32(1) }, /as u32; expected f32/],
    ["starling.head.bias", { ...format2, "starling.head.bias": f32s(1) }, /as array of f32; expected f32/],
    ["starling.head.type", { "starling.head.type": text("value") }],
    ["starling.template", { "starling.template": text("alpaca") }, /knows yi-chat/],
    ["starling.tokenization", { "starling.tokenization": text("fast") }, /knows slow, fast-4.41, fast-4.42/],
    ["starling.max_tokens", { "starling.max_tokens": u32(0) }],
    ["starling.truncation_side", { "starling.truncation_side": text("right") }],
    ["starling.score_position", { "starling.score_position": text("first") }],
    ["starling.pad_token_id", { "starling.pad_token_id": u32(n) }],
    ["starling.notice", { "starling.notice": u32(1) }],
    ["general.architecture", { "general.architecture": text("gpt2") }, /"gpt2"/],
    ["general.architecture", { "general.architecture": undefined }],
    ["general.name", { "general.name": u32(1) }],
    ["general.file_type", { "general.file_type": text("x") }],
    ["split.count", { "split.count": { type: "u16", value: 2 } }, /one part of a split GGUF/],
    ["split.count", { "split.count": text("2") }],
    ["split.count", { "split.count": u32(1) }, /as u32; expected u16/],
    ["tokenizer.ggml.add_bos_token", { "tokenizer.ggml.add_bos_token": u32(1) }, /as u32; expected bool/],
    ["tokenizer.ggml.mask_token_id", { "tokenizer.ggml.mask_token_id": bool(true) }, /as bool; expected u32/],
    [
      "tokenizer.ggml.suppress_tokens",
      { "tokenizer.ggml.suppress_tokens": f32s(1) },
      /array of f32; expected array of i32/,
    ],
    ["tokenizer.chat_template", { "tokenizer.chat_template": i32s(1) }, /array of i32; expected string/],
    ["starling.tokenizer.frame", { "starling.tokenizer.frame": text("all") }, /all and 0 ids/],
    ["starling.tokenizer.frame", { "starling.tokenizer.before": i32s(1) }, /none and 1 ids/],
    ["llama.block_count", { "llama.block_count": u32(513) }],
    ["llama.block_count", { "llama.block_count": u32(0) }],
    [
      "llama.block_count",
      { "llama.block_count": { type: "array", of: "u32", value: Uint32Array.of(2) } },
      /array of u32; expected u32/,
    ],
    ["llama.context_length", { "llama.context_length": u32(0) }],
    ["llama.embedding_length", { "llama.embedding_length": { type: "u64", value: 8n } }, /as u64; expected u32/],
    ["llama.attention.head_count", { "llama.attention.head_count": undefined }],
    [
      "llama.attention.head_count_kv",
      { "llama.attention.head_count_kv": u32(3) },
      /not a multiple of its 3 key-value heads/,
    ],
    ["llama.attention.key_length", { "llama.attention.key_length": u32(3) }, /even/],
    ["llama.attention.value_length", { "llama.attention.value_length": u32(2) }],
    ["llama.rope.dimension_count", { "llama.rope.dimension_count": u32(2) }],
    ["llama.rope.freq_base", { "llama.rope.freq_base": { type: "f32", value: nan } }],
    ["llama.attention.layer_norm_rms_epsilon", { "llama.attention.layer_norm_rms_epsilon": { type: "f32", value: 0 } }],
    ["llama.rope.freq_base", { "llama.rope.freq_base": { type: "f32", value: 1e13 } }, /up to 1000000000000/],
    [
      "llama.attention.layer_norm_rms_epsilon",
      { "llama.attention.layer_norm_rms_epsilon": { type: "f32", value: 10_000 } },
      /= 10000; expected a number above 0, up to 1/,
    ],
    ["llama.attention.causal", { "llama.attention.causal": bool(false) }],
    ["llama.pooling_type", { "llama.pooling_type": u32(1) }],
    ["llama.classifier.output_labels", { "llama.classifier.output_labels": pieces(() => {}) }],
    ["llama.expert_count", { "llama.expert_count": u32(8) }, /unexpected metadata key/],
    ["llama.rope.scaling.type", { "llama.rope.scaling.type": text("nonsense") }, /unexpected metadata key/],
    ["llama.nextn_predict_layers", { "llama.nextn_predict_layers": u32(9) }, /unexpected metadata key/],
    ["llama.vocab_size", { "llama.vocab_size": u32(2 ** 31) }],
    ["tokenizer.ggml.model", { "tokenizer.ggml.model": text("bert") }],
    ["tokenizer.ggml.tokens", { "tokenizer.ggml.tokens": pieces((list) => list.pop()) }, /268 entries/],
    [
      "tokenizer.ggml.tokens",
      {
        "tokenizer.ggml.tokens": pieces((list) => {
          list[265] = "a";
        }),
      },
      /"a" twice, as ids 263 and 265/,
    ],
    [
      "tokenizer.ggml.tokens",
      {
        "tokenizer.ggml.tokens": pieces((list) => {
          list[265] = "";
        }),
      },
      /empty piece as id 265/,
    ],
    [
      "tokenizer.ggml.tokens",
      {
        "tokenizer.ggml.tokens": pieces((list) => {
          list[265] = "a\0b";
        }),
      },
      /NUL/,
    ],
    [
      "tokenizer.ggml.tokens",
      {
        "tokenizer.ggml.tokens": pieces((list) => {
          list[265] = Buffer.from([0xff]);
        }),
      },
      /UTF-8/,
    ],
    [
      "tokenizer.ggml.tokens",
      {
        "tokenizer.ggml.tokens": pieces((list) => {
          list[10] = "<0xZZ>";
        }),
      },
      /as a byte piece/,
    ],
    [
      "tokenizer.ggml.tokens",
      {
        "starling.tokenizer.piece_types": pieceTypes((list) => {
          list[10] = 1;
        }),
        "tokenizer.ggml.token_type": llamaTypes((list) => {
          list[10] = 1;
        }),
      },
      /255 byte pieces/,
    ],
    [
      "tokenizer.ggml.tokens",
      {
        "tokenizer.ggml.tokens": pieces((list) => {
          list[265] = "x".repeat(4097);
        }),
      },
      /a piece of 4097 bytes as id 265; .* 4096/,
    ],
    ["tokenizer.ggml.scores", { "tokenizer.ggml.scores": f32s(1) }],
    ["tokenizer.ggml.scores", { "tokenizer.ggml.scores": f32s(...Array(n).fill(nan)) }, /not finite/],
    [
      "tokenizer.ggml.token_type",
      {
        "tokenizer.ggml.token_type": llamaTypes((list) => {
          list[265] = 6;
        }),
      },
      /does not fit/,
    ],
    [
      "tokenizer.ggml.token_type",
      {
        "tokenizer.ggml.token_type": llamaTypes((list) => {
          list[265] = 0;
        }),
      },
    ],
    ["tokenizer.ggml.bos_token_id", { "tokenizer.ggml.bos_token_id": u32(n) }],
    ["tokenizer.ggml.eos_token_id", { "tokenizer.ggml.eos_token_id": u32(2 ** 31) }],
    [
      "starling.tokenizer.piece_types",
      {
        "starling.tokenizer.piece_types": pieceTypes((list) => {
          list[265] = 7;
        }),
      },
    ],
    [
      "starling.tokenizer.piece_types",
      {
        "starling.tokenizer.piece_types": pieceTypes((list) => {
          list[265] = 2;
        }),
      },
      /2 pieces of type "unknown"/,
    ],
    ["starling.tokenizer.added_tokens", { "starling.tokenizer.added_tokens": i32s(0, n) }, /names the id 269/],
    ["starling.tokenizer.added_tokens", { "starling.tokenizer.added_tokens": i32s(-1) }],
    ["starling.tokenizer.added_tokens", { "starling.tokenizer.added_tokens": i32s(2, 2) }, /ascend/],
    [
      "starling.tokenizer.normalized_added_tokens",
      { "starling.tokenizer.normalized_added_tokens": i32s(5) },
      /not an added token/,
    ],
    ["starling.tokenizer.add_dummy_prefix", { "starling.tokenizer.add_dummy_prefix": u32(1) }],
    ["starling.tokenizer.add_prefix_space", { "starling.tokenizer.add_prefix_space": undefined }],
  ])("refuses a wrong %s", (field, changes, message) => {
    const error = failure(changed(changes));
    expect(error).toMatchObject({ code: "ERR_INVALID_GGUF", field });
    if (message !== undefined) expect(error.message).toMatch(message);
  });

  const withTensor = (name: string, change: Partial<TensorInfo> | undefined): GgufHeader => ({
    ...sound,
    tensors: sound.tensors.flatMap((tensor) =>
      tensor.name !== name ? [tensor] : change === undefined ? [] : [{ ...tensor, ...change }],
    ),
  });

  it.each<[string, string, Partial<TensorInfo> | undefined, RegExp]>([
    ["a missing tensor", "blk.1.ffn_up.weight", undefined, /is missing; expected \[8, 12\]/],
    ["an unknown tensor", "blk.1.ffn_up.weight", { name: "output.weight" }, /is not one of the architecture llama/],
    ["embeddings of another size", "token_embd.weight", { dims: [8, 5] }, /\[8, 5\]; expected \[8, 269\]/],
    ["a shape the wrong way round", "blk.0.ffn_down.weight", { dims: [8, 12] }, /\[12, 8\]/],
    ["a norm in f16", "output_norm.weight", { type: tensorTypeByName("f16") }, /expected f32/],
    ["a matrix of integers", "blk.0.attn_q.weight", { type: tensorTypeByName("i32") }, /a weight type/],
    ["a matrix that cannot be read back", "blk.0.attn_q.weight", { type: tensorTypeByName("q8_1") }, /a weight type/],
  ])("refuses %s", (_, name, change, message) => {
    const error = failure(withTensor(name, change));
    expect(error).toMatchObject({ code: "ERR_INVALID_GGUF", tensor: change?.name ?? name });
    expect(error.message).toMatch(message);
  });

  it("refuses a file that is laid out by another alignment than it says", () => {
    const aligned = changed({ "general.alignment": u32(32) });
    const end = Math.max(...sound.tensors.map(({ position, size }) => position + size));
    const padded = Math.ceil(end / 32) * 32;
    expect(() => readRewardMetadata({ ...aligned, fileSize: padded }, "f")).not.toThrow();
    expect(failure({ ...aligned, fileSize: padded + 16 }).message).toMatch(
      /is 16 bytes longer than its tensors need with general.alignment = 32/,
    );
  });

  it("refuses more keys than llama.cpp compares in a moment", () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x.${i}`, u32(i)]));
    expect(() => readRewardMetadata(changed(many(4000)), "f")).not.toThrow();
    expect(failure(changed(many(5000))).message).toMatch(/has 50\d\d metadata keys; a reward model has at most 4096/);
  });

  it("reads as many added tokens as a vocabulary may have", { timeout: 10_000 }, () => {
    const size = 100_000;
    const grown = (text: (id: number) => string) =>
      StringTable.from(Array.from({ length: size }, (_, id) => tinyPieces[id]?.piece ?? text(id)));
    const types = Array.from({ length: size }, (_, id) => tinyPieces[id]?.type ?? 1);
    const all: GgufValue = { type: "array", of: "i32", value: Int32Array.from({ length: size }, (_, id) => id) };
    const gguf = changed({
      "llama.vocab_size": u32(size),
      "tokenizer.ggml.tokens": { type: "array", of: "string", value: grown((id) => `piece ${id}`) },
      "tokenizer.ggml.scores": { type: "array", of: "f32", value: new Float32Array(size) },
      "tokenizer.ggml.token_type": { type: "array", of: "i32", value: Int32Array.from(types) },
      "starling.tokenizer.piece_types": { type: "array", of: "u8", value: Uint8Array.from(types) },
      "starling.tokenizer.added_tokens": all,
      "starling.tokenizer.normalized_added_tokens": all,
    });
    const tensors = gguf.tensors.map((tensor) =>
      tensor.name === "token_embd.weight" ? { ...tensor, dims: [8, size] } : tensor,
    );
    const { tokenizer } = readRewardMetadata({ ...gguf, tensors }, "model.gguf");
    expect(tokenizer.normalizedAddedTokens).toHaveLength(size);
  });
});
