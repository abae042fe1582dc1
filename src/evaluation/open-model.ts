/** Loads a model together with its score cache and its description for reports. */
import { basename, join } from "node:path";
import { changedFile } from "../files/opened-file.ts";
import { given } from "../options.ts";
import { loadRewardModel } from "../scoring/load-reward-model.ts";
import type { RewardModelInfo } from "../scoring/model-info.ts";
import { modelNotices } from "../scoring/model-notices.ts";
import { openedFileOf, type RewardModel } from "../scoring/reward-model.ts";
import type { LoadRewardModelOptions } from "../scoring/types.ts";
import { modelHash } from "./model-hash.ts";
import type { ReportedModel, ReportedSettings } from "./report.ts";
import { ScoreCache } from "./score-cache.ts";
import { reportedSettings, scoringSettings } from "./scoring-settings.ts";

/** Options of loadRewardModel() except path, progress and signal. */
export type LoadSettings = Omit<LoadRewardModelOptions, "modelPath" | "onProgress" | "signal">;

export interface OpenModelOptions {
  readonly modelPath: string;
  readonly load: LoadSettings;
  /** Undefined: keep no scores on disk. */
  readonly cacheFolder: string | undefined;
  readonly onProgress: (phase: "hashing" | "loading", fraction: number) => void;
  /** Called with warnings that do not stop the work. */
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
  const hash = (place: Parameters<typeof modelHash>[0]) =>
    modelHash(place, {
      ...given({ signal, cacheFolder }),
      onProgress: ({ bytesDone, bytesTotal }) => onProgress("hashing", bytesDone / bytesTotal),
    });
  const { headPath } = load;
  const head = headPath === undefined ? undefined : { file: basename(headPath), sha256: await hash(headPath) };
  const model = await loadRewardModel({
    ...load,
    modelPath,
    ...given({ signal }),
    onProgress: ({ fraction }) => onProgress("loading", fraction),
  });
  let sha256: string;
  try {
    // Scores are cached under these hashes, so hash the very files that were loaded.
    sha256 = await hash(openedFileOf(model));
    if (head !== undefined && (await hash(headPath as string)) !== head.sha256) throw changedFile(headPath as string);
  } catch (error) {
    await model.close();
    throw error;
  }
  const { info } = model;
  for (const notice of modelNotices(info)) onNotice?.(notice);
  const notices = modelNotices(forReport(info));
  if (load.templateDate !== undefined && model.tokenizer.settings.templateDate === undefined)
    onNotice?.(`the chat template of ${info.name} does not use a date, so templateDate has no effect`);
  const scoreSettings = {
    model: sha256,
    ...given({ head: head?.sha256, batchTokens: load.batchTokens }),
    ...scoringSettings(model),
  };
  const folder = cacheFolder === undefined ? undefined : join(cacheFolder, "scores");
  const cache = ScoreCache.open(folder, scoreSettings, (problem) =>
    onNotice?.(`scores cannot be saved for later runs: ${problem}`),
  );
  const reported: ReportedModel = {
    file: basename(modelPath),
    sha256,
    name: info.name,
    ...given({ notice: info.notice, notices: notices.length > 0 ? notices : undefined }),
    profile: info.profile,
    type: info.fileType,
    parameters: info.parameters,
    ...given({ calibration: info.fit?.calibration, head }),
  };
  return {
    model,
    cache,
    reported,
    settings: reportedSettings(model),
    async close() {
      cache.close();
      await model.close();
    },
  };
}

/** Model info without folders and details of this machine, so reports are the same everywhere. */
function forReport({ head, ...info }: RewardModelInfo): RewardModelInfo {
  return { ...info, kernelReasons: [], ...given({ head: head && { ...head, path: basename(head.path) } }) };
}
