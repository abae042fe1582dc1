/** Names of a checkpoint's tensors that training tools changed. */
import { quote } from "../files/byte-source.ts";
import type { CheckpointTensor } from "./checkpoint-tensor.ts";
import { refuse } from "./refuse.ts";

/** What wrappers put before every name: DistributedDataParallel, PEFT and torch.compile. */
const PREFIXES = ["module.", "base_model.model.", "base_model.", "_orig_mod."];

/**
 * The tensors without such prefixes.
 *
 * @returns also what to tell about it, if any name changed
 * @throws FileError ERR_INVALID_CHECKPOINT where two tensors would have one name
 */
export function withoutPrefixes(tensors: ReadonlyMap<string, CheckpointTensor>): {
  readonly tensors: Map<string, CheckpointTensor>;
  readonly notice?: string;
} {
  const plain = new Map<string, CheckpointTensor>();
  const dropped = new Set<string>();
  for (const tensor of tensors.values()) {
    const name = plainName(tensor.name);
    const other = plain.get(name);
    if (other !== undefined)
      throw refuse(tensor.file, `contains the tensor ${quote(name)} under two names, which differ in their prefixes.`, {
        tensor: tensor.name,
      });
    if (name !== tensor.name) dropped.add(tensor.name.slice(0, -name.length));
    plain.set(name, name === tensor.name ? tensor : { ...tensor, name });
  }
  if (dropped.size === 0) return { tensors: plain };
  const all = [...dropped].map(quote).join(", ");
  return {
    tensors: plain,
    notice: `the names of tensors begin with ${all}, which a training tool put there: left out`,
  };
}

function plainName(name: string): string {
  const prefix = PREFIXES.find((each) => name.startsWith(each) && name.length > each.length);
  return prefix === undefined ? name : plainName(name.slice(prefix.length));
}

/** In a trunk of any family, or a language model's output layer. */
const NOT_OF_A_HEAD = [
  /(^|\.)layers\.\d+\./,
  /(^|\.)embed_tokens\.weight$/,
  /(^|\.)norm\.weight$/,
  /(^|\.)rotary_emb\.inv_freq$/,
  /(^|\.)lm_head\.weight$/,
  /^rope_freqs\.weight$/,
];

/** What may be a head, or part of one. */
export function headTensorsOf(tensors: ReadonlyMap<string, CheckpointTensor>): CheckpointTensor[] {
  return [...tensors.values()].filter(({ name }) => !NOT_OF_A_HEAD.some((pattern) => pattern.test(name)));
}
