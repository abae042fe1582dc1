/** The GGUF's metadata about the tokenizer, of either kind. */

import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { agreedTokenization } from "../checkpoint/vocabulary.ts";
import { InvalidInputError } from "../errors.ts";
import { ids, type MetadataEntry, text } from "../gguf/entries.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { BYTE_BPE, SENTENCEPIECE_MODES, type TokenizationMode } from "../vocabulary/tokenization.ts";
import { appendedToken } from "./appended-token.ts";
import { bytePairMetadata } from "./byte-pair-metadata.ts";
import { tokenizerMetadata, wrapperOf } from "./tokenizer-metadata.ts";

/** @param padId the padding id, if any */
export function vocabularyMetadata(checkpoint: Checkpoint, padId: number | undefined): MetadataEntry[] {
  const { vocabulary, profile } = checkpoint;
  const [entries, wrapper] =
    vocabulary.kind === "sentencepiece"
      ? [tokenizerMetadata(checkpoint, vocabulary, padId), wrapperOf(checkpoint, vocabulary)]
      : [bytePairMetadata(checkpoint, vocabulary.model, padId), vocabulary.model];
  const { before } = wrapper;
  const after = afterTexts(checkpoint, wrapper.after);
  if (profile.wrapper === "none" || before.length + after.length === 0) return entries;
  entries.push([STARLING_KEYS.wrapper, text(profile.wrapper)]);
  if (before.length > 0) entries.push([STARLING_KEYS.before, ids(before)]);
  if (after.length > 0) entries.push([STARLING_KEYS.after, ids(after)]);
  return entries;
}

/** What follows a text: the profile's token, which an EOS of the tokenizer's own may be already. */
function afterTexts(checkpoint: Checkpoint, after: readonly number[]): readonly number[] {
  const appended = appendedToken(checkpoint);
  if (appended === undefined || (checkpoint.profile.appended === "eos_token" && after[0] === appended)) return after;
  return [appended, ...after];
}

/**
 * The tokenisation for the file; checks that all tokenizer files agree on it.
 *
 * @param asked the caller's choice; undefined for the vocabulary's default
 * @throws InvalidInputError for a mode that the vocabulary does not have, FileError ERR_INVALID_CHECKPOINT for a
 * tokenizer.json that gives other ids than tokenizer.model
 */
export function tokenizationOf(
  { vocabulary, profile }: Checkpoint,
  asked: TokenizationMode | undefined,
): TokenizationMode {
  const [own, ...others]: readonly TokenizationMode[] =
    vocabulary.kind === "byte-pair"
      ? [BYTE_BPE]
      : ["fast-4.41", ...(vocabulary.tokenizer.legacy ? SENTENCEPIECE_MODES : [])];
  if (asked !== undefined && asked !== own && !others.includes(asked))
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The tokenization ${asked} is not one of this checkpoint's tokenizer; ${own} is.`,
      { field: "tokenization" },
    );
  if (vocabulary.kind === "byte-pair" || asked === BYTE_BPE) return BYTE_BPE;
  return agreedTokenization(vocabulary, profile.follows, asked);
}
