import { ATTENTION, GATED_FEED_FORWARD, norm, ONE_DIRECTION, OUTSIDE_LAYERS } from "./parts.ts";
import type { Trunk, TrunkTensor } from "./trunk.ts";

/** A norm over each head's queries or keys. */
const headNorm = (of: "q" | "k"): TrunkTensor => ({
  source: `self_attn.${of}_norm.weight`,
  target: `attn_${of}_norm.weight`,
  shape: ({ headDim }) => [headDim],
});

/**
 * Qwen 3: norms of queries and keys in place of biases, and heads of any size. Source: modeling_qwen3.py and
 * configuration_qwen3.py of transformers 5.23.0, and llama.cpp's converter and graph (models/qwen3.cpp).
 */
export const qwen3: Trunk = {
  modelType: "qwen3",
  architecture: "qwen3",
  onlyValues: { hidden_act: "silu", attention_bias: false, ...ONE_DIRECTION },
  absent: { num_key_value_heads: 32, head_dim: 128 },
  window: { config: "sliding_window", absent: 4096, enabledBy: "use_sliding_window", masked: "limit" },
  ...OUTSIDE_LAYERS,
  layer: [
    norm("input_layernorm", "attn_norm"),
    ...[ATTENTION.query, headNorm("q"), ATTENTION.key, headNorm("k"), ATTENTION.value, ATTENTION.output],
    norm("post_attention_layernorm", "ffn_norm"),
    ...GATED_FEED_FORWARD,
  ],
};
