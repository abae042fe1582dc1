/** What the option `modelPath` may name: a file, the demonstration model, or a file on the hub. */
import { stat } from "node:fs/promises";
import { openLocalFolder } from "./checkpoint/folder.ts";
import type { EmbeddedModelOptions } from "./embedded-model.ts";
import { FileError } from "./errors.ts";
import type { ByteSource } from "./files/byte-source.ts";
import { openGguf } from "./gguf/parts.ts";
import { hubHint } from "./hub-hint.ts";
import { given, takesOnlyOptions } from "./options.ts";
import type { DownloadProgress } from "./progress.ts";

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

export interface ModelPathOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Whether it names a file on the hub, and not a local path. */
export function isOnHub(modelPath: string): boolean {
  return modelPath.startsWith("hf:");
}

/**
 * The path of a model's GGUF. For "tiny" the file is made in the cache folder on first use; "hf:OWNER/NAME/FILE.gguf" is
 * downloaded to the Hugging Face cache, after a look at its header.
 *
 * @throws FileError for a checkpoint folder or what else is no file, HubError for what cannot be downloaded; the signal's reason
 */
export async function modelPathOf(modelPath: string, { signal, onProgress }: ModelPathOptions = {}): Promise<string> {
  if (modelPath === EMBEDDED_MODEL) return embeddedModelPath(given({ signal }));
  if (!isOnHub(modelPath)) return checkModelPath(modelPath);
  const { pullGguf } = await import("./hub/gguf-file.ts");
  const { readModelFile } = await import("./scoring/model-file.ts");
  return pullGguf(modelPath, { signal, onProgress, check: readModelFile });
}

/** Calls `read` with the model's file; of one on the hub only what is read is downloaded. */
export async function withModelHeader<T>(
  modelPath: string,
  signal: AbortSignal | undefined,
  read: (file: ByteSource) => Promise<T>,
): Promise<T> {
  const file = isOnHub(modelPath)
    ? await (await import("./hub/gguf-file.ts")).openRemoteGguf(modelPath, { signal })
    : await openGguf(await modelPathOf(modelPath, { signal }));
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

/** @throws FileError for a folder, and for a name that only the hub can mean */
async function checkModelPath(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw await aFolder(path);
  const hint = found === undefined ? await hubHint(path) : undefined;
  if (hint === undefined) return path;
  throw new FileError("ERR_FILE_NOT_READABLE", `The file ${path} does not exist. ${hint}`, { file: path });
}

async function aFolder(path: string): Promise<FileError> {
  const names = await (await openLocalFolder(path)).list();
  const { convertCommand } = await import("./hub/gguf-file.ts");
  const [gguf] = names.filter((name) => name.endsWith(".gguf"));
  const isCheckpoint = names.some((name) => name === "config.json" || /\.(?:safetensors|bin|pt)$/.test(name));
  const advice = isCheckpoint
    ? `is a checkpoint folder: convert it once with \`${convertCommand(path, path)}\`, and use that file.`
    : `is a folder; expected a GGUF file${gguf === undefined ? "" : `, such as ${gguf} in it`}.`;
  return new FileError("ERR_FILE_NOT_READABLE", `${path} ${advice}`, { file: path });
}
