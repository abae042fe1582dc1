import { describe, FileError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from "./adapter-config.ts";
import type { CheckpointFolder } from "./folder.ts";
import { isJsonObject, own, readJsonFile } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";

/** The weight files of a checkpoint. */
export interface WeightFiles {
  /** File names inside the folder, sorted. */
  readonly files: readonly string[];
  /** The file of each tensor by the checkpoint's index; undefined for a single file. */
  readonly index?: { readonly path: string; readonly fileOf: ReadonlyMap<string, string> };
}

/** In transformers' order of preference. */
const LAYOUTS = [
  { single: "model.safetensors", index: "model.safetensors.index.json", extensions: ["safetensors"] },
  { single: "pytorch_model.bin", index: "pytorch_model.bin.index.json", extensions: ["bin", "pt", "pth"] },
] as const;
/** A single torch.save file of any name: the layout of Starling-RM-7B-alpha. */
const TORCH_FILE = /\.(?:bin|pt|pth)$/;
/** Files that transformers' Trainer writes next to the weights. */
const NO_WEIGHTS = new Set(["training_args.bin", "optimizer.pt", "scheduler.pt"]);
/** The index of a 34B Llama takes 50 KB. */
const MAX_INDEX_BYTES = 16 * 1024 * 1024;
/** Files that are kept open at once; the 34B checkpoint has 7 to 15 of them. */
const MAX_SHARDS = 256;

/**
 * Finds the weight files of a folder: model.safetensors, or else the files that model.safetensors.index.json names, or
 * else their PyTorch counterparts, or else the only torch.save file.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT
 */
export async function findWeightFiles(folder: CheckpointFolder): Promise<WeightFiles> {
  for (const { single, index, extensions } of LAYOUTS) {
    if (await folder.has(single)) return { files: [single] };
    if (await folder.has(index)) return readIndex(folder, index, extensions);
  }
  return findTorchFile(folder);
}

/**
 * Without adapter_config.json nobody knows what an adapter's weights are merged into, and how strongly.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT for a folder whose only weights are an adapter's, without its configuration
 */
export async function refuseLoneAdapter(folder: CheckpointFolder): Promise<void> {
  const names = await folder.list();
  const weights = ADAPTER_WEIGHTS.find((name) => names.includes(name));
  const isWhole = LAYOUTS.some(({ single, index }) => names.includes(single) || names.includes(index));
  if (weights === undefined || isWhole || names.includes(ADAPTER_CONFIG)) return;
  throw new FileError(
    "ERR_INVALID_CHECKPOINT",
    `The folder ${folder.path} has the weights of an adapter (${weights}), but no ${ADAPTER_CONFIG}, which says what they are merged ` +
      "into and how strongly: copy it from where the adapter comes from.",
    { file: folder.path },
  );
}

async function readIndex(folder: CheckpointFolder, name: string, extensions: readonly string[]): Promise<WeightFiles> {
  const path = folder.pathOf(name);
  const { value } = await readJsonFile(folder, name, MAX_INDEX_BYTES);
  const map = own(value, "weight_map");
  if (!isJsonObject(map))
    throw refuse(path, `${hasAs(map, "weight_map")}; expected an object from tensor to file.`, {
      field: "weight_map",
    });
  const fileOf = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string" || !isPlainName(file, extensions))
      throw refuse(
        path,
        `places the tensor ${quote(tensor)} in ${describe(file)}; expected the name of a .${extensions.join(" or .")} file in the same folder.`,
        { tensor, field: "weight_map" },
      );
    fileOf.set(tensor, file);
  }
  const files = [...new Set(fileOf.values())].sort();
  if (files.length === 0) throw refuse(path, "names no tensor.", { field: "weight_map" });
  if (files.length > MAX_SHARDS) throw refuse(path, `names ${files.length} files; the limit is ${MAX_SHARDS}.`);
  return { files, index: { path, fileOf } };
}

/** No folders, drives or "..": an index must not point outside the folder. */
function isPlainName(name: string, extensions: readonly string[]): boolean {
  return (
    /^[A-Za-z0-9_][A-Za-z0-9._-]{0,200}$/.test(name) && extensions.some((extension) => name.endsWith(`.${extension}`))
  );
}

async function findTorchFile(folder: CheckpointFolder): Promise<WeightFiles> {
  await refuseLoneAdapter(folder);
  const names = await folder.list();
  const found = names.filter((name) => TORCH_FILE.test(name) && !NO_WEIGHTS.has(name));
  const [only] = found;
  if (only !== undefined && found.length === 1) return { files: [only] };
  const [safetensors, torch] = LAYOUTS;
  const sentence =
    found.length === 0
      ? `has no weights: it contains neither ${safetensors.single} nor ${safetensors.index}, nor a torch.save file.`
      : `has ${found.length} PyTorch files (${found.slice(0, 3).map(quote).join(", ")}, …), but no ${torch.index} that names the weight files.`;
  throw new FileError("ERR_INVALID_CHECKPOINT", `The folder ${folder.path} ${sentence}`, { file: folder.path });
}
