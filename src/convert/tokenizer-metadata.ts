import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { tokenizerClass } from "../checkpoint/tokenizer-classes.ts";
import { type AddedToken, isControl } from "../checkpoint/tokenizer-config.ts";
import { mergeOrderOf, type SentencePieceVocabulary } from "../checkpoint/vocabulary.ts";
import { quote } from "../files/byte-source.ts";
import { bool, ids, type MetadataEntry, optional, present, text, u32 } from "../gguf/entries.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { PIECE_TYPE } from "../vocabulary/piece-types.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import { LONGEST_FIRST } from "../vocabulary/tokenization.ts";
import { chatTemplateEntries } from "./chat-template-metadata.ts";

/** What llama.cpp's converter gives the pieces that fill up a vocabulary. */
const PADDING_SCORE = -10_000;

/**
 * Metadata of a SentencePiece vocabulary: for llama.cpp (tokenizer.ggml.*), and what it has no key for (starling.tokenizer.*).
 *
 * @param padId the padding id
 */
export function tokenizerMetadata(
  checkpoint: Checkpoint,
  vocabulary: SentencePieceVocabulary,
  padId: number | undefined,
): MetadataEntry[] {
  const { tokenizer } = vocabulary;
  checkTemplateTokens(checkpoint, vocabulary);
  const { tokens, scores, types } = paddedPieces(checkpoint, vocabulary);
  const idsOf = (tokens: readonly { id: number }[]) => ids(tokens.map(({ id }) => id));
  const addedTokens = tokenizer.addedTokens.filter((token) => !isUserDefined(token, vocabulary));
  const normalized = addedTokens.filter((token) => token.normalized);
  return present([
    ["tokenizer.ggml.model", text("llama")],
    ["tokenizer.ggml.pre", text("default")],
    ["tokenizer.ggml.tokens", { type: "array", of: "string", value: tokens }],
    ["tokenizer.ggml.scores", { type: "array", of: "f32", value: scores }],
    ["tokenizer.ggml.token_type", { type: "array", of: "i32", value: llamaTypes(vocabulary, types, padId) }],
    ["tokenizer.ggml.bos_token_id", optional(tokenizer.beginId, u32)],
    ["tokenizer.ggml.eos_token_id", optional(tokenizer.endId, u32)],
    ["tokenizer.ggml.unknown_token_id", optional(tokenizer.unknownId, u32)],
    ["tokenizer.ggml.padding_token_id", optional(padId, u32)],
    // starling-rm adds prefixes and special tokens itself; llama.cpp must not add any.
    ["tokenizer.ggml.add_bos_token", bool(false)],
    ["tokenizer.ggml.add_eos_token", bool(false)],
    ["tokenizer.ggml.add_space_prefix", bool(false)],
    ...chatTemplateEntries(checkpoint),
    [STARLING_KEYS.pieceTypes, { type: "array", of: "u8", value: types }],
    [STARLING_KEYS.addedTokens, idsOf(addedTokens)],
    [STARLING_KEYS.normalizedAddedTokens, normalized.length === 0 ? undefined : idsOf(normalized)],
    [STARLING_KEYS.addDummyPrefix, bool(vocabulary.pieces.addDummyPrefix)],
    [STARLING_KEYS.addPrefixSpace, bool(tokenizer.addPrefixSpace)],
    [STARLING_KEYS.mergeOrder, mergeOrderOf(vocabulary) === undefined ? undefined : text(LONGEST_FIRST)],
    [STARLING_KEYS.legacy, tokenizer.legacy ? undefined : bool(false)],
  ]);
}

/**
 * Gemma's files declare line ends, runs of spaces and the like, which are pieces that text itself has: they are not special, are
 * cut out of contents too, and runs of spaces are also merged. Its first version cuts out all user-defined pieces, declared or not.
 */
function isUserDefined(token: AddedToken, { pieces, tokenizer }: SentencePieceVocabulary): boolean {
  const isOrdinary = tokenizerClass(tokenizer.className)?.mode === "fast-4.42" && !token.special && !token.normalized;
  return isOrdinary && pieces.types[token.id] === PIECE_TYPE.userDefined;
}

function checkTemplateTokens({ folder, profile }: Checkpoint, { tokenizer }: SentencePieceVocabulary): void {
  const { templateTokens, tokenizerOf } = profile;
  const missing = templateTokens.find((token) => tokenizer.addedTokens.every(({ content }) => content !== token));
  if (missing !== undefined)
    throw refuse(
      folder.pathOf("tokenizer_config.json"),
      `does not declare the token ${quote(missing)} in added_tokens_decoder, which the chat template needs, nor does added_tokens.json; take the tokenizer files of ${tokenizerOf}.`,
      { field: "added_tokens_decoder" },
    );
}

/** The ids that LlamaTokenizer puts around a text. */
export function wrapperOf(
  checkpoint: Checkpoint,
  { tokenizer }: SentencePieceVocabulary,
): Record<"before" | "after", number[]> {
  const id = (added: boolean, field: string, token: number | undefined): number[] => {
    if (!added) return [];
    if (token !== undefined) return [token];
    throw refuse(
      checkpoint.folder.pathOf("tokenizer_config.json"),
      `names no ${field}, which the tokenizer adds to every text.`,
      { field },
    );
  };
  return {
    before: id(tokenizer.addBegin, "bos_token", tokenizer.beginId),
    after: id(tokenizer.addEnd, "eos_token", tokenizer.endId),
  };
}

/** Embeddings may have more rows than there are pieces; llama.cpp's converter names the rest [PADn], and so do we. */
function paddedPieces(
  checkpoint: Checkpoint,
  { pieces: model, tokenizer }: SentencePieceVocabulary,
): { tokens: StringTable; scores: Float32Array; types: Uint8Array } {
  const { pieces, scores, types } = model;
  const { vocabularySize: vocabSize } = checkpoint.config;
  const missing = vocabSize - pieces.length;
  if (missing === 0) return { tokens: pieces, scores, types };
  const names = Array.from({ length: missing }, (_, i) => tokenizer.further[i] ?? `[PAD${pieces.length + i}]`);
  const seen = new Set<string>();
  const taken = names.find((name) => model.idOf(name) !== undefined || seen.size === seen.add(name).size);
  if (taken !== undefined)
    throw refuse(
      checkpoint.folder.pathOf("tokenizer.model"),
      `has a piece ${quote(taken)}, the name of an unused row.`,
    );
  const all = Array.from({ length: pieces.length }, (_, i) => pieces.bytesAt(i));
  return {
    tokens: StringTable.from([...all, ...names]),
    scores: Float32Array.from({ length: vocabSize }, (_, i) => scores[i] ?? PADDING_SCORE),
    // Added tokens after the pieces are not pieces: they are only cut out of text.
    types: Uint8Array.from({ length: vocabSize }, (_, i) => types[i] ?? PIECE_TYPE.unused),
  };
}

/**
 * llama.cpp finds a user-defined piece inside plain text, whatever parse_special says; a control piece
 * it does not. So special tokens become control pieces. `<unk>` stays unknown, which llama.cpp treats as control.
 */
function llamaTypes({ tokenizer }: SentencePieceVocabulary, types: Uint8Array, padId: number | undefined): Int32Array {
  const result = Int32Array.from(types);
  const config = padId === undefined ? tokenizer : { ...tokenizer, padId };
  for (const token of tokenizer.addedTokens)
    if (isControl(token, config, types[token.id] as number)) result[token.id] = PIECE_TYPE.control;
  return result;
}
