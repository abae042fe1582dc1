/** What a trunk is: the transformer below the reward head, as a checkpoint and a GGUF store it. */
import type { TrunkSettings, TrunkShape } from "./shape.ts";

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
  /**
   * What transformers takes for sizes that are absent in config.json. Without an entry there are as many key-value heads as
   * heads, and head_dim is hidden_size divided by them.
   */
  readonly absent?: { readonly num_key_value_heads?: number; readonly head_dim?: number };
  /** Set where llama.cpp's graph has no other head_dim than hidden_size / num_attention_heads. */
  readonly plainHeads?: true;
  /** Whether llama.cpp's graph divides rotary frequencies, as Llama 3.1 needs it. */
  readonly dividesRope?: true;
  /** Further numbers of config.json that change what the trunk computes. */
  readonly numbers?: readonly TrunkNumber[];
  /** Where layers do not attend to all earlier tokens. */
  readonly window?: WindowRule;
  /** Set where attention scores are soft-capped: then neither our own attention kernel nor any that ignores it may be used. */
  readonly softCapped?: true;
  readonly embeddings: TrunkTensor;
  /** The tensors of each layer; a checkpoint has them under `layers.N.`, a GGUF under `blk.N.`. */
  readonly layer: readonly TrunkTensor[];
  readonly outputNorm: TrunkTensor;
  /** Tensors of checkpoints that mean nothing, by their names after the profile's prefix. */
  readonly ignored: RegExp;
}

/** A number that one kind of trunk has. */
export interface TrunkNumber {
  /** The field in config.json. */
  readonly config: string;
  /** The key in a GGUF, without the architecture in front; absent: only the tensors depend on it. */
  readonly key?: string;
  readonly kind: "u32" | "f32";
  readonly max: number;
  /** What transformers takes if the field is absent. */
  readonly absent: number;
  /** Whether null is allowed, because it changes nothing that is scored; the GGUF then has no such key. */
  readonly nullable?: true;
}

export interface WindowRule {
  /** The field of config.json that has the number of tokens that a layer attends to. */
  readonly config: string;
  /** What transformers takes if the field is absent. */
  readonly absent: number;
  /** The field that must be true for the window to count, where there is one. */
  readonly enabledBy?: string;
  /**
   * "graph": llama.cpp masks what is outside of it, in every second layer, from the first one on. "limit": its graph has no
   * window, so that only texts within it can be scored.
   */
  readonly masked: "graph" | "limit";
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
  /** What llama.cpp's graph expects done to the values; absent: nothing. */
  readonly change?: ValueChange;
}

/** The values times `factor`, plus `add`, in float32; undefined: as they are. */
export type ValueChange = (of: TrunkSettings) => { readonly factor?: number; readonly add?: number } | undefined;

/** A tensor of a trunk of a certain shape. */
export interface ExpectedTensor {
  /** In the checkpoint, after the profile's prefix: "layers.0.self_attn.q_proj.weight". */
  readonly source: string;
  /** In the GGUF: "blk.0.attn_q.weight". */
  readonly target: string;
  readonly shape: readonly number[];
  readonly permutedHeads?: number;
  readonly change?: ValueChange;
}

/** All tensors that a trunk must have. */
export function expectedTensors({ embeddings, layer, outputNorm }: Trunk, of: TrunkShape): ExpectedTensor[] {
  const expected = (tensor: TrunkTensor, sourcePrefix = "", targetPrefix = ""): ExpectedTensor => ({
    source: `${sourcePrefix}${tensor.source}`,
    target: `${targetPrefix}${tensor.target}`,
    shape: tensor.shape(of),
    ...(tensor.permutedHeads === undefined ? {} : { permutedHeads: tensor.permutedHeads(of) }),
    ...(tensor.change === undefined ? {} : { change: tensor.change }),
  });
  const layers = Array.from({ length: of.layers }, (_, i) =>
    layer.map((tensor) => expected(tensor, `layers.${i}.`, `blk.${i}.`)),
  );
  return [expected(embeddings), ...layers.flat(), expected(outputNorm)];
}
