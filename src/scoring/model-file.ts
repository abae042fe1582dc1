import { type GgufHeader, weightCount } from "../gguf/header.ts";
import { readGguf } from "../gguf/reader.ts";
import { type RewardMetadata, readRewardMetadata } from "../gguf/reward-metadata.ts";

export interface ModelFile extends RewardMetadata {
  /** Number of weights in all tensors. */
  readonly parameters: number;
  /** Bytes of all tensors, and of those of each type. */
  readonly weightBytes: number;
  readonly bytesByType: ReadonlyMap<string, number>;
}

/**
 * Reads and checks the header of a reward model's GGUF.
 *
 * @throws FileError for a file that is missing, broken, or no reward model of this project
 */
export async function readModelFile(path: string): Promise<ModelFile> {
  return describeModelFile(await readGguf(path), path);
}

/** @throws FileError for a GGUF that is no reward model of this project */
export function describeModelFile(gguf: GgufHeader, path: string): ModelFile {
  const bytesByType = new Map<string, number>();
  let parameters = 0;
  let weightBytes = 0;
  for (const { dims, type, size } of gguf.tensors) {
    parameters += weightCount(dims);
    weightBytes += size;
    bytesByType.set(type.name, (bytesByType.get(type.name) ?? 0) + size);
  }
  return { ...readRewardMetadata(gguf, path), parameters, weightBytes, bytesByType };
}
