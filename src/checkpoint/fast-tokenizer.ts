/**
 * A tokenizer.json beside tokenizer.model. transformers' fast tokenizer reads the first where there is one; this project
 * reads the second, so the two must say the same.
 */
import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { refuse } from "./refuse.ts";
import type { JsonFile, TokenizerConfig } from "./tokenizer-config.ts";

/** Classes that put BOS and EOS where add_bos_token and add_eos_token say, whatever tokenizer.json has. */
const CLASSES: readonly unknown[] = [undefined, null, "LlamaTokenizer", "LlamaTokenizerFast"];

/** Whether the normaliser of a tokenizer.json that was made of a SentencePiece model is the one that Llama 2's has. */
export function prependsSpaces(tokenizer: JsonObject): boolean {
  const normalizer = own(tokenizer, "normalizer");
  const expected = {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "▁" },
      { type: "Replace", pattern: { String: " " }, content: "▁" },
    ],
  };
  return JSON.stringify(normalizer) === JSON.stringify(expected) && (own(tokenizer, "pre_tokenizer") ?? null) === null;
}

/** @throws FileError ERR_INVALID_CHECKPOINT for a tokenizer.json that says something else than the other files */
export function checkFastTokenizer({ path, value }: JsonFile, config: TokenizerConfig): void {
  if (!CLASSES.includes(config.className))
    throw refuse(path, `is read by the class ${describe(config.className)}; only LlamaTokenizer's way is reproduced.`, {
      field: "tokenizer_class",
    });
  if (!prependsSpaces(value))
    throw refuse(path, "puts spaces elsewhere than a tokenizer made of tokenizer.model, which is not reproduced.", {
      field: "normalizer",
    });
  const field = "added_tokens";
  const list = own(value, field) ?? [];
  const tokens = Array.isArray(list) ? list.filter(isJsonObject) : [];
  const flags = ["lstrip", "rstrip", "single_word", "normalized"];
  for (const token of tokens) {
    const [id, content] = [own(token, "id"), own(token, "content")];
    const known = config.addedTokens.some((added) => added.id === id && added.content === content);
    const raw = flags.every((flag) => own(token, flag) !== true);
    if (!known || !raw)
      throw refuse(path, `adds the token ${describe(content)} as id ${id} in another way than tokenizer_config.json.`, {
        field,
      });
  }
  const missing = config.addedTokens.find(({ id }) => !tokens.some((token) => own(token, "id") === id));
  if (missing !== undefined)
    throw refuse(path, `does not add the token ${quote(missing.content)}, which tokenizer_config.json declares.`, {
      field,
    });
}
