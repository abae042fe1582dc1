import { readGguf } from "../gguf/reader.ts";
import { type RewardMetadata, readRewardMetadata } from "../gguf/reward-metadata.ts";

/**
 * Reads and checks the header of a reward model's GGUF.
 *
 * @throws FileError for a file that is missing, broken, or no reward model of this project
 */
export async function readModelFile(path: string): Promise<RewardMetadata> {
  return readRewardMetadata(await readGguf(path), path);
}
