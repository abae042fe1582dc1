/** The options of loading a model, checked. */
import { MAX_BATCH_TOKENS, MAX_DEVICES, MAX_LAYERS } from "../bounds.ts";
import type { SplitMode } from "../native/addon.ts";
import type { GpuChoice } from "../native/engine.ts";
import {
  aBoolean,
  aFunction,
  anInteger,
  aSignal,
  aString,
  aThreadCount,
  type Check,
  checkOptions,
  oneOf,
} from "../options.ts";
import { aDate } from "../prompt/template-date.ts";
import { specialTokenChoices, tokenizationModes } from "./open-tokenizer.ts";
import type { BatchMode, KernelChoice } from "./types.ts";

export const gpuChoices: readonly GpuChoice[] = ["auto", "off", "cuda", "vulkan", "metal"];
export const splitModes: readonly SplitMode[] = ["none", "layer"];
export const batchModes: readonly BatchMode[] = ["exact", "packed"];
export const kernelChoices: readonly KernelChoice[] = ["auto", "off"];

const aLayerNumber = anInteger(0, MAX_LAYERS);
const aLayerCount: Check = (value) =>
  value === "auto" || value === "all" ? undefined : aLayerNumber(value) && `"auto", "all" or ${aLayerNumber(value)}`;

/** The options of loadRewardModel that a caller of another function may pass on. */
export const aLoad: Check = (value) => {
  const { modelPath: _path, onProgress: _progress, signal: _signal, ...checks } = loadOptionChecks;
  checkOptions("load", value as object, checks);
  return undefined;
};

export const loadOptionChecks: Readonly<Record<string, Check>> = {
  modelPath: aString,
  headPath: aString,
  foreignHead: aBoolean,
  gpu: oneOf(gpuChoices),
  gpuLayers: aLayerCount,
  splitMode: oneOf(splitModes),
  mainDevice: anInteger(0, MAX_DEVICES - 1),
  threads: aThreadCount,
  contextTokens: anInteger(1, MAX_BATCH_TOKENS),
  batchTokens: anInteger(1, MAX_BATCH_TOKENS),
  batchMode: oneOf(batchModes),
  kernels: oneOf(kernelChoices),
  sharePrefixes: aBoolean,
  checkMemory: aBoolean,
  mmap: aBoolean,
  tokenization: oneOf(tokenizationModes),
  specialTokens: oneOf(specialTokenChoices),
  templateDate: aDate,
  onProgress: aFunction,
  signal: aSignal,
};
