/** A model that scores through a cache, and what a report says of it. */
import { basename, join } from "node:path";
import { assertUnchanged, fileVersion } from "../files/same-file.ts";
import { CONTRACT_VERSION } from "../native/addon.ts";
import { LLAMA_VERSION } from "../native/runtime-folder.ts";
import { headNotice } from "../scoring/head-notice.ts";
import { loadRewardModel, type RewardModel } from "../scoring/reward-model.ts";
import type { LoadRewardModelOptions } from "../scoring/types.ts";
import { modelHash } from "./model-hash.ts";
import type { ReportedModel, ReportedSettings } from "./report.ts";
import { ScoreCache } from "./score-cache.ts";

/** How the model is loaded, apart from where it is and what is told meanwhile. */
export type LoadSettings = Omit<LoadRewardModelOptions, "modelPath" | "onProgress" | "signal">;

export interface OpenModelOptions {
  readonly modelPath: string;
  readonly load: LoadSettings;
  /** Undefined: no score is kept on the disk. */
  readonly cacheFolder: string | undefined;
  readonly onProgress: (doing: "hashing" | "loading", fraction: number) => void;
  /** Called with what does not stop the work but should be known. */
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenModel {
  readonly model: RewardModel;
  readonly cache: ScoreCache;
  readonly reported: ReportedModel;
  readonly settings: Omit<ReportedSettings, "seed" | "limit">;
  close(): Promise<void>;
}

export async function openModel(options: OpenModelOptions): Promise<OpenModel> {
  const { modelPath, load, cacheFolder, onProgress, onNotice, signal } = options;
  const stop = signal === undefined ? {} : { signal };
  const hash = (path: string) =>
    modelHash(path, {
      ...stop,
      ...(cacheFolder === undefined ? {} : { cacheFolder }),
      onProgress: ({ bytesDone, bytesTotal }) => onProgress("hashing", bytesDone / bytesTotal),
    });
  const version = await fileVersion(modelPath);
  const sha256 = await hash(modelPath);
  const { headPath } = load;
  const head = headPath === undefined ? undefined : { file: basename(headPath), sha256: await hash(headPath) };
  const model = await loadRewardModel({
    ...load,
    modelPath,
    ...stop,
    onProgress: (part) => onProgress("loading", part),
  });
  try {
    // Scores are kept under the hash: both must be of the same file.
    await assertUnchanged(modelPath, version);
  } catch (error) {
    await model.close();
    throw error;
  }
  const { info } = model;
  const notice = headNotice(info);
  if (notice !== undefined) onNotice?.(notice);
  const { specialTokens } = model.tokenizer.settings;
  const settings = {
    tokenization: info.tokenization,
    specialTokens,
    maxTokens: Math.min(info.maxTokens, info.contextTokens),
    backend: info.backend,
    batchMode: info.batchMode,
    llamaVersion: LLAMA_VERSION,
  };
  const scoreSettings = {
    model: sha256,
    ...(head === undefined ? {} : { head: head.sha256 }),
    ...settings,
    devices: info.devices,
    gpuLayers: info.gpuLayers,
    ...(load.batchTokens === undefined ? {} : { batchTokens: load.batchTokens }),
    contract: CONTRACT_VERSION,
  };
  const folder = cacheFolder === undefined ? undefined : join(cacheFolder, "scores");
  const cache = ScoreCache.open(folder, scoreSettings, (problem) =>
    onNotice?.(`scores cannot be kept for a later run: ${problem}`),
  );
  const reported: ReportedModel = {
    file: basename(modelPath),
    sha256,
    name: info.name,
    ...(info.notice === undefined ? {} : { notice: info.notice }),
    profile: info.profile,
    type: info.fileType,
    parameters: info.parameters,
    ...(head === undefined ? {} : { head }),
  };
  return {
    model,
    cache,
    reported,
    settings,
    async close() {
      cache.close();
      await model.close();
    },
  };
}
