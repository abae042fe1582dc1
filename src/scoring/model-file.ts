import { weightCount } from "../gguf/header.ts";
import { readGguf } from "../gguf/reader.ts";
import { type RewardMetadata, readRewardMetadata } from "../gguf/reward-metadata.ts";

export interface ModelFile extends RewardMetadata {
  /** Number of weights in all tensors. */
  readonly parameters: number;
}

/**
 * Reads and checks the header of a reward model's GGUF.
 *
 * @throws FileError for a file that is missing, broken, or no reward model of this project
 */
export async function readModelFile(path: string): Promise<ModelFile> {
  const gguf = await readGguf(path);
  const parameters = gguf.tensors.reduce((sum, { dims }) => sum + weightCount(dims), 0);
  return { ...readRewardMetadata(gguf, path), parameters };
}
