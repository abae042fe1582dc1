/** What the option `modelPath` may name: a file, or the demonstration model. */
import type { EmbeddedModelOptions } from "./embedded-model.ts";
import { takesOnlyOptions } from "./options.ts";

/** Names the demonstration model that ships with the package. A file of this name is reached as "./tiny". */
export const EMBEDDED_MODEL = "tiny";

/**
 * The path of the demonstration model's GGUF, which `modelPath: "tiny"` loads. The file is made on first use, and again
 * after an update of the package. A small model for trying things out, not Starling-RM-34B.
 *
 * @throws InvalidInputError for a wrong option; FileError when the file cannot be written; the signal's reason
 */
export async function embeddedModelPath(options: EmbeddedModelOptions = {}): Promise<string> {
  takesOnlyOptions("embeddedModelPath", arguments);
  // Imported here: loading any other model needs no converter.
  const { makeEmbeddedModel } = await import("./embedded-model.ts");
  return makeEmbeddedModel(options);
}

/**
 * The path of a model's GGUF. For "tiny" the file is made in the cache folder on first use.
 *
 * @throws FileError when the demonstration model cannot be written; the signal's reason
 */
export async function modelPathOf(modelPath: string, signal?: AbortSignal): Promise<string> {
  return modelPath === EMBEDDED_MODEL ? embeddedModelPath(signal === undefined ? {} : { signal }) : modelPath;
}
