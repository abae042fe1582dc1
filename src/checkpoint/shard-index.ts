import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, FileError } from "../errors.ts";
import { exists, quote } from "../gguf/bounded-file.ts";
import { isJsonObject, own, readJsonFile } from "./json.ts";
import { refuse } from "./refuse.ts";

/** The weight files of a checkpoint. */
export interface WeightFiles {
  /** File names inside the folder, sorted. */
  readonly files: readonly string[];
  /** Which file holds which tensor, where the checkpoint has an index; undefined for a single file. */
  readonly index?: { readonly path: string; readonly fileOf: ReadonlyMap<string, string> };
}

const SINGLE_FILE = "model.safetensors";
const INDEX_FILE = "model.safetensors.index.json";
/** The index of a 34B Llama takes 50 KB. */
const MAX_INDEX_BYTES = 16 * 1024 * 1024;
/** Files that are kept open at once; the 34B checkpoint has 7 to 15 of them. */
const MAX_SHARDS = 256;

/**
 * Finds the weight files of a folder: model.safetensors, or else the files that model.safetensors.index.json names
 * (the order in which transformers looks).
 *
 * @throws FileError ERR_INVALID_CHECKPOINT, also for a folder that holds PyTorch files only
 */
export async function findWeightFiles(folder: string): Promise<WeightFiles> {
  if (await exists(join(folder, SINGLE_FILE))) return { files: [SINGLE_FILE] };
  const path = join(folder, INDEX_FILE);
  if (await exists(path)) return readIndex(path);
  throw await explainMissing(folder);
}

async function readIndex(path: string): Promise<WeightFiles> {
  const { value } = await readJsonFile(path, MAX_INDEX_BYTES);
  const map = own(value, "weight_map");
  if (!isJsonObject(map))
    throw refuse(path, `has ${describe(map)} as weight_map; an object from tensor to file is expected.`, {
      field: "weight_map",
    });
  const fileOf = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string" || !isPlainName(file))
      throw refuse(
        path,
        `places the tensor ${quote(tensor)} in ${describe(file)}; the name of a .safetensors file in the same folder is expected.`,
        { tensor, field: "weight_map" },
      );
    fileOf.set(tensor, file);
  }
  const files = [...new Set(fileOf.values())].sort();
  if (files.length === 0) throw refuse(path, "names no tensor.", { field: "weight_map" });
  if (files.length > MAX_SHARDS)
    throw refuse(path, `names ${files.length} files; the most that is read is ${MAX_SHARDS}.`);
  return { files, index: { path, fileOf } };
}

/** No folders, drives or "..": an index must not make us read elsewhere. */
function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\.safetensors$/.test(name);
}

async function explainMissing(folder: string): Promise<FileError> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    return new FileError("ERR_FILE_NOT_READABLE", `The folder ${folder} cannot be read.`, { file: folder, cause });
  }
  const pytorch = names.filter((name) => /\.(bin|pt|pth|ckpt)$/.test(name)).sort();
  const sentence =
    pytorch.length > 0
      ? `has its weights as PyTorch files (${quote(pytorch[0] as string)}), which this version does not read: convert them to safetensors first.`
      : `has no weights: it holds neither ${SINGLE_FILE} nor ${INDEX_FILE}.`;
  return new FileError("ERR_INVALID_CHECKPOINT", `The folder ${folder} ${sentence}`, { file: folder });
}
