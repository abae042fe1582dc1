import { keyValueWidth, queryWidth } from "./shape.ts";
import { TOKEN_EMBEDDINGS } from "./tensor-names.ts";
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
    // transformers from version 5 on: attention in both directions, mostly for embedding models.
    is_causal: true,
    use_bidirectional_attention: false,
  },
  embeddings: {
    source: "embed_tokens.weight",
    target: TOKEN_EMBEDDINGS,
    shape: (of) => [of.vocabularySize, of.embeddingLength],
  },
  layer: [
    { source: "input_layernorm.weight", target: "attn_norm.weight", shape: (of) => [of.embeddingLength] },
    {
      source: "self_attn.q_proj.weight",
      target: "attn_q.weight",
      shape: (of) => [queryWidth(of), of.embeddingLength],
      permutedHeads: (of) => of.heads,
    },
    {
      source: "self_attn.k_proj.weight",
      target: "attn_k.weight",
      shape: (of) => [keyValueWidth(of), of.embeddingLength],
      permutedHeads: (of) => of.keyValueHeads,
    },
    {
      source: "self_attn.v_proj.weight",
      target: "attn_v.weight",
      shape: (of) => [keyValueWidth(of), of.embeddingLength],
    },
    {
      source: "self_attn.o_proj.weight",
      target: "attn_output.weight",
      shape: (of) => [of.embeddingLength, queryWidth(of)],
    },
    { source: "post_attention_layernorm.weight", target: "ffn_norm.weight", shape: (of) => [of.embeddingLength] },
    {
      source: "mlp.gate_proj.weight",
      target: "ffn_gate.weight",
      shape: (of) => [of.feedForwardLength, of.embeddingLength],
    },
    {
      source: "mlp.up_proj.weight",
      target: "ffn_up.weight",
      shape: (of) => [of.feedForwardLength, of.embeddingLength],
    },
    {
      source: "mlp.down_proj.weight",
      target: "ffn_down.weight",
      shape: (of) => [of.embeddingLength, of.feedForwardLength],
    },
  ],
  outputNorm: { source: "norm.weight", target: "output_norm.weight", shape: (of) => [of.embeddingLength] },
  // Rotary frequencies, which old checkpoints store though they follow from rope_theta.
  ignored: /^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/,
};
