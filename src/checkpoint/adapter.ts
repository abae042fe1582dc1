import type { CheckpointFolder } from "./folder.ts";
import { refuse } from "./refuse.ts";

export const ADAPTER_CONFIG = "adapter_config.json";

/**
 * transformers applies an adapter found beside a model's weights; without it the weights would score differently.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT for a folder with an adapter of PEFT
 */
export async function refuseAdapter(folder: CheckpointFolder): Promise<void> {
  if (await folder.has(ADAPTER_CONFIG))
    throw refuse(
      folder.pathOf(ADAPTER_CONFIG),
      "describes an adapter (LoRA), which is not supported: merge it into the weights (merge_and_unload of PEFT) and convert " +
        "the result. Remove the file if the weights beside it are merged already.",
    );
}
