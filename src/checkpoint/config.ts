import { FLOAT_FIELDS, SHAPE_FIELDS, shapeProblem, type TrunkSettings, type TrunkShape } from "../trunk/shape.ts";
import type { Trunk } from "../trunk/trunk.ts";
import { MODEL_TYPES, trunkOfModelType } from "../trunk/trunks.ts";
import { ConfigReader } from "./config-reader.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { hasAs } from "./refuse.ts";
import { type Llama3Scaling, readRopeScaling } from "./rope-scaling.ts";
import { readNumbers, readWindow } from "./trunk-config.ts";

/** A checkpoint's config.json, checked. */
export interface CheckpointConfig extends TrunkSettings {
  readonly trunk: Trunk;
  /** How Llama 3.1 and later scale the rotary frequencies; undefined: not scaled. */
  readonly ropeScaling?: Llama3Scaling;
  /** Tokens that some layers attend to at most; undefined: all of them. */
  readonly window?: number;
  /** Names of model classes; empty if the file has none. */
  readonly architectures: readonly string[];
  /** pad_token_id; undefined if absent or -1, as in older Llamas. */
  readonly padTokenId?: number;
  /** The checkpoint's name: starling_rm.name, or the last part of _name_or_path. */
  readonly name?: string;
  /** starling_rm.notice: words that must be shown with the model. */
  readonly notice?: string;
  /** starling_rm.license or license. */
  readonly license?: string;
}

/** config.json of a real model takes 1 KB. */
export const MAX_CONFIG_BYTES = 1024 * 1024;
/** What transformers uses for absent fields. */
const DEFAULT_EPSILON = 1e-6;
const DEFAULT_ROPE_THETA = 10_000;
const MAX_ROPE_THETA = FLOAT_FIELDS.ropeTheta.max;
/** Longest name or licence kept from config.json. */
const MAX_NAME_CHARACTERS = 200;
/** Longest notice kept from config.json. */
const MAX_NOTICE_CHARACTERS = 10_000;

/**
 * Checks the parsed config.json of a checkpoint.
 *
 * @param file names it in errors
 * @throws FileError ERR_INVALID_CHECKPOINT with the `field`
 */
export function parseConfig(config: JsonObject, file: string): CheckpointConfig {
  const read = new ConfigReader(config, file);
  const trunk = readTrunk(read);
  const size = (field: keyof TrunkShape) => read.integer(SHAPE_FIELDS[field].config, SHAPE_FIELDS[field].max);
  const embeddingLength = size("embeddingLength");
  const heads = size("heads");
  const keyValueHeads = readKeyValueHeads(read, trunk, heads);
  const headDim = readHeadDim(read, trunk, embeddingLength, heads);
  const problem = shapeProblem({ heads, keyValueHeads, headDim });
  if (problem !== undefined) throw read.refuse(SHAPE_FIELDS[problem.field].config, problem.sentence);
  const { name, notice, license } = readTexts(read);
  const vocabularySize = size("vocabularySize");
  const layers = size("layers");
  const ropeScaling = readScaling(read, trunk);
  const window = readWindow(read, trunk, layers);
  const padTokenId = readPadTokenId(read, vocabularySize);
  const { config: epsilon, max: largestEpsilon } = FLOAT_FIELDS.rmsNormEpsilon;
  return {
    trunk,
    vocabularySize,
    embeddingLength,
    feedForwardLength: size("feedForwardLength"),
    layers,
    heads,
    keyValueHeads,
    headDim,
    contextLength: size("contextLength"),
    rmsNormEpsilon: read.positive(epsilon, largestEpsilon, DEFAULT_EPSILON),
    ropeTheta: readRopeTheta(read),
    numbers: readNumbers(read, trunk),
    ...(window === undefined ? {} : { window }),
    ...(ropeScaling === undefined ? {} : { ropeScaling }),
    architectures: readArchitectures(read),
    ...(padTokenId === undefined ? {} : { padTokenId }),
    ...(name === undefined ? {} : { name }),
    ...(notice === undefined ? {} : { notice }),
    ...(license === undefined ? {} : { license }),
  };
}

/** The trunk of model_type; refuses settings that are not converted. */
function readTrunk(read: ConfigReader): Trunk {
  const modelType = read.get("model_type");
  const trunk = trunkOfModelType(modelType);
  if (trunk === undefined)
    throw read.refuse(
      "model_type",
      `${hasAs(modelType, "model_type")}; only ${MODEL_TYPES.map((name) => `"${name}"`).join(", ")} is supported.`,
    );
  for (const [field, only] of Object.entries(trunk.onlyValues)) {
    const value = read.get(field) ?? only;
    if (value !== only) throw read.refuse(field, `${hasAs(value, field)}; only ${JSON.stringify(only)} is supported.`);
  }
  for (const field of ["quantization_config", "compression_config"]) {
    const quantized = read.get(field);
    if (quantized !== undefined && quantized !== null)
      throw read.refuse(field, "describes quantised weights; only f32, f16 and bf16 are converted.");
  }
  return trunk;
}

