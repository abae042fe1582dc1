import {
  ATTENTION_OUTPUT,
  EMBEDDINGS,
  GATED_FEED_FORWARD,
  KEY,
  norm,
  ONE_DIRECTION,
  OUTPUT_NORM,
  QUERY,
  ROTARY_BUFFERS,
  VALUE,
} from "./parts.ts";
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
  embeddings: EMBEDDINGS,
  layer: [
    norm("input_layernorm", "attn_norm"),
    { ...QUERY, permutedHeads: (of) => of.heads },
    { ...KEY, permutedHeads: (of) => of.keyValueHeads },
    VALUE,
    ATTENTION_OUTPUT,
    norm("post_attention_layernorm", "ffn_norm"),
    ...GATED_FEED_FORWARD,
  ],
  outputNorm: OUTPUT_NORM,
  ignored: ROTARY_BUFFERS,
};
