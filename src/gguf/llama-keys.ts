/** Keys that this project ignores but llama.cpp reads from every model, each as one fixed type. */
import type { Fields } from "./fields.ts";

const IDS = [
  ...["bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "mask", "prefix", "suffix", "middle"],
  ...["fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep"],
];
const FLAGS = [
  ...["add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "remove_extra_whitespaces"],
  ...["normalizer.lowercase", "normalizer.strip_accents"],
];

/** The required types; test/native/llama-source.test.ts compares it with what llama.cpp reads. */
export const KEY_TYPES: ReadonlyMap<string, string> = new Map([
  ["split.count", "u16"],
  ["tokenizer.ggml.pre", "string"],
  ["tokenizer.ggml.token_type_count", "u32"],
  ["tokenizer.ggml.suppress_tokens", "array of i32"],
  ["tokenizer.chat_template", "string"],
  ...IDS.map((name) => [`tokenizer.ggml.${name}_token_id`, "u32"] as const),
  ...FLAGS.map((name) => [`tokenizer.ggml.${name}`, "bool"] as const),
]);

/** @throws FileError naming the first key of another type */
export function checkKeyTypes(fields: Fields): void {
  for (const [key, type] of KEY_TYPES) if (fields.has(key)) fields.assertType(key, type);
}
