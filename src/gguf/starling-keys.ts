/**
 * The metadata keys that starling-rm adds to a GGUF. llama.cpp ignores keys that it does not know, and its tools copy
 * them: a quantised or split file stays a reward model.
 */

/**
 * The newest format of these keys that this version reads. Format 2 adds `headBias`; format 3 hidden layers, `headDirection` and
 * score positions that are rules of one version of transformers.
 */
export const FORMAT_VERSION = 3;

export const STARLING_KEYS = {
  /**
   * u32: the format of these keys; a reader refuses a higher one than it knows. A writer gives the lowest one whose readers
   * understand the file: 3 or 2 for what these formats add, else 1.
   */
  formatVersion: "starling.format_version",
  /**
   * string: "reward": one number, weight · hidden state + bias. "reward-2-layers": the same of a hidden layer's values, which
   * are activation(weight · hidden state + bias). Format 3.
   */
  headType: "starling.head.type",
  /** f32[n_embd], or one for each row of the hidden layer: the weights of the reward head, never quantised. */
  headWeight: "starling.head.weight",
  /** f32: the bias of the reward head; absent when it has none. Format 2 only. */
  headBias: "starling.head.bias",
  /** f32[rows × n_embd]: the hidden layer of a head of two layers, row after row. */
  headHiddenWeight: "starling.head.hidden.weight",
  /** f32[rows]: its bias; absent when it has none. */
  headHiddenBias: "starling.head.hidden.bias",
  /** string: what is done to its values: "relu". */
  headHiddenActivation: "starling.head.hidden.activation",
  /** string: "lower" for costs, of which lower scores are better; absent: higher. Format 3 only. */
  headDirection: "starling.head.direction",
  /** f64: the mean that the checkpoint gives for normalising its rewards; absent if it gives none. */
  headMean: "starling.head.normalization.mean",
  /** f64: the standard deviation beside it. */
  headDeviation: "starling.head.normalization.std",
  /**
   * bool: whether weight and bias above are of normalised rewards, (reward - mean) / std; false: of raw ones, and mean and
   * std are only for people.
   */
  headNormalized: "starling.head.normalization.applied",
  /** string: the kind of reward model, see src/profiles; absent in older files, which are all of its first profile. */
  profile: "starling.profile",
  /**
   * string: how a prompt and a response become text; "chat-template" is the Jinja template in tokenizer.chat_template, "none" means that only text can be scored.
   */
  template: "starling.template",
  /**
   * string: the file of the checkpoint that tokenizer.chat_template came from, for example "chat_template.jinja", followed by
   * " (default)" if it was one of a list; absent in older files and without a template.
   */
  templateFrom: "starling.chat_template.from",
  /** string[]: names of the checkpoint's templates if none is the default one; then none is used. */
  templateNames: "starling.chat_template.names",
  /** string: how text becomes ids: "slow", "fast-4.41" or "fast-4.42" (named after transformers), or "byte-bpe". */
  tokenization: "starling.tokenization",
  /** u32: most ids of a sequence that count (model card: 2048). */
  maxTokens: "starling.max_tokens",
  /**
   * u32: tokens that some layers of the checkpoint attend to, where llama.cpp's graph has no such window: then this is also
   * max_tokens, because a longer text would get another score than the reference's. Absent otherwise.
   */
  window: "starling.window",
  /** string: which end a longer sequence loses; "left" keeps the last ids, "none" refuses the sequence. */
  truncationSide: "starling.truncation_side",
  /** u32: the padding id; absent with the score positions "last" and "last-of-token". */
  padTokenId: "starling.pad_token_id",
  /**
   * string: where the score is read. "before-first-pad": one before the first padding id, else at the last id. "last": at
   * the last id. "last-non-pad": at the last id that is not padding; padding inside a sequence is an error, because
   * versions of transformers read at different places then. "padding-end": at the last place of a row that is padded
   * with padding ids to max_tokens; the padding sees only the text, not itself. "first-padding": one before the first padding
   * id; at the last id if there is none, or it is the first one (transformers up to 4.48). "last-non-padding": at the last id
   * that is not padding, whatever is before it (transformers from 4.49 on). "last-of-token": at the last occurrence of
   * `scoreToken`, and a sequence without it is an error. The last three are known to readers of format 3 only.
   */
  scorePosition: "starling.score_position",
  /** u32: the id of the score position "last-of-token". */
  scoreToken: "starling.score_token_id",
  /** string: the name of the checkpoint, for example "Nexusflow/Starling-RM-34B". */
  sourceName: "starling.source.name",
  /** string: its revision, for example a commit. */
  sourceRevision: "starling.source.revision",
  /**
   * string, 64 hexadecimal digits: SHA-256 over the lines "DIGEST  NAME\n", sorted by NAME, of config.json,
   * tokenizer.model, tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json, adapter_config.json and the file of the chat
   * template (those read; DIGEST is the file's SHA-256)
   * and of every tensor that was converted (NAME is "tensor NAME DTYPE SHAPE", DIGEST is over its bytes in the
   * checkpoint). It does not depend on how the checkpoint was cut into shards.
   */
  sourceSha256: "starling.source.sha256",
  /**
   * string, 64 hexadecimal digits: the fingerprint of the trunk, which is the model without its head. SHA-256 over what
   * `trunkDigest` in src/convert/digests.ts says: every tensor's bytes in the checkpoint, and the settings that change what
   * they compute. All weight types of one checkpoint have the same, however it is sharded and whatever its head; a
   * checkpoint saved in another float type has a different one. A head file stores the fingerprint of its model's trunk.
   */
  trunkSha256: "starling.trunk.sha256",
  /** string: general.name of the model whose features the head was fitted to; absent where the head is the checkpoint's. */
  fitModel: "starling.fit.model",
  /** string, 64 hexadecimal digits: SHA-256 of that model's file. */
  fitModelSha256: "starling.fit.model_sha256",
  /** string, 64 hexadecimal digits: the fingerprint of that model's trunk; absent where the model has none. */
  fitTrunkSha256: "starling.fit.trunk_sha256",
  /** string: the name of the preference file that the head was fitted to. */
  fitInput: "starling.fit.input",
  /** u32: rows of it that the head was fitted to, without those held out. */
  fitCases: "starling.fit.cases",
  /** f64: λ of the term λ/2 · |w - w_old|² of the fit. */
  fitRidge: "starling.fit.ridge",
  /** string, YYYY-MM-DD: the date that the chat template wrote in the fit, where it asks for one. */
  fitTemplateDate: "starling.fit.template_date",
  /**
   * f64, above 0, and f64: the first of two responses is the better one with probability sigmoid((difference of the scores - offset) /
   * temperature). Both or neither. Scores do not depend on them, so they need no later format.
   */
  fitTemperature: "starling.fit.temperature",
  fitOffset: "starling.fit.offset",
  /** string, 64 hexadecimal digits: the same in all parts of a split file, and in no other set. */
  splitSet: "starling.split.set",
  /** string: a notice that must be shown with the model, for example that it is a random test model. */
  notice: "starling.notice",
  /** u8[n_vocab]: SentencePiece's own piece types, which tokenizer.ggml.token_type changes for special tokens. */
  pieceTypes: "starling.tokenizer.piece_types",
  /** i32[]: ids that are cut out of text before SentencePiece sees it, ascending. */
  addedTokens: "starling.tokenizer.added_tokens",
  /** i32[]: the added tokens with the flag `normalized`; absent if there are none. */
  normalizedAddedTokens: "starling.tokenizer.normalized_added_tokens",
  /** i32[]: ids that the tokenizer puts before a text (BOS); absent if there are none. */
  before: "starling.tokenizer.before",
  /** i32[]: ids that it puts after a text (EOS); absent if there are none. */
  after: "starling.tokenizer.after",
  /** string: which items get those: "none" (the default), "texts" (only {text}), "all". */
  wrapper: "starling.tokenizer.frame",
  /** bool: `legacy` of the tokenizer configuration (true when absent); false does not affect the mode "fast-4.41". */
  legacy: "starling.tokenizer.legacy",
  /**
   * string: "longest-first": of merges with equal scores, those with the longest left part go first, then the longest right
   * part, as transformers from 4.44 on converts Gemma's tokenizer.model; absent: those of the lowest ids.
   */
  mergeOrder: "starling.tokenizer.merge_order",
  /** string: "nfc": text between added tokens gets that form of Unicode first (byte-bpe); absent: it stays as it is. */
  normalizer: "starling.tokenizer.normalizer",
  /** bool: a word that is a token is taken whole, before any merge (byte-bpe). */
  ignoreMerges: "starling.tokenizer.ignore_merges",
  /** bool: SentencePiece's normaliser flag. */
  addDummyPrefix: "starling.tokenizer.add_dummy_prefix",
  /** bool: `add_prefix_space` of the tokenizer configuration (true when it is absent); for the fast modes. */
  addPrefixSpace: "starling.tokenizer.add_prefix_space",
} as const;

/** The values of starling.head.type, without and with a hidden layer. */
export const HEAD_TYPES = { linear: "reward", hidden: "reward-2-layers" } as const;
/** general.type of a file that holds a reward head without its model. */
export const HEAD_FILE = "reward-head";
