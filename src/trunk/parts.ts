/** Tensors that trunks of Llama's kind have in common, by their names in transformers and llama.cpp. */
import { keyValueWidth, queryWidth } from "./shape.ts";
import { TOKEN_EMBEDDINGS } from "./tensor-names.ts";
import type { Trunk, TrunkTensor } from "./trunk.ts";

/** A norm over the hidden state. */
export function norm(source: string, target: string): TrunkTensor {
  return { source: `${source}.weight`, target: `${target}.weight`, shape: (of) => [of.embeddingLength] };
}

/** What is before and after the layers. */
export const OUTSIDE_LAYERS = {
  embeddings: {
    source: "embed_tokens.weight",
    target: TOKEN_EMBEDDINGS,
    shape: (of) => [of.vocabularySize, of.embeddingLength],
  },
  outputNorm: norm("norm", "output_norm"),
  // Rotary frequencies, which old checkpoints store though they follow from rope_theta.
  ignored: /^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/,
} as const satisfies Pick<Trunk, "embeddings" | "outputNorm" | "ignored">;

/** The projections of the attention, with heads in the order of the checkpoint. */
export const ATTENTION = {
  query: {
    source: "self_attn.q_proj.weight",
    target: "attn_q.weight",
    shape: (of) => [queryWidth(of), of.embeddingLength],
  },
  key: {
    source: "self_attn.k_proj.weight",
    target: "attn_k.weight",
    shape: (of) => [keyValueWidth(of), of.embeddingLength],
  },
  value: {
    source: "self_attn.v_proj.weight",
    target: "attn_v.weight",
    shape: (of) => [keyValueWidth(of), of.embeddingLength],
  },
  output: {
    source: "self_attn.o_proj.weight",
    target: "attn_output.weight",
    shape: (of) => [of.embeddingLength, queryWidth(of)],
  },
} as const satisfies Record<string, TrunkTensor>;

/** The bias of a projection: one value for each of its rows. */
export function biasOf({ source, target, shape }: TrunkTensor): TrunkTensor {
  return {
    source: source.replace(/weight$/, "bias"),
    target: target.replace(/weight$/, "bias"),
    shape: (of) => shape(of).slice(0, 1),
  };
}

/** A feed-forward part with a gate. */
export const GATED_FEED_FORWARD: readonly TrunkTensor[] = [
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
];

/** transformers from version 5 on: attention in both directions, mostly for embedding models. */
export const ONE_DIRECTION = { is_causal: true, use_bidirectional_attention: false } as const;
