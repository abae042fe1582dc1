import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { quote } from "../files/byte-source.ts";
import { convertFloats, firstNonFinite, floatAt } from "./dtypes.ts";
import { checkTensor, floatTypeOf } from "./plan.ts";

/** The reward head in float32, and its bytes as they stand in the checkpoint. */
export interface RewardHead {
  /** f32[hidden_size] */
  readonly weight: Float32Array;
  readonly sourceBytes: Uint8Array;
}

/**
 * Reads the reward head, a Linear(hidden_size → 1) without bias.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT when it is missing, has another shape, or holds a value that is not finite
 */
export async function readHead(checkpoint: Checkpoint): Promise<RewardHead> {
  const { hiddenSize } = checkpoint.config;
  const { head } = checkpoint.profile;
  const tensor = checkTensor(checkpoint, head, [1, hiddenSize]);
  const type = floatTypeOf(tensor);
  const sourceBytes = new Uint8Array(tensor.size);
  await checkpoint.readTensor(tensor, 0, sourceBytes);
  const bad = firstNonFinite(sourceBytes, type);
  if (bad !== -1)
    throw refuse(
      tensor.file,
      `holds ${floatAt(sourceBytes, type, bad)} at index ${bad} of the reward head ${quote(head)}.`,
      { tensor: head },
    );
  const bytes = convertFloats(sourceBytes, type, "f32").slice();
  return { weight: new Float32Array(bytes.buffer), sourceBytes };
}
