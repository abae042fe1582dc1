import { quote } from "../files/byte-source.ts";
import type { FloatType } from "./dtypes.ts";
import { refuse } from "./refuse.ts";
import type { TensorEntry } from "./tensor-entry.ts";

/** A tensor of a checkpoint: its file, position, type and shape. */
export interface CheckpointTensor extends TensorEntry {
  /** Its file's name in messages, and in its folder. */
  readonly file: string;
  readonly fileName: string;
  /** The bytes themselves, for a tensor that follows from config.json. */
  readonly bytes?: Uint8Array;
  /** For a matrix that an adapter changes: `dtype` and `size` are those of the result. */
  readonly change?: TensorChange;
}

/** How rows of a stored matrix become those of the merged one. */
export interface TensorChange {
  readonly stored: CheckpointTensor;
  /**
   * Changes whole rows in place.
   *
   * @param rows float32, as the base has them
   * @param first index of the first of them
   */
  apply(rows: Float32Array, first: number): Promise<void>;
}

const floatTypes: { readonly [dtype: string]: FloatType | undefined } = { F32: "f32", F16: "f16", BF16: "bf16" };

/** @throws FileError ERR_INVALID_CHECKPOINT for integers, doubles and 8-bit floats */
export function floatTypeOf(tensor: CheckpointTensor): FloatType {
  const type = floatTypes[tensor.dtype];
  if (type === undefined)
    throw refuse(
      tensor.file,
      `contains the tensor ${quote(tensor.name)} in ${tensor.dtype}; expected F32, F16 or BF16.`,
      {
        tensor: tensor.name,
      },
    );
  return type;
}
