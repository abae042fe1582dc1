/** The base of test/fixtures/adapters: a fixture as a causal language model, without a score and with an output layer. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RawTensor, safetensors } from "./unit/convert/make-checkpoint.ts";

export const adapters = join(import.meta.dirname, "fixtures", "adapters");
const fixture = join(import.meta.dirname, "fixtures", "checkpoints", "hf-seqcls-bpe");

/** The tensors of one safetensors file. */
export function readSafetensors(path: string): Map<string, RawTensor> {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = JSON.parse(
    bytes.subarray(8, 8 + length).toString(),
  );
  const data = bytes.subarray(8 + length);
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== "__metadata__")
      .map(([name, { dtype, shape, data_offsets }]) => [name, { dtype, shape, data: data.subarray(...data_offsets) }]),
  );
}

/** @returns `folder`, with the base in it */
export function makeCausalBase(folder: string): string {
  cpSync(fixture, folder, { recursive: true });
  const { id2label, label2id, ...config } = JSON.parse(readFileSync(join(fixture, "config.json"), "utf8"));
  config.architectures = ["LlamaForCausalLM"];
  rmSync(join(folder, "config.json"));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const tensors = readSafetensors(join(fixture, "model.safetensors"));
  tensors.delete("score.weight");
  const { vocab_size, hidden_size } = config;
  tensors.set("lm_head.weight", {
    dtype: "BF16",
    shape: [vocab_size, hidden_size],
    data: new Uint8Array(vocab_size * hidden_size * 2),
  });
  writeFileSync(join(folder, "model.safetensors"), safetensors(tensors));
  return folder;
}
