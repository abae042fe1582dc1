/** What a server scores with: a model that is loaded in a process of its own, or one that the caller has loaded. */
import { resolve } from "node:path";
import { ModelClosedError } from "../../errors.ts";
import { EMBEDDED_MODEL, isOnHub } from "../../model-path.ts";
import { checkOptions, given } from "../../options.ts";
import { loadOptionChecks } from "../../scoring/load-options.ts";
import { RewardModel } from "../../scoring/reward-model.ts";
import type { LoadRewardModelOptions } from "../../scoring/types.ts";
import type { ScoringBackend } from "../contract.ts";
import { LoadedModel } from "./loaded-model.ts";
import { ScoringProcess, type ScoringProcessOptions } from "./scoring-process.ts";

export interface StartScoringOptions extends Omit<ScoringProcessOptions, "onProgress"> {
  /** Head files whose scores are returned too where asked for. Default: none. */
  readonly compareHeads?: readonly string[] | undefined;
  /** As clients name the model. Default: the name in its file. */
  readonly modelName?: string | undefined;
}

/**
 * Starts at once, and does not wait until the model is loaded: see the state. `signal` of the load options closes it.
 *
 * @throws InvalidInputError for a wrong option, ModelClosedError for a loaded model that was closed
 */
export function startScoring(
  model: string | LoadRewardModelOptions | RewardModel,
  options: StartScoringOptions = {},
): ScoringBackend {
  const { compareHeads = [], modelName, ...others } = options;
  if (model instanceof RewardModel && model.closed) throw new ModelClosedError();
  if (model instanceof RewardModel) return new LoadedModel(model, { compareHeads, modelName });
  const asked = typeof model === "string" ? { modelPath: model } : model;
  const checked = checkOptions("loadRewardModel", asked, loadOptionChecks, ["modelPath"]);
  const { onProgress, signal, modelPath, headPath, ...load } = checked;
  signal?.throwIfAborted();
  const setup = {
    // The process is started again later, when this one may be in another folder.
    load: { ...load, modelPath: absolute(modelPath), ...given({ headPath: headPath && resolve(headPath) }) },
    compareHeads: compareHeads.map((path) => resolve(path)),
    modelName,
  };
  const backend = new ScoringProcess(setup, { ...others, onProgress });
  const onAbort = () => void backend.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  backend.onStateChange(({ status }) => status === "ready" && signal?.removeEventListener("abort", onAbort));
  return backend;
}

function absolute(modelPath: string): string {
  return modelPath === EMBEDDED_MODEL || isOnHub(modelPath) ? modelPath : resolve(modelPath);
}
