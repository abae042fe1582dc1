/** Random reward models in this project's GGUF format, made once and kept. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { convertFloats } from "../../dist/src/convert/dtypes.js";
import { TemporaryFile } from "../../dist/src/files/temporary-file.js";
import { serializeHeader } from "../../dist/src/gguf/serialize.js";
import { STARLING_KEYS } from "../../dist/src/gguf/starling-keys.js";
import { fileTypeByName, tensorTypeByName } from "../../dist/src/gguf/types.js";
import { StringTable } from "../../dist/src/gguf/value.js";
import { GgufWriter } from "../../dist/src/gguf/writer.js";
import { quantize } from "../../dist/src/index.js";
import { below, gaussians, uniform } from "./random.mjs";
import { shapes, tensorShapes } from "./shapes.mjs";
import { makeVocabulary } from "./vocabulary.mjs";

/** Raise it when the files that are made change: older ones are then no longer found. */
const RECIPE = 1;
const SEED = 20_240_318;
/** What Llama models are initialised with; keeps the hidden states of a random model of any depth finite. */
const DEVIATION = 0.02;
/** Weights are drawn from one block of random numbers at random places: drawing 1.1e9 numbers would take minutes. */
const BLOCK_VALUES = 4 * 1024 * 1024;
/** The card's limit; see starling.max_tokens. */
const MAX_TOKENS = 2048;

/**
 * The GGUF of a shape and weight type; made when it is not in the folder yet.
 *
 * @param {{ shape: string, type: string, folder: string, log: (line: string) => void }} options
 * @returns {Promise<string>} its path
 */
export async function randomModel({ shape, type, folder, log }) {
  mkdirSync(folder, { recursive: true });
  const path = (weightType) => join(folder, `random-${shape}-r${RECIPE}-${weightType}.gguf`);
  const full = path("f16");
  if (!existsSync(full) && !existsSync(path(type))) {
    log(`Making ${full}`);
    await writeModel(shapes[shape], shape, full);
  }
  if (!existsSync(path(type))) {
    log(`Quantising it to ${type}`);
    await quantize({ input: full, output: path(type), type });
  }
  return path(type);
}

async function writeModel(shape, name, output) {
  const random = uniform(SEED);
  const tensors = tensorShapes(shape);
  const plans = tensors.map(([tensor, row, rows]) => ({
    name: tensor,
    type: tensorTypeByName(rows === 1 ? "f32" : "f16"),
    dims: rows === 1 ? [row] : [row, rows],
  }));
  const file = await TemporaryFile.create(output);
  try {
    const writer = await GgufWriter.create(file, serializeHeader(metadata(shape, name, random), plans));
    const block = halves(gaussians(random, BLOCK_VALUES, DEVIATION));
    for (const [tensor, row, rows] of tensors) {
      let offset = 0;
      const pieces = rows === 1 ? [asBytes(new Float32Array(row).fill(1))] : randomHalves(random, block, row * rows);
      for (const bytes of pieces) {
        await writer.write(tensor, offset, bytes);
        offset += bytes.length;
      }
    }
    await writer.finish();
    await file.publish(true);
  } finally {
    await file.discard();
  }
}

/** Stretches of the block that add up to `count` values. */
function* randomHalves(random, block, count) {
  for (let left = count; left > 0; ) {
    const start = below(random, BLOCK_VALUES / 2);
    const take = Math.min(left, BLOCK_VALUES - start);
    yield block.subarray(2 * start, 2 * (start + take));
    left -= take;
  }
}

function halves(values) {
  return convertFloats(asBytes(values), "f32", "f16");
}

function asBytes(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function metadata(shape, name, random) {
  const { tokens, scores, types, addedTokens } = makeVocabulary(shape.vocabulary);
  const text = (value) => ({ type: "string", value });
  const u32 = (value) => ({ type: "u32", value });
  const f32 = (value) => ({ type: "f32", value });
  const bool = (value) => ({ type: "bool", value });
  const array = (of, value) => ({ type: "array", of, value });
  const headDim = shape.hidden / shape.heads;
  return new Map([
    ["general.architecture", text("llama")],
    ["general.type", text("model")],
    ["general.name", text(`random ${name}`)],
    ["general.file_type", u32(fileTypeByName("f16").id)],
    ["general.quantization_version", u32(2)],
    ["llama.block_count", u32(shape.layers)],
    ["llama.context_length", u32(MAX_TOKENS)],
    ["llama.embedding_length", u32(shape.hidden)],
    ["llama.feed_forward_length", u32(shape.feedForward)],
    ["llama.attention.head_count", u32(shape.heads)],
    ["llama.attention.head_count_kv", u32(shape.keyValueHeads)],
    ["llama.attention.key_length", u32(headDim)],
    ["llama.attention.value_length", u32(headDim)],
    ["llama.attention.layer_norm_rms_epsilon", f32(1e-5)],
    ["llama.attention.causal", bool(true)],
    ["llama.rope.dimension_count", u32(headDim)],
    ["llama.rope.freq_base", f32(10_000)],
    ["llama.vocab_size", u32(shape.vocabulary)],
    ["llama.pooling_type", u32(3)],
    ["llama.classifier.output_labels", array("string", StringTable.from(["reward"]))],
    ["tokenizer.ggml.model", text("llama")],
    ["tokenizer.ggml.pre", text("default")],
    ["tokenizer.ggml.tokens", array("string", tokens)],
    ["tokenizer.ggml.scores", array("f32", scores)],
    ["tokenizer.ggml.token_type", array("i32", Int32Array.from(types))],
    ["tokenizer.ggml.bos_token_id", u32(1)],
    ["tokenizer.ggml.eos_token_id", u32(2)],
    ["tokenizer.ggml.unknown_token_id", u32(0)],
    ["tokenizer.ggml.padding_token_id", u32(0)],
    ["tokenizer.ggml.add_bos_token", bool(false)],
    ["tokenizer.ggml.add_eos_token", bool(false)],
    ["tokenizer.ggml.add_space_prefix", bool(false)],
    [STARLING_KEYS.pieceTypes, array("u8", types)],
    [STARLING_KEYS.addedTokens, array("i32", addedTokens)],
    [STARLING_KEYS.addDummyPrefix, bool(false)],
    [STARLING_KEYS.addPrefixSpace, bool(false)],
    [STARLING_KEYS.formatVersion, u32(1)],
    [STARLING_KEYS.headType, text("reward")],
    [STARLING_KEYS.headWeight, array("f32", gaussians(random, shape.hidden, DEVIATION))],
    [STARLING_KEYS.template, text("yi-chat")],
    [STARLING_KEYS.tokenization, text("fast-4.41")],
    [STARLING_KEYS.maxTokens, u32(MAX_TOKENS)],
    [STARLING_KEYS.truncationSide, text("left")],
    [STARLING_KEYS.padTokenId, u32(0)],
    [STARLING_KEYS.scorePosition, text("before-first-pad")],
    [STARLING_KEYS.sourceSha256, text("0".repeat(64))],
    [STARLING_KEYS.notice, text("A random model, for timing only: its scores mean nothing.")],
  ]);
}
