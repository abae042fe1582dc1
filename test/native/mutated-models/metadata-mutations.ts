/** Changes of metadata that leave the tensors as they are. */
import type { GgufValue } from "../../../src/gguf/value.ts";
import { pick } from "../../unit/fuzz/byte-mutations.ts";
import { LLAMA_KEYS } from "./llama-keys.ts";
import { u32, type WeightedMutation } from "./sample.ts";
import { anyNumber, anyValue, arrayOf, changedValue } from "./value-mutations.ts";

export const metadataMutations: readonly WeightedMutation[] = [
  [
    6,
    function value({ metadata }, random) {
      const key = pick(random, [...metadata.keys()]);
      metadata.set(key, changedValue(metadata.get(key) as GgufValue, random));
      return `the value of ${key}`;
    },
  ],
  [
    6,
    function hyperparameter({ metadata }, random) {
      const key = pick(
        random,
        [...metadata.keys()].filter((name) => name.startsWith("llama.")),
      );
      metadata.set(key, changedValue(metadata.get(key) as GgufValue, random));
      return `the value of ${key}`;
    },
  ],
  [
    2,
    function withoutKey({ metadata }, random) {
      const key = pick(random, [...metadata.keys()]);
      metadata.delete(key);
      return `no ${key}`;
    },
  ],
  [
    2,
    function swapped({ metadata }, random) {
      const keys = [...metadata.keys()];
      const [one, other] = [pick(random, keys), pick(random, keys)];
      const kept = metadata.get(one) as GgufValue;
      metadata.set(one, metadata.get(other) as GgufValue).set(other, kept);
      return `${one} and ${other} swapped`;
    },
  ],
  [
    8,
    function addedKey({ metadata }, random) {
      const key = pick(random, LLAMA_KEYS);
      metadata.set(key, anyValue(random));
      return `${key} = ${metadata.get(key)?.type}`;
    },
  ],
  [
    3,
    function plausibleKey({ metadata }, random) {
      const key = pick(random, LLAMA_KEYS);
      const value = pick(random, [
        u32(anyNumber(random)),
        { type: "bool", value: true },
        { type: "f32", value: 2 },
      ] as GgufValue[]);
      metadata.set(key, value);
      return `${key} = ${value.value}`;
    },
  ],
  [
    3,
    function specialIds({ metadata }, random) {
      const key = pick(random, ["bos", "eos", "unknown", "padding", "eot", "mask", "seperator", "fim_pre"]);
      metadata.set(`tokenizer.ggml.${key}_token_id`, u32(anyNumber(random)));
      return `the id of ${key}`;
    },
  ],
  [
    3,
    function pieceTypes({ metadata }, random) {
      const key = pick(random, ["tokenizer.ggml.token_type", "starling.tokenizer.piece_types"]);
      const list = metadata.get(key);
      if (list?.type !== "array" || (list.of !== "u8" && list.of !== "i32") || list.value.length === 0)
        return "nothing";
      const types = Array.from(list.value as Int32Array);
      for (let n = pick(random, [1, 1, 4, types.length]); n > 0; n--) types[random(types.length)] = random(8);
      const value = list.of === "u8" ? Uint8Array.from(types) : Int32Array.from(types);
      metadata.set(key, { ...list, value } as GgufValue);
      return key;
    },
  ],
  [
    1,
    function manyKeys({ metadata }, random) {
      const count = pick(random, [100, 2000, 4000]);
      for (let i = 0; i < count; i++) metadata.set(`x.${i}`, u32(i));
      return `${count} keys more`;
    },
  ],
  [
    1,
    function bigArray({ metadata }, random) {
      metadata.set(
        pick(random, ["x.array", "tokenizer.ggml.suppress_tokens", "tokenizer.ggml.merges"]),
        arrayOf(pick(random, ["u8", "i32", "string"]), 200_000, random),
      );
      return "a big array";
    },
  ],
];
