/**
 * The metadata keys that starling-rm adds to a GGUF. llama.cpp ignores keys that it does not know, and its tools copy
 * them, so that a quantised or split file stays a reward model.
 */

/** The newest layout of these keys that this version reads and writes. */
export const FORMAT_VERSION = 1;

export const STARLING_KEYS = {
  /** u32: the layout of these keys; a reader refuses a higher one. */
  formatVersion: "starling.format_version",
  /** string: "reward": one number, head · hidden state, no bias. */
  headType: "starling.head.type",
  /** f32[n_embd]: the weights of the reward head, never quantised. */
  headWeight: "starling.head.weight",
  /** string: the chat template that the model was trained with; "yi-chat" is that of the model card. */
  template: "starling.template",
  /** string: how text becomes ids: "slow", "fast-4.41" or "fast-4.42" (named after transformers). */
  tokenization: "starling.tokenization",
  /** u32: most ids of a sequence that count (model card: 2048). */
  maxTokens: "starling.max_tokens",
  /** string: which end a longer sequence loses; "left" keeps the last ids. */
  truncationSide: "starling.truncation_side",
  /** u32: the id whose first occurrence ends what counts. */
  padTokenId: "starling.pad_token_id",
  /** string: where the score is read; "before-first-pad": one before the first padding id, else at the last id. */
  scorePosition: "starling.score_position",
  /** string: the name of the checkpoint, for example "Nexusflow/Starling-RM-34B". */
  sourceName: "starling.source.name",
  /** string: its revision, for example a commit. */
  sourceRevision: "starling.source.revision",
  /**
   * string, 64 hexadecimal digits: SHA-256 over the lines "DIGEST  NAME\n", sorted by NAME, of config.json,
   * tokenizer.model, tokenizer_config.json and special_tokens_map.json (those present; DIGEST is the file's SHA-256)
   * and of every tensor that was converted (NAME is "tensor NAME DTYPE SHAPE", DIGEST is over its bytes in the
   * checkpoint). It does not depend on how the checkpoint was cut into shards.
   */
  sourceSha256: "starling.source.sha256",
  /** string: words that must be shown with the model, for example that it is a random test model. */
  notice: "starling.notice",
  /** u8[n_vocab]: SentencePiece's own piece types, which tokenizer.ggml.token_type changes for special tokens. */
  pieceTypes: "starling.tokenizer.piece_types",
  /** i32[]: ids that are cut out of text before SentencePiece sees it, ascending. */
  addedTokens: "starling.tokenizer.added_tokens",
  /** i32[]: those of them with the flag `normalized`; absent when there is none. */
  normalizedAddedTokens: "starling.tokenizer.normalized_added_tokens",
  /** bool: SentencePiece's normaliser flag. */
  addDummyPrefix: "starling.tokenizer.add_dummy_prefix",
  /** bool: `add_prefix_space` of the tokenizer configuration (true when it is absent); for the fast modes. */
  addPrefixSpace: "starling.tokenizer.add_prefix_space",
} as const;

/** The values that this version knows for keys that hold a name. */
export const HEAD_TYPE = "reward";
export const TEMPLATES: readonly string[] = ["yi-chat"];
export const TOKENIZATIONS = ["slow", "fast-4.41", "fast-4.42"] as const;
export const TRUNCATION_SIDE = "left";
export const SCORE_POSITION = "before-first-pad";
/** Most ids of a sequence that count (model card of Starling-RM-34B). */
export const CARD_MAX_TOKENS = 2048;
