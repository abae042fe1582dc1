/** The classes of transformers that read tokenizer.model, and what each does by itself. */
import type { SentencePieceMode } from "../vocabulary/tokenization.ts";
import type { MergeOrder } from "./sentencepiece-merges.ts";

export interface TokenizerClass {
  /** `tokenizer_class`, with and without "Fast". */
  readonly names: readonly unknown[];
  /** Tokens that it has though no file names them. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Whether `legacy` and `add_prefix_space` mean something to it; otherwise no U+2581 is ever put in front of text. */
  readonly prefixes: boolean;
  /** The mode of the first version of transformers that has models with it. */
  readonly mode: SentencePieceMode;
  /** Later orders of merges with equal scores that are reproduced; the last one also where there is no tokenizer.json. */
  readonly orders: readonly MergeOrder[];
  /** Whether its converter spells the byte piece of the tab as a tab. */
  readonly spellsTab: boolean;
}

/** Also where no class is named. */
const LLAMA: TokenizerClass = {
  names: [undefined, null, "LlamaTokenizer", "LlamaTokenizerFast"],
  tokens: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" },
  prefixes: true,
  mode: "fast-4.41",
  orders: [],
  spellsTab: false,
};

/** Gemma 2 came with 4.42. */
const GEMMA: TokenizerClass = {
  names: ["GemmaTokenizer", "GemmaTokenizerFast"],
  tokens: { bos_token: "<bos>", eos_token: "<eos>", unk_token: "<unk>", pad_token: "<pad>" },
  prefixes: false,
  mode: "fast-4.42",
  orders: ["4.44"],
  spellsTab: true,
};

/** @param name `tokenizer_class`; undefined for none that is known */
export function tokenizerClass(name: unknown): TokenizerClass | undefined {
  return [LLAMA, GEMMA].find(({ names }) => names.includes(name));
}

/** The known ones, for messages. */
export const SENTENCEPIECE_CLASSES = [LLAMA, GEMMA].flatMap(({ names }) =>
  names.filter((name) => typeof name === "string" && !name.endsWith("Fast")),
);
