import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import type { WordSplit } from "../vocabulary/tokenization.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { refuse } from "./refuse.ts";
import type { JsonFile } from "./tokenizer-config.ts";

/** Llama 3's regular expression, from its tokenizer.json. */
const LLAMA_3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/** Qwen 2's, 2.5's and 3's: the same with one digit at a time. */
const QWEN_2 = LLAMA_3.replace("{1,3}", "");
/** The one that tokenizers' ByteLevel has built in (GPT-2). */
const GPT_2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const field = "pre_tokenizer";

/**
 * How text is split into words, by tokenizer.json's pre_tokenizer.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT for a way that is not reproduced
 */
export function readSplit({ path, value }: JsonFile): WordSplit {
  const pre = own(value, field);
  const steps = isJsonObject(pre) && own(pre, "type") === "Sequence" ? own(pre, "pretokenizers") : [pre];
  const list = Array.isArray(steps) ? steps.filter(isJsonObject) : [];
  const last = list.at(-1);
  const bare = last !== undefined && own(last, "type") === "ByteLevel" && own(last, "add_prefix_space") !== true;
  if (bare && list.length === 1 && own(last, "use_regex") !== false) return "gpt-2";
  if (bare && list.length === 2 && own(last, "use_regex") === false) {
    const known = nameOf(list[0] as JsonObject);
    if (known !== undefined) return known;
  }
  throw refuse(
    path,
    `has an unsupported pre_tokenizer: ${splitText(pre)}. Only those of Llama 3, Qwen 2 and GPT-2 are supported.`,
    { field },
  );
}

/** The steps by type, with the settings that matter. */
function splitText(pre: unknown): string {
  if (!isJsonObject(pre)) return `pre_tokenizer is ${describe(pre)}`;
  const steps = own(pre, "pretokenizers");
  const list = Array.isArray(steps) ? steps : [pre];
  const shown = list.slice(0, MAX_SHOWN_STEPS).map(stepText).join(", ");
  return `pre_tokenizer is ${shown}${list.length > MAX_SHOWN_STEPS ? ", …" : ""}`;
}

const MAX_SHOWN_STEPS = 4;

function stepText(step: unknown): string {
  if (!isJsonObject(step)) return describe(step);
  const type = own(step, "type");
  const name = typeof type === "string" ? quote(type) : "one without a type";
  const pattern = own(step, "pattern");
  const regex = isJsonObject(pattern) ? (own(pattern, "Regex") ?? own(pattern, "String")) : pattern;
  const more = [
    ...(typeof regex === "string" ? [`with the pattern ${quote(regex)}`] : []),
    ...["use_regex", "add_prefix_space"].flatMap((option) => {
      const value = own(step, option);
      return typeof value === "boolean" ? [`${option} ${value}`] : [];
    }),
  ];
  return more.length === 0 ? name : `${name} (${more.join(", ")})`;
}

function nameOf(split: JsonObject): WordSplit | undefined {
  const pattern = own(split, "pattern");
  const isolated = own(split, "type") === "Split" && own(split, "behavior") === "Isolated";
  if (!isolated || own(split, "invert") === true || !isJsonObject(pattern)) return undefined;
  const regex = own(pattern, "Regex");
  if (regex === LLAMA_3) return "llama-bpe";
  if (regex === QWEN_2) return "qwen2";
  return regex === GPT_2 ? "gpt-2" : undefined;
}
