/** How text becomes token ids. */

/** The modes of a SentencePiece vocabulary, named after transformers' ways of reading tokenizer.model. */
export const SENTENCEPIECE_MODES = ["slow", "fast-4.41", "fast-4.42"] as const;
/** The only mode of a byte-level BPE. */
export const BYTE_BPE = "byte-bpe";
export const TOKENIZATION_MODES: readonly TokenizationMode[] = [...SENTENCEPIECE_MODES, BYTE_BPE];

export type SentencePieceMode = (typeof SENTENCEPIECE_MODES)[number];
/** How text becomes token ids; the README explains the first three ("Three tokenisations of one text"). */
export type TokenizationMode = "slow" | "fast-4.41" | "fast-4.42" | "byte-bpe";

/** How a byte-level BPE splits text into words, by llama.cpp's names (tokenizer.ggml.pre). */
export const WORD_SPLITS = ["llama-bpe", "qwen2", "gpt-2"] as const;
export type WordSplit = (typeof WORD_SPLITS)[number];
/** The normalisation that a byte-level BPE may begin with, by the name in the GGUF. */
export const NFC = "nfc";

/** The order of merges with equal scores in the fast modes that is not by ids, by the name in the GGUF. */
export const LONGEST_FIRST = "longest-first";

/** Most ids that a tokenizer may put around a text; one BOS and one EOS are usual. */
export const MAX_WRAPPER_IDS = 8;
