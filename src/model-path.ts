/** What the option `modelPath` may name: a file, or the demonstration model. */

/** Names the demonstration model that ships with the package. A file of this name is reached as "./tiny". */
export const EMBEDDED_MODEL = "tiny";

/**
 * The path of a model's GGUF. For "tiny" the file is made in the cache folder on first use.
 *
 * @throws FileError when the demonstration model cannot be written; the signal's reason
 */
export async function modelPathOf(modelPath: string, signal?: AbortSignal): Promise<string> {
  if (modelPath !== EMBEDDED_MODEL) return modelPath;
  // Imported here: loading any other model needs no converter.
  const { embeddedModelPath } = await import("./embedded-model.ts");
  return embeddedModelPath(signal === undefined ? {} : { signal });
}
