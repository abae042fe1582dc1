/** The demonstration model that ships with the package, converted to GGUF on first use. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { defaultCacheFolder } from "./cache-folder.ts";
import { StarlingError } from "./errors.ts";
import { makeFolder } from "./files/make-folder.ts";
import { exists } from "./files/optional-files.ts";
import { withOutput } from "./files/output-file.ts";
import { STARLING_KEYS } from "./gguf/starling-keys.ts";
import { convertTo } from "./make-gguf.ts";
import { outsideArchive } from "./native/package-folder.ts";
import { aSignal, aString, checkOptions, given } from "./options.ts";
import { packageRoot } from "./package-info.ts";

/** Options of embeddedModelPath(). */
export interface EmbeddedModelOptions {
  /** Weight type, one of `weightTypes`. Default: "f16". */
  readonly type?: string;
  /** Folder of the file. Default: $STARLING_RM_CACHE, or the user's cache folder. */
  readonly cacheFolder?: string;
  /** Aborts the conversion; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const NAME = "starling-rm-tiny";

/** The checkpoint of the embedded model, in the layout of Starling-RM-34B. */
export function embeddedCheckpoint(): string {
  return outsideArchive(join(packageRoot(), "models", NAME));
}

/** @internal See embeddedModelPath(). */
export async function makeEmbeddedModel(options: EmbeddedModelOptions = {}): Promise<string> {
  options = checkOptions("embeddedModelPath", options, { type: aString, cacheFolder: aString, signal: aSignal });
  options.signal?.throwIfAborted();
  const type = options.type ?? "f16";
  const folder = options.cacheFolder ?? defaultCacheFolder();
  const output = join(folder, `${NAME}-${await fingerprint()}.${type.toLowerCase()}.gguf`);
  if (await exists(output)) return output;
  try {
    makeFolder(folder);
  } catch (error) {
    throw new StarlingError(
      "ERR_FILE_NOT_WRITABLE",
      `The cache folder ${folder} cannot be created: set STARLING_RM_CACHE to a writable folder.`,
      { cause: error, file: folder },
    );
  }
  const { signal } = options;
  // Another process may be making the same file: then we use theirs.
  return withOutput(output, { overwrite: false, wait: true, signal }, async (claimed) => {
    if (claimed.target.there !== undefined) return output;
    await convertTo(claimed, { checkpoint: embeddedCheckpoint(), output, type, ...given({ signal }) });
    return output;
  });
}

/** Changes when the checkpoint's files, the package's version, or what the converter writes into a file do. */
async function fingerprint(): Promise<string> {
  const hash = createHash("sha256").update(await readFile(join(packageRoot(), "package.json")));
  hash.update(Object.values(STARLING_KEYS).join("\n"));
  const checkpoint = embeddedCheckpoint();
  for (const name of ["config.json", "tokenizer_config.json", "model.safetensors.index.json"]) {
    hash.update(await readFile(join(checkpoint, name)));
  }
  const index = JSON.parse(await readFile(join(checkpoint, "model.safetensors.index.json"), "utf8"));
  for (const shard of new Set(Object.values<string>(index.weight_map))) {
    const { size, mtimeMs } = await stat(join(checkpoint, shard));
    hash.update(`${shard} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex").slice(0, 12);
}
