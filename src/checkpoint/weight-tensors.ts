/** A checkpoint's weight files: opened together, and what tensors they hold. */
import { type ByteSource, quote } from "../files/byte-source.ts";
import type { CheckpointTensor } from "./checkpoint-tensor.ts";
import type { CheckpointFolder } from "./folder.ts";
import { refuse } from "./refuse.ts";
import { readSafetensorsHeader } from "./safetensors.ts";
import type { WeightFiles } from "./shard-index.ts";
import { readTorchFile } from "./torch-file.ts";

/** All of them, or none. */
export async function openAll(folder: CheckpointFolder, names: readonly string[]): Promise<Map<string, ByteSource>> {
  const files = new Map<string, ByteSource>();
  try {
    for (const name of names) files.set(name, await folder.open(name));
    return files;
  } catch (error) {
    await closeAll(files.values());
    throw error;
  }
}

export async function closeAll(files: Iterable<ByteSource>): Promise<void> {
  for (const file of files) await file.close();
}

/** The index and the shards must agree: each tensor once, in the file that the index names. */
export async function readTensorList(
  folder: CheckpointFolder,
  weights: WeightFiles,
  files: ReadonlyMap<string, ByteSource>,
): Promise<Map<string, CheckpointTensor>> {
  const tensors = new Map<string, CheckpointTensor>();
  for (const name of weights.files) {
    const path = folder.pathOf(name);
    const read = name.endsWith(".safetensors") ? readSafetensorsHeader : readTorchFile;
    for (const entry of await read(files.get(name) as ByteSource)) {
      const other = tensors.get(entry.name);
      if (other !== undefined)
        throw refuse(path, `contains the tensor ${quote(entry.name)}, which is also in ${other.file}.`, {
          tensor: entry.name,
        });
      if (weights.index !== undefined && weights.index.fileOf.get(entry.name) !== name)
        throw refuse(
          path,
          `contains the tensor ${quote(entry.name)}, which ${weights.index.path} does not place there.`,
          {
            tensor: entry.name,
          },
        );
      tensors.set(entry.name, { ...entry, file: path, fileName: name });
    }
  }
  for (const [tensor, file] of weights.index?.fileOf ?? [])
    if (!tensors.has(tensor))
      throw refuse(folder.pathOf(file), `has no tensor ${quote(tensor)}, which ${weights.index?.path} places there.`, {
        tensor,
      });
  return tensors;
}
