import { withModelHeader } from "../model-path.ts";
import { likelyBackend, likelyDevices } from "../native/engine.ts";
import { checkOptions, given, takesOnlyOptions } from "../options.ts";
import { availableMemory } from "./available-memory.ts";
import type { Fit } from "./gpu-fit.ts";
import { loadOptionChecks } from "./load-options.ts";
import { type ModelFile, readModelFile } from "./model-file.ts";
import type { MemoryPrediction, PredictedPlacement } from "./model-info.ts";
import { type Place, placeWithin } from "./placement.ts";
import type { LoadRewardModelOptions } from "./types.ts";

/**
 * The memory a model would take with these options, from its header only: nothing is loaded. The same numbers decide whether
 * loadRewardModel refuses.
 *
 * @throws InvalidInputError for a wrong option, FileError for a file that cannot be used; the signal's reason
 */
export async function predictMemory(options: LoadRewardModelOptions): Promise<MemoryPrediction> {
  takesOnlyOptions("predictMemory", arguments);
  options = checkOptions("predictMemory", options, loadOptionChecks, ["modelPath"]);
  options.signal?.throwIfAborted();
  const file = await withModelHeader(options.modelPath, options.signal, readModelFile);
  options.signal?.throwIfAborted();
  return predictFor(file, options);
}

/** As {@link predictMemory}, of a header that was read already. */
export function predictFor(file: ModelFile, options: Omit<LoadRewardModelOptions, "modelPath">): MemoryPrediction {
  const likely = likelyBackend(options.gpu ?? "auto");
  return predictOn(file, options, { backend: likely, devices: likelyDevices(likely) });
}

/**
 * As {@link predictMemory}, with the devices as they are.
 *
 * @param free bytes of main memory; undefined: unknown
 */
export function predictOn(
  file: ModelFile,
  options: Omit<LoadRewardModelOptions, "modelPath">,
  place: Place,
  free: number | undefined = availableMemory(),
): MemoryPrediction {
  const { need, plan, fit, backend, moreRoom } = placeWithin(file, options, place, free);
  const available = backend === "cpu" ? free : undefined;
  return {
    ...need,
    contextTokens: plan.contextTokens,
    ...(available === undefined ? {} : { available }),
    ...(fit === undefined || fit.perDevice.length === 0
      ? {}
      : { gpu: { ...predicted(fit, file.layerBytes.length), ...given({ moreRoom }) } }),
  };
}

function predicted({ layers, perDevice, host }: Fit, of: number): PredictedPlacement {
  const devices = perDevice.map(({ name, need, free }) => ({ name, need, ...(free === undefined ? {} : { free }) }));
  return { layers, of, devices, host };
}
