import { ATTENTION, GATED_FEED_FORWARD, norm, ONE_DIRECTION, OUTSIDE_LAYERS } from "./parts.ts";
import type { TrunkSettings } from "./shape.ts";
import type { Trunk, TrunkTensor } from "./trunk.ts";

/** Gemma's norms multiply by 1 + w, llama.cpp's by w. */
const plusOne = (tensor: TrunkTensor): TrunkTensor => ({ ...tensor, change: () => ({ add: 1 }) });

/** llama.cpp takes a model of so many layers for the 27B. */
const LAYERS_OF_27B = 46;

/**
 * llama.cpp's graph divides queries by the root of head_dim, or, in the 27B, of hidden_size / num_attention_heads. transformers
 * divides by that of query_pre_attn_scalar: the same in Google's models. Where it is not, the weights make up for it.
 */
function queryFactor({ layers, embeddingLength, heads, headDim, numbers }: TrunkSettings) {
  const divided = layers === LAYERS_OF_27B ? Math.floor(embeddingLength / heads) : headDim;
  const wanted = numbers["query_pre_attn_scalar"] as number;
  return divided === wanted ? undefined : { factor: Math.sqrt(divided / wanted) };
}

/**
 * Gemma 2: norms before and after each part, soft-capped attention, a window in every second layer. Source: modeling_gemma2.py
 * and configuration_gemma2.py of transformers 4.42.4 to 5.23.0, and llama.cpp's converter and graph (models/gemma2.cpp).
 */
export const gemma2: Trunk = {
  modelType: "gemma2",
  architecture: "gemma2",
  onlyValues: { hidden_activation: "gelu_pytorch_tanh", attention_bias: false, ...ONE_DIRECTION },
  absent: { num_key_value_heads: 4, head_dim: 256 },
  numbers: [
    { config: "query_pre_attn_scalar", kind: "f32", max: 1e6, absent: 256 },
    { config: "attn_logit_softcapping", key: "attn_logit_softcapping", kind: "f32", max: 1e6, absent: 50 },
    // Of the output layer, which is never computed.
    {
      config: "final_logit_softcapping",
      key: "final_logit_softcapping",
      kind: "f32",
      max: 1e6,
      absent: 30,
      nullable: true,
    },
    { config: "sliding_window", key: "attention.sliding_window", kind: "u32", max: 16_777_216, absent: 4096 },
  ],
  window: { config: "sliding_window", absent: 4096, masked: "graph" },
  softCapped: true,
  ...OUTSIDE_LAYERS,
  layer: [
    plusOne(norm("input_layernorm", "attn_norm")),
    { ...ATTENTION.query, change: queryFactor },
    ATTENTION.key,
    ATTENTION.value,
    ATTENTION.output,
    plusOne(norm("post_attention_layernorm", "post_attention_norm")),
    plusOne(norm("pre_feedforward_layernorm", "ffn_norm")),
    plusOne(norm("post_feedforward_layernorm", "post_ffw_norm")),
    ...GATED_FEED_FORWARD,
  ],
  outputNorm: plusOne(OUTSIDE_LAYERS.outputNorm),
};
