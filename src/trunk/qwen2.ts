import { ATTENTION, biasOf, GATED_FEED_FORWARD, norm, ONE_DIRECTION, OUTSIDE_LAYERS } from "./parts.ts";
import type { Trunk } from "./trunk.ts";

/**
 * Qwen 2 and 2.5: queries, keys and values with biases, rotary embedding as in the checkpoint. Source: modeling_qwen2.py and
 * configuration_qwen2.py of transformers 4.38.2 to 5.23.0, and llama.cpp's converter and graph (models/qwen2.cpp).
 */
export const qwen2: Trunk = {
  modelType: "qwen2",
  architecture: "qwen2",
  onlyValues: { hidden_act: "silu", use_mrope: false, ...ONE_DIRECTION },
  absent: { num_key_value_heads: 32 },
  plainHeads: true,
  window: { config: "sliding_window", absent: 4096, enabledBy: "use_sliding_window", masked: "limit" },
  ...OUTSIDE_LAYERS,
  layer: [
    norm("input_layernorm", "attn_norm"),
    ...[ATTENTION.query, ATTENTION.key, ATTENTION.value].flatMap((projection) => [projection, biasOf(projection)]),
    ATTENTION.output,
    norm("post_attention_layernorm", "ffn_norm"),
    ...GATED_FEED_FORWARD,
  ],
};
