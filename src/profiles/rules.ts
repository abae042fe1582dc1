/** The rules that profiles choose from, by the names that a GGUF keeps. */

/** How a conversation becomes text; src/prompt/templates.ts renders them. */
export const TEMPLATES = [
  "yi-chat",
  "llama-2-starling",
  "chat-template",
  "none",
  "ultra-rm",
  "eurus-rm",
  "beaver",
  "ziya",
] as const;
/** Which end a sequence loses that is too long. */
export const TRUNCATION_SIDES = ["left", "none"] as const;
/** Where the score is read; STARLING_KEYS.scorePosition describes them. */
export const SCORE_POSITIONS = [
  "before-first-pad",
  "last",
  "last-non-pad",
  "padding-end",
  "first-padding",
  "last-non-padding",
  "last-of-token",
] as const;
/** Those that need no padding. */
export const WITHOUT_PADDING: readonly ScorePosition[] = ["last", "last-of-token"];
/** Longest padded row whose end is scored: the native side changes attention masks of up to twice as many cells. */
export const MAX_PADDED_TOKENS = 8192;
/** Which items get the BOS and EOS that the tokenizer adds. */
export const WRAPPER_RULES = ["none", "texts", "all"] as const;

export type TemplateName = (typeof TEMPLATES)[number];
export type TruncationSide = (typeof TRUNCATION_SIDES)[number];
export type ScorePosition = (typeof SCORE_POSITIONS)[number];
export type WrapperRule = (typeof WRAPPER_RULES)[number];

/** Longest chat template, in bytes of UTF-8; the longest genuine ones have 17 KB. */
export const MAX_TEMPLATE_BYTES = 64 * 1024;