/** null means one for each head, in every trunk. */
function readKeyValueHeads(read: ConfigReader, { absent }: Trunk, heads: number): number {
  const { config: field } = SHAPE_FIELDS.keyValueHeads;
  return read.integer(field, heads, read.get(field) === null ? heads : (absent?.num_key_value_heads ?? heads));
}

/** head_dim is given, or follows from the others. */
function readHeadDim(read: ConfigReader, trunk: Trunk, embeddingLength: number, heads: number): number {
  const { config: field, max } = SHAPE_FIELDS.headDim;
  const given = read.get(field);
  const absent = given === null ? undefined : trunk.absent?.head_dim;
  const isOpen = (given === undefined || given === null) && absent === undefined;
  if ((isOpen || trunk.plainHeads) && embeddingLength % heads !== 0)
    throw read.refuse(
      SHAPE_FIELDS.heads.config,
      `has hidden_size ${embeddingLength}, which is not a multiple of its ${heads} attention heads.`,
    );
  const headDim = read.integer(field, max, absent ?? embeddingLength / heads);
  if (trunk.plainHeads && headDim * heads !== embeddingLength)
    throw read.refuse(
      field,
      `has ${headDim} as head_dim; with model_type "${trunk.modelType}", llama.cpp supports only hidden_size / ` +
        `num_attention_heads, ${embeddingLength / heads}.`,
    );
  return headDim;
}

/** transformers up to 4 writes rope_theta and rope_scaling; newer ones write rope_parameters for both. */
function readRopeTheta(read: ConfigReader): number {
  const scaling = read.get("rope_scaling");
  const inScaling = isJsonObject(scaling) ? own(scaling, "rope_theta") : undefined;
  const theta = readOwnTheta(read);
  // transformers 5 reads this one, transformers 4 does not.
  if (inScaling !== undefined && inScaling !== null && inScaling !== theta)
    throw read.refuse(
      "rope_theta",
      `${hasAs(inScaling, "rope_theta")} in rope_scaling and ${theta} outside; transformers versions disagree on which to use.`,
    );
  return theta;
}

function readOwnTheta(read: ConfigReader): number {
  const parameters = read.get("rope_parameters");
  const theta = isJsonObject(parameters) ? own(parameters, "rope_theta") : undefined;
  if (theta === undefined || theta === null) return read.positive("rope_theta", MAX_ROPE_THETA, DEFAULT_ROPE_THETA);
  const nested = new ConfigReader(parameters as JsonObject, read.file).positive("rope_theta", MAX_ROPE_THETA);
  if (nested !== read.positive("rope_theta", MAX_ROPE_THETA, nested))
    throw read.refuse("rope_theta", "gives two different values for rope_theta, one of them in rope_parameters.");
  return nested;
}

/** rope_scaling or rope_parameters may hold it. */
function readScaling(read: ConfigReader, trunk: Trunk): Llama3Scaling | undefined {
  const refuseField = (field: string, sentence: string) => read.refuse(field, sentence);
  const [first, second] = ["rope_scaling", "rope_parameters"].map((field) =>
    readRopeScaling(field, read.get(field), refuseField),
  );
  if (first !== undefined && second !== undefined && JSON.stringify(first) !== JSON.stringify(second))
    throw read.refuse("rope_parameters", "gives two different kinds of rope scaling, one of them in rope_parameters.");
  const scaling = first ?? second;
  if (scaling !== undefined && !trunk.dividesRope)
    throw read.refuse(
      first === undefined ? "rope_parameters" : "rope_scaling",
      `has rotary embedding of the type "llama3", which llama.cpp does not support with model_type "${trunk.modelType}".`,
    );
  return scaling;
}

function readArchitectures(read: ConfigReader): string[] {
  const value = read.get("architectures") ?? [];
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string"))
    throw read.refuse("architectures", `${hasAs(value, "architectures")}; expected a list of names.`);
  return value as string[];
}

/** An id outside the vocabulary cannot occur in a text. */
function readPadTokenId(read: ConfigReader, vocabularySize: number): number | undefined {
  const value = read.get("pad_token_id");
  if (value === undefined || value === null || value === -1) return undefined;
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= vocabularySize)
    throw read.refuse("pad_token_id", `${hasAs(value, "pad_token_id")}; expected an id below ${vocabularySize}.`);
  return value as number;
}

function readTexts(read: ConfigReader): {
  name: string | undefined;
  notice: string | undefined;
  license: string | undefined;
} {
  const ours = read.get("starling_rm") ?? {};
  if (!isJsonObject(ours)) throw read.refuse("starling_rm", `${hasAs(ours, "starling_rm")}; expected an object.`);
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
