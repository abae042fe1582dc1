/** A checkpoint of any shape with random weights, made of a fixture's tokenizer; larger ones are not in the repository. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RawTensor, safetensors } from "./unit/convert/make-checkpoint.ts";

export interface MadeShape {
  readonly hidden: number;
  readonly feedForward: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
}

const fixture = join(import.meta.dirname, "fixtures", "checkpoints", "gqa7-bf16");
const VOCABULARY = 512;

/** @returns the names and shapes of all tensors, as transformers orders them */
function tensorShapes({ hidden, feedForward, layers, heads, keyValueHeads }: MadeShape): [string, number[]][] {
  const keyValue = (hidden / heads) * keyValueHeads;
  const shapes: [string, number[]][] = [["transformer.embed_tokens.weight", [VOCABULARY, hidden]]];
  for (let layer = 0; layer < layers; layer++) {
    const add = (name: string, ...shape: number[]) =>
      shapes.push([`transformer.layers.${layer}.${name}.weight`, shape]);
    add("self_attn.q_proj", hidden, hidden);
    add("self_attn.k_proj", keyValue, hidden);
    add("self_attn.v_proj", keyValue, hidden);
    add("self_attn.o_proj", hidden, hidden);
    add("mlp.gate_proj", feedForward, hidden);
    add("mlp.up_proj", feedForward, hidden);
    add("mlp.down_proj", hidden, feedForward);
    add("input_layernorm", hidden);
    add("post_attention_layernorm", hidden);
  }
  shapes.push(["transformer.norm.weight", [hidden]], ["v_head.weight", [1, hidden]]);
  return shapes;
}

/** Writes one safetensors file of bfloat16 values between -2 and 2 beside the fixture's tokenizer. */
export function makeCheckpoint(folder: string, shape: MadeShape): string {
  cpSync(fixture, folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  Object.assign(config, {
    hidden_size: shape.hidden,
    intermediate_size: shape.feedForward,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads,
  });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  let state = 1;
  const tensors = tensorShapes(shape).map(([name, dims]): [string, RawTensor] => {
    const data = new Uint16Array(dims.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      // Sign and fraction at random; exponents that make values between 1/16 and 2.
      data[i] = ((state >>> 16) & 0x807f) | ((123 + ((state >>> 8) % 5)) << 7);
    }
    return [name, { dtype: "BF16", shape: dims, data: new Uint8Array(data.buffer) }];
  });
  writeFileSync(join(folder, "model.safetensors"), safetensors(new Map(tensors)));
  return folder;
}
