/** The metadata of a random model's GGUF. */

import { STARLING_KEYS } from "../../dist/src/gguf/starling-keys.js";
import { fileTypeByName } from "../../dist/src/gguf/types.js";
import { StringTable } from "../../dist/src/vocabulary/string-table.js";
import { gaussians } from "./random.mjs";
import { makeVocabulary } from "./vocabulary.mjs";

/** Standard deviation that Llama models are initialised with; keeps hidden states finite at any depth. */
export const DEVIATION = 0.02;
/** The model card's limit; see starling.max_tokens. */
const MAX_TOKENS = 2048;

/**
 * @param {import("./shapes.mjs").Shape} shape
 * @param {string} name of the shape
 * @param {string} fileType
 * @param {() => number} random draws the head
 */
export function modelMetadata(shape, name, fileType, random) {
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
    ["general.file_type", u32(fileTypeByName(fileType).id)],
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
