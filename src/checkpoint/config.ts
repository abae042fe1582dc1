import { describe } from "../errors.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { refuse } from "./refuse.ts";
import { type Llama3Scaling, readRopeScaling } from "./rope-scaling.ts";

/** The hyperparameters of a Llama, as config.json gives them, checked. */
export interface LlamaConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly feedForwardSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** max_position_embeddings. */
  readonly contextLength: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  /** How the rotary frequencies of Llama 3.1 and later are stretched; undefined: not at all. */
  readonly ropeScaling?: Llama3Scaling;
  /** The names of model classes; none where the file gives none. */
  readonly architectures: readonly string[];
  /** pad_token_id; undefined where there is none, which older Llamas write as -1. */
  readonly padTokenId?: number;
  /** What the checkpoint calls itself: starling_rm.name, or the last part of _name_or_path. */
  readonly name?: string;
  /** starling_rm.notice: words that must be shown with the model. */
  readonly notice?: string;
  /** starling_rm.license or license. */
  readonly license?: string;
}

/** config.json of a real model takes 1 KB. */
export const MAX_CONFIG_BYTES = 1024 * 1024;
/** llama.cpp's LLAMA_MAX_LAYERS. */
const MAX_LAYERS = 512;
/** Twice the widest Llama (16384): keeps every size below exact in a double and a head's rows in memory. */
const MAX_HIDDEN_SIZE = 32_768;
/** Widest Llama: 53248. */
const MAX_FEED_FORWARD_SIZE = 262_144;
/** Most attention heads; the largest Llama has 128. */
const MAX_HEADS = 1024;
/** Widest attention head; Llamas have 64 or 128. The rows of one head are permuted in memory. */
const MAX_HEAD_DIM = 512;
/** Most pieces of a vocabulary; the largest in use has 262144. */
export const MAX_VOCABULARY = 1_048_576;
/** Longest context: ten million positions are announced by the longest Llama. */
const MAX_CONTEXT = 16_777_216;
/** Longest name or licence kept from config.json. */
const MAX_NAME_CHARACTERS = 200;
/** Longest notice kept from config.json. */
const MAX_NOTICE_CHARACTERS = 10_000;

/**
 * Checks the parsed config.json of a Llama.
 *
 * @param file names it in errors
 * @throws FileError ERR_INVALID_CHECKPOINT with the `field`
 */
export function parseConfig(config: JsonObject, file: string): LlamaConfig {
  const read = new ConfigReader(config, file);
  checkArchitecture(read);
  const hiddenSize = read.integer("hidden_size", MAX_HIDDEN_SIZE);
  const heads = read.integer("num_attention_heads", MAX_HEADS);
  const keyValueHeads = read.integer("num_key_value_heads", heads, heads);
  if (heads % keyValueHeads !== 0)
    throw read.refuse(
      "num_key_value_heads",
      `has ${heads} attention heads, which ${keyValueHeads} key-value heads do not divide.`,
    );
  const { name, notice, license } = readTexts(read);
  const vocabSize = read.integer("vocab_size", MAX_VOCABULARY);
  const ropeScaling = readScaling(read);
  const padTokenId = readPadTokenId(read, vocabSize);
  return {
    vocabSize,
    hiddenSize,
    feedForwardSize: read.integer("intermediate_size", MAX_FEED_FORWARD_SIZE),
    layers: read.integer("num_hidden_layers", MAX_LAYERS),
    heads,
    keyValueHeads,
    headDim: readHeadDim(read, hiddenSize, heads),
    contextLength: read.integer("max_position_embeddings", MAX_CONTEXT),
    rmsNormEpsilon: read.positive("rms_norm_eps", 1, 1e-6),
    ropeTheta: readRopeTheta(read),
    ...(ropeScaling === undefined ? {} : { ropeScaling }),
    architectures: readArchitectures(read),
    ...(padTokenId === undefined ? {} : { padTokenId }),
    ...(name === undefined ? {} : { name }),
    ...(notice === undefined ? {} : { notice }),
    ...(license === undefined ? {} : { license }),
  };
}

function checkArchitecture(read: ConfigReader): void {
  read.only("model_type", "llama");
  read.only("hidden_act", "silu", "silu");
  for (const flag of ["attention_bias", "mlp_bias"]) {
    const value = read.get(flag);
    if (value !== undefined && value !== null && value !== false)
      throw read.refuse(flag, `sets ${flag} to ${describe(value)}; only Llamas without biases are converted.`);
  }
  read.only("pretraining_tp", 1, 1);
  read.only("partial_rotary_factor", 1, 1);
  // transformers from version 5 on: attention in both directions, for embedding models mostly.
  read.only("is_causal", true, true);
  read.only("use_bidirectional_attention", false, false);
  for (const field of ["quantization_config", "compression_config"]) {
    const quantized = read.get(field);
    if (quantized !== undefined && quantized !== null)
      throw read.refuse(field, "describes quantised weights; only f32, f16 and bf16 are converted.");
  }
}

/** head_dim is given or derived; rotary embedding rotates pairs, so it must be even. */
function readHeadDim(read: ConfigReader, hiddenSize: number, heads: number): number {
  const given = read.get("head_dim");
  if ((given === undefined || given === null) && hiddenSize % heads !== 0)
    throw read.refuse(
      "num_attention_heads",
      `has hidden_size ${hiddenSize}, which ${heads} attention heads do not divide.`,
    );
  const headDim = read.integer("head_dim", MAX_HEAD_DIM, hiddenSize / heads);
  if (headDim % 2 !== 0)
    throw read.refuse("head_dim", `has attention heads of ${headDim} values; rotary embedding needs an even number.`);
  return headDim;
}

