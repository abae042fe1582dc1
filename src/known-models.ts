/** The published reward models that convert here, with what they take. */

import { weightType } from "./convert/options.ts";
import { quantizedType } from "./gguf/quantization-mix.ts";
import { fileTypeByName, tensorBytes, tensorTypeByName } from "./gguf/types.ts";
import { DEFAULT_TYPE } from "./make-gguf.ts";
import { aString, checkOptions, takesOnlyOptions } from "./options.ts";
import { type CatalogueEntry, catalogue, type PublishedNumber } from "./profiles/catalogue.ts";
import type { ProfileName } from "./profiles/profiles.ts";
import { memoryNeed } from "./scoring/memory.ts";
import { llama } from "./trunk/llama.ts";
import { expectedTensors } from "./trunk/trunk.ts";
import { MODEL_TYPES, trunkOfModelType } from "./trunk/trunks.ts";

export type { PublishedNumber };

/** A published reward model. What no source at hand says is absent. */
export interface KnownModel {
  /** What `pull` and `convert hf:` know it by. */
  readonly name: string;
  /** On the Hugging Face hub. */
  readonly repository: string;
  /** A repository with its tokenizer, where its own has none. */
  readonly tokenizer?: string;
  /** The kind of reward model. */
  readonly profile: ProfileName;
  /** Whether this version converts it. */
  readonly converts: boolean;
  /** What it is good for, in a sentence. */
  readonly goodFor: string;
  /** Number of weights, from its published shape. */
  readonly parameters: number;
  /** Bytes of its tensors in the weight type asked for. */
  readonly size: number;
  /** Bytes of memory to score texts of up to `contextTokens` on a CPU, one at a time. */
  readonly memory: number;
  /** 4096, or fewer where the model has fewer. */
  readonly contextTokens: number;
  /** Average of RewardBench (version 1), in per cent. */
  readonly rewardBench?: PublishedNumber;
  /** Average of RewardBench 2, in per cent. */
  readonly rewardBench2?: PublishedNumber;
  /** As its card names it. */
  readonly licence?: string;
}

const CONTEXT_TOKENS = 4096;
const BATCH_TOKENS = 512;
/** The weight types with at least 8 bits get a float32 cache. */
const WIDE_TYPES = ["f32", "f16", "bf16", "q8_0"];

/**
 * The published reward models that are known by name.
 *
 * @param options type: the weight type that sizes are of; default "q4_k_m"
 * @throws InvalidInputError for a wrong option or weight type
 */
export function knownModels(options: { readonly type?: string } = {}): readonly KnownModel[] {
  takesOnlyOptions("knownModels", arguments);
  const { type = DEFAULT_TYPE } = checkOptions<{ readonly type?: string }>("knownModels", options, { type: aString });
  const { name } = weightType(type);
  return catalogue.map((entry) => describe(entry, name));
}

function describe(entry: CatalogueEntry, type: string): KnownModel {
  const { modelType, shape, ...said } = entry;
  const trunk = trunkOfModelType(modelType) ?? llama;
  let [parameters, size] = [0, 0];
  for (const { target, shape: dims } of expectedTensors(trunk, shape)) {
    parameters += dims.reduce((product, dim) => product * dim, 1);
    size += Number(tensorBytes(tensorTypeByName(typeOf(type, target, dims, shape)), [...dims].reverse().map(BigInt)));
  }
  const contextTokens = Math.min(CONTEXT_TOKENS, shape.contextLength);
  const settings = {
    contextTokens,
    batchTokens: BATCH_TOKENS,
    microBatch: BATCH_TOKENS,
    maxSequences: 1,
    contextWorkers: 1,
    kvType: WIDE_TYPES.includes(type) ? "f32" : "f16",
    flashAttention: false,
  } as const;
  const memory = memoryNeed(shape, size, settings, "cpu").total;
  return { ...said, converts: MODEL_TYPES.includes(modelType), parameters, size, memory, contextTokens };
}

function typeOf(type: string, target: string, dims: readonly number[], shape: CatalogueEntry["shape"]): string {
  const [, rowLength] = dims;
  if (rowLength === undefined) return "f32";
  return fileTypeByName(type)?.kind === "direct" ? type : quantizedType(type, target, rowLength, shape);
}
