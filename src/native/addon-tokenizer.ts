/** The addon's contract (addon.ts): vocabularies, and text to token ids. */
import type { TokenizationMode, WordSplit } from "../vocabulary/tokenization.ts";

/** A vocabulary as the GGUF stores it: parallel arrays of n_vocab entries, without a JS string per piece. */
export type Vocabulary = SentencePieceVocabulary | BytePairVocabulary;

interface VocabularyParts {
  /** All pieces, UTF-8, concatenated; those of a byte-level BPE in its byte alphabet. */
  readonly bytes: Uint8Array;
  /** Where piece i starts in `bytes`; n_vocab + 1 entries, ascending, the last one is bytes.length. */
  readonly offsets: Uint32Array;
  /** Each piece's type: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. */
  readonly types: Uint8Array;
  /** Ids that are split out of a text before anything else, as transformers does with added tokens. */
  readonly addedTokens: Int32Array;
  /** Those of them with the flag `normalized` in the checkpoint's tokenizer configuration. */
  readonly normalizedAddedTokens: Int32Array;
  /** Ids to put before and after a text, where `wrapped` asks for it. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** The padding id; -1 for none. */
  readonly padTokenId: number;
}

export interface SentencePieceVocabulary extends VocabularyParts {
  readonly kind: "sentencepiece";
  readonly scores: Float32Array;
  /** SentencePiece's normaliser flag: a space is put before the text (only in mode "slow"). */
  readonly addDummyPrefix: boolean;
  /** The checkpoint's `add_prefix_space` (default true): U+2581 before each stretch of text (only in the "fast-…" modes). */
  readonly addPrefixSpace: boolean;
  /** Of merges with equal scores, those with the longest left part go first, then the longest right part (fast modes). */
  readonly longestFirst: boolean;
}

/** Its only mode is "byte-bpe". */
export interface BytePairVocabulary extends VocabularyParts {
  readonly kind: "byte-pair";
  /** All merges, "LEFT RIGHT", best first, concatenated; and where each starts (one entry more than merges). */
  readonly merges: Uint8Array;
  readonly mergeOffsets: Uint32Array;
  /** How text is split into words, by llama.cpp's name for it. */
  readonly split: WordSplit;
  /** A word that is a token is taken whole. */
  readonly ignoreMerges: boolean;
  /** Text between added tokens is normalised first (NFC); then no added token may be a normalized one. */
  readonly composes: boolean;
}

/** The modes that the addon implements: all of them. */
export type NativeTokenizationMode = TokenizationMode;

export interface EncodeOptions {
  /** One of the vocabulary's modes. */
  readonly mode: NativeTokenizationMode;
  /** Keeps the LAST maxTokens ids, counting `before` and `after`; 1 to 2^32 - 1. */
  readonly maxTokens: number;
  /** For each text, 1 to put the vocabulary's `before` and `after` around it; absent: around none. */
  readonly wrapped?: Uint8Array;
  /**
   * For each text, the same parts without the last content (a conversation without its response), or an empty list. It
   * shows where that content begins: see {@link EncodedText.promptTokens}.
   */
  readonly prompts?: readonly (readonly string[])[];
}

export interface NativeTokenizer {
  readonly vocabularySize: number;
  /**
   * Each text is a list of parts. Parts with an even index are template text, in which added tokens are recognised; parts
   * with an odd index are content, in which they are plain text. The parts are joined before anything is merged: a piece
   * may span two parts. Runs on another thread.
   */
  encode(texts: readonly (readonly string[])[], options: EncodeOptions): Promise<EncodedText[]>;
}

export interface EncodedText {
  /** The ids that remain after truncation. */
  readonly ids: Int32Array;
  /** Ids before truncation. */
  readonly totalTokens: number;
  /** Index of the first padding id in `ids`, or -1. */
  readonly firstPad: number;
  /** Index of the last id that is not padding, or -1. */
  readonly lastNonPad: number;
  /** How many leading ids, at most all but the last one, the text shares with its prompt; 0 without a prompt. */
  readonly promptTokens: number;
}
