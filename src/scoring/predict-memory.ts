import { likelyBackend } from "../native/engine.ts";
import { checkOptions, required } from "../options.ts";
import { availableMemory } from "./available-memory.ts";
import { loadOptionChecks } from "./load-options.ts";
import { planLoad } from "./load-plan.ts";
import { memoryNeed } from "./memory.ts";
import { type ModelFile, readModelFile } from "./model-file.ts";
import type { LoadRewardModelOptions, MemoryPrediction } from "./types.ts";

/**
 * What a model would take with these options, from its header alone: nothing is loaded. The same numbers decide whether
 * loadRewardModel refuses.
 *
 * @throws InvalidInputError for a wrong option, FileError for a file that cannot be used
 */
export async function predictMemory(options: LoadRewardModelOptions): Promise<MemoryPrediction> {
  required("predictMemory", options, "modelPath");
  checkOptions("predictMemory", options, loadOptionChecks);
  return predictFor(await readModelFile(options.modelPath), options);
}

/** As {@link predictMemory}, of a header that was read already. */
export function predictFor(file: ModelFile, options: Omit<LoadRewardModelOptions, "modelPath">): MemoryPrediction {
  const backend = likelyBackend(options.gpu ?? "auto");
  const plan = planLoad(file, options, backend);
  const need = memoryNeed(file.shape, file.weightBytes, plan, backend);
  const available = backend === "cpu" ? availableMemory() : undefined;
  return { ...need, contextTokens: plan.contextTokens, ...(available === undefined ? {} : { available }) };
}
