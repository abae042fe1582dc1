/** Other sizes of a model, with metadata and tensors that fit each other: mostly another model, which is as sound. */

import type { GgufValue } from "../../../src/gguf/value.ts";
import { StringTable } from "../../../src/vocabulary/string-table.ts";
import { pick } from "../../unit/fuzz/byte-mutations.ts";
import { numberAt, type Sample, u32, type WeightedMutation } from "./sample.ts";

const setNumber = ({ metadata }: Sample, key: string, value: number) => metadata.set(`llama.${key}`, u32(value));

export const sizeMutations: readonly WeightedMutation[] = [
  [
    3,
    function layers(sample, random) {
      const before = numberAt(sample, "block_count");
      const after = Math.min(600, Math.max(0, pick(random, [before + 1, before - 1, before * 3, 1, 0])));
      setNumber(sample, "block_count", after);
      const first = sample.tensors.filter(({ name }) => name.startsWith("blk.0."));
      const rest = sample.tensors.filter(({ name }) => !name.startsWith("blk."));
      const made = Array.from({ length: after }, (_, layer) =>
        first.map((tensor) => ({
          ...tensor,
          dims: [...tensor.dims],
          name: tensor.name.replace("blk.0.", `blk.${layer}.`),
        })),
      ).flat();
      sample.tensors.splice(0, Infinity, ...rest, ...made);
      return `${after} layers`;
    },
  ],
  [
    4,
    function heads(sample, random) {
      const width = numberAt(sample, "attention.head_count") * numberAt(sample, "attention.key_length");
      const count = pick(random, [1, 2, 3, 4, 8, 16, 32, width / 2, width]);
      const keyValue = pick(
        random,
        [1, 2, count, count / 2, 3].filter((heads) => heads >= 1),
      );
      const size = width / count;
      if (!Number.isInteger(count) || !Number.isInteger(size) || !Number.isInteger(keyValue)) return "nothing";
      setNumber(sample, "attention.head_count", count);
      setNumber(sample, "attention.head_count_kv", keyValue);
      for (const key of ["attention.key_length", "attention.value_length", "rope.dimension_count"])
        setNumber(sample, key, size);
      for (const tensor of sample.tensors) {
        if (/attn_[kv]\.weight$/.test(tensor.name)) tensor.dims[1] = keyValue * size;
        if (tensor.name === "rope_freqs.weight") tensor.dims[0] = Math.max(1, size / 2);
      }
      return `${count} heads of ${size}, ${keyValue} of keys and values`;
    },
  ],
  [
    3,
    function feedForward(sample, random) {
      const before = numberAt(sample, "feed_forward_length");
      const after = pick(random, [1, 2, 31, 32, 33, 256, before + 1, before + 32, before * 2]);
      setNumber(sample, "feed_forward_length", after);
      for (const { name, dims } of sample.tensors) {
        if (/ffn_(?:gate|up)\.weight$/.test(name)) dims[1] = after;
        if (/ffn_down\.weight$/.test(name)) dims[0] = after;
      }
      return `feed forward of ${after}`;
    },
  ],
  [
    3,
    function vocabulary(sample, random) {
      const { metadata, tensors } = sample;
      const before = numberAt(sample, "vocab_size");
      const after = Math.max(1, pick(random, [before + 1, before - 1, before + 7, before * 2, before - 40, 300]));
      const lists = [
        "tokenizer.ggml.tokens",
        "tokenizer.ggml.scores",
        "tokenizer.ggml.token_type",
        "starling.tokenizer.piece_types",
      ];
      // All of them, or all but some.
      if (random(6) !== 0) setNumber(sample, "vocab_size", after);
      for (const key of lists)
        if (metadata.has(key) && random(12) !== 0) metadata.set(key, stretched(metadata.get(key) as GgufValue, after));
      const embedding = tensors.find(({ name }) => name === "token_embd.weight");
      if (embedding !== undefined && random(6) !== 0) embedding.dims[1] = after;
      return `a vocabulary of ${after}`;
    },
  ],
];

function stretched(value: GgufValue, length: number): GgufValue {
  if (value.type !== "array") return value;
  if (value.of === "string") {
    const table = value.value;
    return {
      ...value,
      value: StringTable.from(Array.from({ length }, (_, i) => (i < table.length ? table.bytesAt(i) : `piece ${i}`))),
    };
  }
  const list = value.value as Float32Array;
  const longer = list.slice(0, length);
  if (longer.length === length) return { ...value, value: longer } as GgufValue;
  const made = new (list.constructor as Float32ArrayConstructor)(length).fill(1);
  made.set(longer);
  return { ...value, value: made } as GgufValue;
}
