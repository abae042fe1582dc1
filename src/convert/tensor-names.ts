import { ROPE_DIVISORS } from "../checkpoint/checkpoint.ts";
import type { LlamaConfig } from "../checkpoint/config.ts";
import type { Profile } from "../profiles/profile.ts";

/** One tensor that a Llama of a given shape must have. */
export interface ExpectedTensor {
  /** In the checkpoint, for example "transformer.layers.0.self_attn.q_proj.weight". */
  readonly source: string;
  /** In the GGUF, for example "blk.0.attn_q.weight". */
  readonly target: string;
  /** As in PyTorch: rows first. */
  readonly shape: readonly number[];
  /** The number of attention heads whose rows llama.cpp wants in another order; undefined for all other tensors. */
  readonly permutedHeads?: number;
}

/** Tensors that mean nothing: rotary frequencies, which old checkpoints store though they follow from rope_theta. */
export function isIgnored(name: string, { trunkPrefix: trunk, ignored }: Profile): boolean {
  const rotary = /^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/;
  return (name.startsWith(trunk) && rotary.test(name.slice(trunk.length))) || (ignored?.test(name) ?? false);
}

/** All tensors of the trunk in the order in which they are written, the reward head left out. */
export function expectedTensors(config: LlamaConfig, { trunkPrefix: trunk }: Profile): ExpectedTensor[] {
  const { hiddenSize, vocabSize, layers, headDim } = config;
  const tensors: ExpectedTensor[] = [
    { source: `${trunk}embed_tokens.weight`, target: "token_embd.weight", shape: [vocabSize, hiddenSize] },
  ];
  if (config.ropeScaling !== undefined)
    tensors.push({ source: ROPE_DIVISORS, target: ROPE_DIVISORS, shape: [headDim / 2] });
  for (let layer = 0; layer < layers; layer++) tensors.push(...layerTensors(config, trunk, layer));
  tensors.push({ source: `${trunk}norm.weight`, target: "output_norm.weight", shape: [hiddenSize] });
  return tensors;
}

function layerTensors(config: LlamaConfig, trunk: string, layer: number): ExpectedTensor[] {
  const { hiddenSize, feedForwardSize, heads, keyValueHeads, headDim } = config;
  const query = heads * headDim;
  const keyValue = keyValueHeads * headDim;
  const tensor = (source: string, target: string, shape: number[], permutedHeads?: number): ExpectedTensor => ({
    source: `${trunk}layers.${layer}.${source}.weight`,
    target: `blk.${layer}.${target}.weight`,
    shape,
    ...(permutedHeads === undefined ? {} : { permutedHeads }),
  });
  return [
    tensor("input_layernorm", "attn_norm", [hiddenSize]),
    tensor("self_attn.q_proj", "attn_q", [query, hiddenSize], heads),
    tensor("self_attn.k_proj", "attn_k", [keyValue, hiddenSize], keyValueHeads),
    tensor("self_attn.v_proj", "attn_v", [keyValue, hiddenSize]),
    tensor("self_attn.o_proj", "attn_output", [hiddenSize, query]),
    tensor("post_attention_layernorm", "ffn_norm", [hiddenSize]),
    tensor("mlp.gate_proj", "ffn_gate", [feedForwardSize, hiddenSize]),
    tensor("mlp.up_proj", "ffn_up", [feedForwardSize, hiddenSize]),
    tensor("mlp.down_proj", "ffn_down", [hiddenSize, feedForwardSize]),
  ];
}
