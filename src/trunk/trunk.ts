/** What a trunk is: the transformer below the reward head, as a checkpoint and a GGUF store it. */
import type { TrunkShape } from "./shape.ts";

export interface Trunk {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** general.architecture in the GGUF, and what the names of its keys begin with. */
  readonly architecture: string;
  /**
   * Fields of config.json that change what the trunk computes, and the only value of each that is converted. A field that
   * is absent or null has that value.
   */
  readonly onlyValues: Readonly<Record<string, string | number | boolean | null>>;
  readonly embeddings: TrunkTensor;
  /** The tensors of each layer; a checkpoint has them under `layers.N.`, a GGUF under `blk.N.`. */
  readonly layer: readonly TrunkTensor[];
  readonly outputNorm: TrunkTensor;
  /** Tensors of checkpoints that mean nothing, by their names after the profile's prefix. */
  readonly ignored: RegExp;
}

export interface TrunkTensor {
  /** Name in a checkpoint, after the profile's prefix. */
  readonly source: string;
  /** Name in a GGUF. */
  readonly target: string;
  /** As in PyTorch, rows first. */
  readonly shape: (of: TrunkShape) => readonly number[];
  /** Attention heads whose rows llama.cpp wants in another order (src/convert/permute.ts); absent: none. */
  readonly permutedHeads?: (of: TrunkShape) => number;
}

/** A tensor of a trunk of a certain shape. */
export interface ExpectedTensor {
  /** In the checkpoint, after the profile's prefix: "layers.0.self_attn.q_proj.weight". */
  readonly source: string;
  /** In the GGUF: "blk.0.attn_q.weight". */
  readonly target: string;
  readonly shape: readonly number[];
  readonly permutedHeads?: number;
}

/** All tensors that a trunk must have. */
export function expectedTensors({ embeddings, layer, outputNorm }: Trunk, of: TrunkShape): ExpectedTensor[] {
  const expected = (tensor: TrunkTensor, sourcePrefix = "", targetPrefix = ""): ExpectedTensor => ({
    source: `${sourcePrefix}${tensor.source}`,
    target: `${targetPrefix}${tensor.target}`,
    shape: tensor.shape(of),
    ...(tensor.permutedHeads === undefined ? {} : { permutedHeads: tensor.permutedHeads(of) }),
  });
  const layers = Array.from({ length: of.layers }, (_, i) =>
    layer.map((tensor) => expected(tensor, `layers.${i}.`, `blk.${i}.`)),
  );
  return [expected(embeddings), ...layers.flat(), expected(outputNorm)];
}
