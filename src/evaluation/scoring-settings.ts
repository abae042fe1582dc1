import { basename } from "node:path";
import { CONTRACT_VERSION } from "../native/addon.ts";
import { LLAMA_VERSION } from "../native/runtime-folder.ts";
import { RENDERING_VERSION } from "../native/template-process.ts";
import { given } from "../options.ts";
import type { KernelInfo } from "../scoring/model-info.ts";
import type { RewardModel } from "../scoring/reward-model.ts";
import type { ReportedSettings } from "./report.ts";

/** Everything except model files and item that can change a score or its features. */
export interface ScoringSettings extends Omit<ReportedSettings, "seed" | "limit"> {
  readonly devices: readonly string[];
  /** The split between devices decides which kernels compute a layer. */
  readonly gpuLayers: number;
  /** llama.cpp's library for this processor. Part of the key because machines can share a cache folder. */
  readonly cpuLibrary: string;
  /** The same library may find longer vectors on another processor. */
  readonly cpuFeatures: readonly string[];
  readonly kernels: readonly KernelInfo[];
  /** Version of the chat template renderer; only for models with their own chat template. */
  readonly rendering?: number;
  /** Version of the native layer's contract. */
  readonly contract: number;
}

/** The settings of a loaded model; part of the cache keys of scores and features. */
export function scoringSettings(model: RewardModel): ScoringSettings {
  return {
    ...reportedSettings(model),
    devices: model.info.devices,
    gpuLayers: model.info.gpuLayers,
    cpuLibrary: basename(model.info.cpuLibrary ?? ""),
    cpuFeatures: model.info.cpuFeatures,
    kernels: model.info.kernels.map(({ gain: _gain, ...kernel }) => kernel),
    ...(model.info.template === "chat-template" ? { rendering: RENDERING_VERSION } : {}),
    contract: CONTRACT_VERSION,
  };
}

/** The settings shown in a report. */
export function reportedSettings({ info, tokenizer }: RewardModel): Omit<ReportedSettings, "seed" | "limit"> {
  return {
    tokenization: info.tokenization,
    specialTokens: tokenizer.settings.specialTokens,
    ...given({ templateDate: tokenizer.settings.templateDate }),
    maxTokens: Math.min(info.maxTokens, info.contextTokens),
    backend: info.backend,
    batchMode: info.batchMode,
    llamaVersion: LLAMA_VERSION,
  };
}