/** transformers up to 4 writes rope_theta and rope_scaling; newer ones write rope_parameters for both. */
function readRopeTheta(read: ConfigReader): number {
  const scaling = read.get("rope_scaling");
  const inScaling = isJsonObject(scaling) ? own(scaling, "rope_theta") : undefined;
  const theta = readOwnTheta(read);
  // Version 5 reads it there, version 4 does not.
  if (inScaling !== undefined && inScaling !== null && inScaling !== theta)
    throw read.refuse(
      "rope_theta",
      `has ${describe(inScaling)} as rope_theta in rope_scaling and ${theta} outside; transformers versions disagree on which to use.`,
    );
  return theta;
}

function readOwnTheta(read: ConfigReader): number {
  const parameters = read.get("rope_parameters");
  const theta = isJsonObject(parameters) ? own(parameters, "rope_theta") : undefined;
  if (theta === undefined || theta === null) return read.positive("rope_theta", MAX_ROPE_THETA, 10_000);
  const nested = new ConfigReader(parameters as JsonObject, read.file).positive("rope_theta", MAX_ROPE_THETA);
  if (nested !== read.positive("rope_theta", MAX_ROPE_THETA, nested))
    throw read.refuse("rope_theta", "gives two different values for rope_theta, one of them in rope_parameters.");
  return nested;
}

/** Both places may say it. */
function readScaling(read: ConfigReader): Llama3Scaling | undefined {
  const refuseField = (field: string, sentence: string) => read.refuse(field, sentence);
  const [first, second] = ["rope_scaling", "rope_parameters"].map((field) =>
    readRopeScaling(field, read.get(field), refuseField),
  );
  if (first !== undefined && second !== undefined && JSON.stringify(first) !== JSON.stringify(second))
    throw read.refuse("rope_parameters", "gives two different kinds of rope scaling, one of them in rope_parameters.");
  return first ?? second;
}

/** Longest-context models use 5e8; a larger base is a mistake. */
const MAX_ROPE_THETA = 1e12;

function readArchitectures(read: ConfigReader): string[] {
  const value = read.get("architectures") ?? [];
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string"))
    throw read.refuse("architectures", `has ${describe(value)} as architectures; expected a list of names.`);
  return value as string[];
}

/** A number outside the vocabulary is nothing that a text can hold. */
function readPadTokenId(read: ConfigReader, vocabSize: number): number | undefined {
  const value = read.get("pad_token_id");
  if (value === undefined || value === null || value === -1) return undefined;
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= vocabSize)
    throw read.refuse("pad_token_id", `has ${describe(value)} as pad_token_id; expected an id below ${vocabSize}.`);
  return value as number;
}

function readTexts(read: ConfigReader): {
  name: string | undefined;
  notice: string | undefined;
  license: string | undefined;
} {
  const ours = read.get("starling_rm") ?? {};
  if (!isJsonObject(ours))
    throw read.refuse("starling_rm", `has ${describe(ours)} as starling_rm; expected an object.`);
  const nested = new ConfigReader(ours, read.file);
  const path = read
    .text("_name_or_path", 4096)
    ?.split(/[\\/]/)
    .filter((part) => part !== "")
    .at(-1);
  return {
    name: nested.text("name", MAX_NAME_CHARACTERS) ?? path?.slice(0, MAX_NAME_CHARACTERS),
    notice: nested.text("notice", MAX_NOTICE_CHARACTERS),
    license: nested.text("license", MAX_NAME_CHARACTERS) ?? read.text("license", MAX_NAME_CHARACTERS),
  };
}

class ConfigReader {
  readonly file: string;
  readonly #config: JsonObject;

  constructor(config: JsonObject, file: string) {
    this.#config = config;
    this.file = file;
  }

  get(field: string): unknown {
    return own(this.#config, field);
  }

  refuse(field: string, sentence: string) {
    return refuse(this.file, sentence, { field });
  }

  integer(field: string, max: number, fallback?: number): number {
    const value = this.get(field) ?? fallback;
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max)
      throw this.refuse(field, `has ${describe(value)} as ${field}; expected a whole number from 1 to ${max}.`);
    return value as number;
  }

  positive(field: string, max: number, fallback?: number): number {
    const value = this.get(field) ?? fallback;
    // As float32, which is what is kept of it: 1e-50 would become 0.
    if (typeof value !== "number" || !(Math.fround(value) > 0) || value > max)
      throw this.refuse(field, `has ${describe(value)} as ${field}; expected a number above 0 and up to ${max}.`);
    return value;
  }

  only<T extends string | number | boolean>(field: string, expected: T, fallback?: T): void {
    const value = this.get(field) ?? fallback;
    if (value !== expected)
      throw this.refuse(field, `has ${describe(value)} as ${field}; only ${JSON.stringify(expected)} is converted.`);
  }

  text(field: string, maxCharacters: number): string | undefined {
    const value = this.get(field);
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value !== "string" || value.length > maxCharacters || value.includes("\0") || !value.isWellFormed())
      throw this.refuse(
        field,
        `has ${describe(value)} as ${field}; expected text of up to ${maxCharacters} characters.`,
      );
    return value;
  }
}
