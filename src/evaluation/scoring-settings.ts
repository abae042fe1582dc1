import { basename } from "node:path";
import { CONTRACT_VERSION } from "../native/addon.ts";
import { LLAMA_VERSION } from "../native/runtime-folder.ts";
import { RENDERING_VERSION } from "../native/template-process.ts";
import { given } from "../options.ts";
import type { RewardModel } from "../scoring/reward-model.ts";
import type { KernelInfo } from "../scoring/types.ts";
import type { ReportedSettings } from "./report.ts";

/** Everything beside the model's files and a text that moves a score, or the features behind it, by a bit. */
export interface ScoringSettings extends Omit<ReportedSettings, "seed" | "limit"> {
  readonly devices: readonly string[];
  /** How many layers are on which devices decides which kernels compute them. */
  readonly gpuLayers: number;
  /** llama.cpp's library for the processor, and what it multiplies with: a cache folder may be shared by several machines. */
  readonly cpuLibrary: string;
  readonly kernels: readonly KernelInfo[];
  /** Of models with their own chat template: how it is rendered may change with it. */
  readonly rendering?: number;
  /** Of the native layer: how a score is computed may change with it. */
  readonly contract: number;
}

/** Of a loaded model; scores and features are kept apart by them. */
export function scoringSettings(model: RewardModel): ScoringSettings {
  return {
    ...reportedSettings(model),
    devices: model.info.devices,
    gpuLayers: model.info.gpuLayers,
    cpuLibrary: basename(model.info.cpuLibrary ?? ""),
    kernels: model.info.kernels,
    ...(model.info.template === "chat-template" ? { rendering: RENDERING_VERSION } : {}),
    contract: CONTRACT_VERSION,
  };
}

/** Those of them that a report names. */
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
