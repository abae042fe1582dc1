import { ATTENTION, GATED_FEED_FORWARD, norm, ONE_DIRECTION, OUTSIDE_LAYERS } from "./parts.ts";
import type { Trunk } from "./trunk.ts";

/** Source: modeling_llama.py and configuration_llama.py of transformers 4.38.2 to 5.23.0, and llama.cpp's converter. */
export const llama: Trunk = {
  modelType: "llama",
  architecture: "llama",
  onlyValues: {
    hidden_act: "silu",
    attention_bias: false,
    mlp_bias: false,
    pretraining_tp: 1,
    partial_rotary_factor: 1,
    ...ONE_DIRECTION,
  },
  dividesRope: true,
  ...OUTSIDE_LAYERS,
  layer: [
    norm("input_layernorm", "attn_norm"),
    { ...ATTENTION.query, permutedHeads: (of) => of.heads },
    { ...ATTENTION.key, permutedHeads: (of) => of.keyValueHeads },
    ATTENTION.value,
    ATTENTION.output,
    norm("post_attention_layernorm", "ffn_norm"),
    ...GATED_FEED_FORWARD,
  ],
};
