import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { floatTypeOf } from "../checkpoint/checkpoint-tensor.ts";
import { convertFloats, firstNonFinite, floatAt } from "../checkpoint/dtypes.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { quote } from "../files/byte-source.ts";
import type { RewardHead } from "../reward-head.ts";
import { checkTensor } from "./plan.ts";

/** The reward head, and its bytes in the checkpoint. */
export interface CheckpointHead {
  readonly head: RewardHead;
  /** The bytes of each of its tensors, by the tensor's name. */
  readonly sourceBytes: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads the reward head, a Linear(hidden_size → 1).
 *
 * @throws FileError ERR_INVALID_CHECKPOINT when it is missing, has another shape, or holds a value that is not finite
 */
export async function readHead(checkpoint: Checkpoint): Promise<CheckpointHead> {
  const { embeddingLength } = checkpoint.config;
  const { weight: weightName, bias: biasName } = checkpoint.profile.head;
  const sourceBytes = new Map<string, Uint8Array>();
  const weight = await readValues(checkpoint, weightName, [1, embeddingLength], sourceBytes);
  if (biasName === undefined || !checkpoint.tensors.has(biasName)) return { head: { weight }, sourceBytes };
  const [bias] = await readValues(checkpoint, biasName, [1], sourceBytes);
  return { head: { weight, bias: bias as number }, sourceBytes };
}

/** A tensor in float32; its bytes in the checkpoint are added to `sourceBytes`. */
async function readValues(
  checkpoint: Checkpoint,
  name: string,
  shape: readonly number[],
  sourceBytes: Map<string, Uint8Array>,
): Promise<Float32Array> {
  const tensor = checkTensor(checkpoint, name, shape);
  const type = floatTypeOf(tensor);
  const bytes = new Uint8Array(tensor.size);
  await checkpoint.readTensor(tensor, 0, bytes);
  const bad = firstNonFinite(bytes, type);
  if (bad !== -1)
    throw refuse(
      tensor.file,
      `contains ${floatAt(bytes, type, bad)} at index ${bad} of the reward head ${quote(name)}.`,
      {
        tensor: name,
      },
    );
  sourceBytes.set(name, bytes);
  return new Float32Array(convertFloats(bytes, type, "f32").slice().buffer);
}
