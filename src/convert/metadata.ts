import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { refuse } from "../checkpoint/refuse.ts";
import {
  CARD_MAX_TOKENS,
  FORMAT_VERSION,
  HEAD_TYPE,
  SCORE_POSITION,
  STARLING_KEYS,
  TEMPLATES,
  TRUNCATION_SIDE,
} from "../gguf/starling-keys.ts";
import { type GgufValue, StringTable } from "../gguf/value.ts";
import type { SourceOptions } from "./options.ts";
import { tokenizerMetadata } from "./tokenizer-metadata.ts";

/** llama.cpp's GGML_QNT_VERSION; its converter writes it into every file. */
const QUANTIZATION_VERSION = 2;
/** LLAMA_POOLING_TYPE_LAST. */
const POOLING_LAST = 3;
/** Stands in the header until the tensors have been read. */
const EMPTY_DIGEST = "0".repeat(64);

export interface MetadataParts {
  readonly head: Float32Array;
  /** llama_ftype */
  readonly fileType: number;
  readonly tokenization: string;
  readonly source: SourceOptions;
}

/** All metadata of the GGUF, in the order in which it is written. */
export function buildMetadata(checkpoint: Checkpoint, parts: MetadataParts): Map<string, GgufValue> {
  const padId = paddingId(checkpoint);
  return new Map<string, GgufValue>([
    ...generalMetadata(checkpoint),
    ...llamaMetadata(checkpoint),
    ...tokenizerMetadata(checkpoint, padId),
    ...starlingMetadata(checkpoint, parts, padId),
    // Last, and in this order, as llama.cpp's quantiser leaves them: it takes both out and adds them again.
    ["general.quantization_version", u32(QUANTIZATION_VERSION)],
    ["general.file_type", u32(parts.fileType)],
  ]);
}

/**
 * The model card's code pads with the tokenizer's pad_token and reads the score before the first id 0, whatever
 * config.json calls padding. With another pad_token it would read a padding position.
 */
const PAD_ID = 0;

function paddingId({ folder, tokenizer }: Checkpoint): number {
  if (tokenizer.padId !== undefined && tokenizer.padId !== PAD_ID)
    throw refuse(
      folder.pathOf("tokenizer_config.json"),
      `names the token ${tokenizer.padId} as pad_token; the model card's code looks for id ${PAD_ID}.`,
      { field: "pad_token" },
    );
  return PAD_ID;
}

function generalMetadata(checkpoint: Checkpoint): [string, GgufValue][] {
  const { name, license } = checkpoint.config;
  return [
    ["general.architecture", text("llama")],
    ["general.type", text("model")],
    ["general.name", text(name ?? checkpoint.folder.name)],
    ...(license === undefined ? [] : ([["general.license", text(license)]] as [string, GgufValue][])),
  ];
}

function llamaMetadata({ config }: Checkpoint): [string, GgufValue][] {
  return [
    ["llama.block_count", u32(config.layers)],
    ["llama.context_length", u32(config.contextLength)],
    ["llama.embedding_length", u32(config.hiddenSize)],
    ["llama.feed_forward_length", u32(config.feedForwardSize)],
    ["llama.attention.head_count", u32(config.heads)],
    ["llama.attention.head_count_kv", u32(config.keyValueHeads)],
    ["llama.attention.key_length", u32(config.headDim)],
    ["llama.attention.value_length", u32(config.headDim)],
    ["llama.attention.layer_norm_rms_epsilon", f32(config.rmsNormEpsilon)],
    ["llama.attention.causal", { type: "bool", value: true }],
    ["llama.rope.dimension_count", u32(config.headDim)],
    ["llama.rope.freq_base", f32(config.ropeTheta)],
    ["llama.vocab_size", u32(config.vocabSize)],
    ["llama.pooling_type", u32(POOLING_LAST)],
    ["llama.classifier.output_labels", { type: "array", of: "string", value: StringTable.from(["reward"]) }],
  ];
}

function starlingMetadata(checkpoint: Checkpoint, parts: MetadataParts, padId: number): [string, GgufValue][] {
  const { notice } = checkpoint.config;
  const { name, revision } = parts.source;
  const entries: [string, GgufValue | undefined][] = [
    [STARLING_KEYS.formatVersion, u32(FORMAT_VERSION)],
    [STARLING_KEYS.headType, text(HEAD_TYPE)],
    [STARLING_KEYS.headWeight, { type: "array", of: "f32", value: parts.head }],
    [STARLING_KEYS.template, text(TEMPLATES[0] as string)],
    [STARLING_KEYS.tokenization, text(parts.tokenization)],
    [STARLING_KEYS.maxTokens, u32(CARD_MAX_TOKENS)],
    [STARLING_KEYS.truncationSide, text(TRUNCATION_SIDE)],
    [STARLING_KEYS.padTokenId, u32(padId)],
    [STARLING_KEYS.scorePosition, text(SCORE_POSITION)],
    [STARLING_KEYS.sourceName, name === undefined ? undefined : text(name)],
    [STARLING_KEYS.sourceRevision, revision === undefined ? undefined : text(revision)],
    [STARLING_KEYS.sourceSha256, text(EMPTY_DIGEST)],
    [STARLING_KEYS.notice, notice === undefined ? undefined : text(notice)],
  ];
  return entries.filter((entry): entry is [string, GgufValue] => entry[1] !== undefined);
}

function text(value: string): GgufValue {
  return { type: "string", value };
}

function u32(value: number): GgufValue {
  return { type: "u32", value };
}

function f32(value: number): GgufValue {
  return { type: "f32", value };
}
