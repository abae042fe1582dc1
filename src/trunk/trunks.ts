/**
 * The trunks that are converted and scored, one file each. To add one, describe it in a file of its own and add it here.
 * Trunks of one architecture are the same to llama.cpp and to the checks of a GGUF: they differ in config.json only.
 */
import { gemma2 } from "./gemma2.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { SHAPE_FIELDS, type TrunkShape } from "./shape.ts";
import type { Trunk } from "./trunk.ts";

const trunks: readonly Trunk[] = [llama, mistral, qwen2, qwen3, gemma2];

export const MODEL_TYPES: readonly string[] = trunks.map(({ modelType }) => modelType);
export const ARCHITECTURES: readonly string[] = [...new Set(trunks.map(({ architecture }) => architecture))];
/** The architecture a head file is written with: its only size has the same name in all of them. */
export const HEAD_FILE_ARCHITECTURE: string = llama.architecture;

/** The trunk with this `model_type` in config.json. */
export function trunkOfModelType(modelType: unknown): Trunk | undefined {
  return trunks.find((trunk) => trunk.modelType === modelType);
}

/** A trunk with this general.architecture in a GGUF. */
export function trunkOfArchitecture(architecture: unknown): Trunk | undefined {
  return trunks.find((trunk) => trunk.architecture === architecture);
}

/** The GGUF key of a size: "llama.block_count". */
export function shapeKey(architecture: string, field: keyof TrunkShape): string {
  return `${architecture}.${SHAPE_FIELDS[field].key}`;
}
