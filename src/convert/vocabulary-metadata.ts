/** The GGUF's metadata about the tokenizer, of either kind. */

import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { own } from "../checkpoint/json.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { tokenizerClass } from "../checkpoint/tokenizer-classes.ts";
import { agreedTokenization, type SentencePieceVocabulary } from "../checkpoint/vocabulary.ts";
import { InvalidInputError } from "../errors.ts";
import { ids, type MetadataEntry, text } from "../gguf/entries.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { BYTE_BPE, SENTENCEPIECE_MODES, type TokenizationMode } from "../vocabulary/tokenization.ts";
import { appendedToken } from "./appended-token.ts";
import { bytePairMetadata } from "./byte-pair-metadata.ts";
import { tokenizerMetadata, wrapperOf } from "./tokenizer-metadata.ts";

const FIRST_OTHER_VERSION = 5;

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
export function tokenizationOf(checkpoint: Checkpoint, asked: TokenizationMode | undefined): TokenizationMode {
  const { vocabulary, profile } = checkpoint;
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
  if (asked === undefined) checkVersion(checkpoint, vocabulary);
  return agreedTokenization(vocabulary, profile.follows, asked);
}

/** transformers 5 reads a tokenizer.model without tokenizer.json in yet another way, and for Mistral without any ▁ in front. */
function checkVersion({ settings, folder, profile }: Checkpoint, { tokenizer, fast }: SentencePieceVocabulary): void {
  const field = "transformers_version";
  const version = own(settings, field);
  const isNewer = typeof version === "string" && Number.parseInt(version, 10) >= FIRST_OTHER_VERSION;
  const isStable = tokenizerClass(tokenizer.className)?.prefixes === false;
  if (!isNewer || isStable || fast !== undefined || profile.follows === "tokenizer.model") return;
  throw refuse(
    folder.pathOf("config.json"),
    `was written by transformers ${version}, which puts spaces elsewhere than earlier versions if there is only a tokenizer.model. If the ` +
      "model was trained with an earlier one, ask for its ids with the option tokenization (--tokenization fast-4.41).",
    { field },
  );
}
