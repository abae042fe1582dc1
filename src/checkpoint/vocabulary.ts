/** The tokenizer of a checkpoint: tokenizer.model with its configuration, or a byte-level BPE tokenizer.json. */

import type { SentencePieceMode } from "../vocabulary/tokenization.ts";
import { type BytePairModel, isOnlyBytePair, MAX_TOKENIZER_JSON_BYTES, parseBytePair } from "./byte-pair.ts";
import { compareTokenizers } from "./compare-tokenizers.ts";
import type { CheckpointConfig } from "./config.ts";
import { type FastTokenizer, parseFastTokenizer } from "./fast-tokenizer.ts";
import type { CheckpointFolder } from "./folder.ts";
import { isJsonObject, MAX_TOKENIZER_JSON_VALUES, own, readJsonFile, readSmallFile } from "./json.ts";
import { rebuiltPieces } from "./rebuilt-pieces.ts";
import { hasAs, refuse } from "./refuse.ts";
import { MAX_TOKENIZER_MODEL_BYTES, parseSentencePiece, type SentencePieceModel } from "./sentencepiece.ts";
import type { MergeOrder } from "./sentencepiece-merges.ts";
import { SENTENCEPIECE_CLASSES, tokenizerClass } from "./tokenizer-classes.ts";
import {
  classOf,
  type JsonFile,
  MAX_TOKENIZER_CONFIG_BYTES,
  parseTokenizerConfig,
  type TokenizerConfig,
  type TokenizerFiles,
} from "./tokenizer-config.ts";

/** Bytes of a file that was read in full, for the checksum of the source. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface SentencePieceVocabulary {
  readonly kind: "sentencepiece";
  readonly pieces: SentencePieceModel;
  readonly tokenizer: TokenizerConfig;
  /** tokenizer.json, where it is there too. */
  readonly fast?: FastTokenizer;
  /** The pieces were made of tokenizer.json: there is no tokenizer.model. */
  readonly isRebuilt?: true;
}

export interface BytePairVocabulary {
  readonly kind: "byte-pair";
  readonly model: BytePairModel;
}

export type CheckpointVocabulary = SentencePieceVocabulary | BytePairVocabulary;

/**
 * @param sources files that are read are added here
 * @throws FileError ERR_INVALID_CHECKPOINT for a tokenizer that is not reproduced
 */
export async function readVocabulary(
  folder: CheckpointFolder,
  config: CheckpointConfig,
  sources: SourceFile[],
): Promise<CheckpointVocabulary> {
  const files = await readTokenizerFiles(folder, sources);
  const { fast } = files;
  const hasPieces = await folder.has("tokenizer.model");
  if (fast !== undefined && !hasPieces && isConverted(fast, files.config)) return rebuild(fast, config, files);
  if (fast !== undefined && (isOnlyBytePair(fast, files.config) || !hasPieces))
    return { kind: "byte-pair", model: parseBytePair(fast, files, config.vocabularySize) };
  return readSentencePiece(folder, config, files, sources);
}

/** Whether tokenizer.json is what transformers made of a SentencePiece model, in a class whose ids are reproduced. */
function isConverted({ value }: JsonFile, config: JsonFile | undefined): boolean {
  const model = own(value, "model");
  const name = config && own(config.value, "tokenizer_class");
  const isNamed = typeof name === "string" && tokenizerClass(name) !== undefined;
  return isNamed && isJsonObject(model) && own(model, "type") === "BPE" && own(model, "byte_fallback") === true;
}

function rebuild(file: JsonFile, { vocabularySize }: CheckpointConfig, files: TokenizerFiles): SentencePieceVocabulary {
  const fast = parseFastTokenizer(file);
  const pieces = rebuiltPieces(fast, classOf(files.config)?.spellsTab === true);
  checkPieceCount(pieces, file.path, vocabularySize);
  const tokenizer = parseTokenizerConfig(pieces, files, vocabularySize);
  return { kind: "sentencepiece", pieces, tokenizer, fast, isRebuilt: true };
}

function checkPieceCount({ pieces }: SentencePieceModel, path: string, vocabularySize: number): void {
  if (pieces.length > vocabularySize)
    throw refuse(path, `has ${pieces.length} pieces, more than the vocab_size ${vocabularySize} of config.json.`, {
      field: "vocab_size",
    });
}

async function readSentencePiece(
  folder: CheckpointFolder,
  config: CheckpointConfig,
  files: TokenizerFiles,
  sources: SourceFile[],
): Promise<SentencePieceVocabulary> {
  const modelPath = folder.pathOf("tokenizer.model");
  const bytes = await readSmallFile(folder, "tokenizer.model", MAX_TOKENIZER_MODEL_BYTES);
  sources.push({ name: "tokenizer.model", bytes });
  const pieces = parseSentencePiece(bytes, modelPath);
  checkPieceCount(pieces, modelPath, config.vocabularySize);
  const { fast } = files;
  const tokenizer = parseTokenizerConfig(pieces, files, config.vocabularySize);
  return {
    kind: "sentencepiece",
    pieces,
    tokenizer,
    ...(fast === undefined ? {} : { fast: parseFastTokenizer(fast) }),
  };
}

/**
 * Checks of tokenizer.json that do not depend on the mode. With `legacy` false there must be one that transformers
 * follows: without it, versions from 4.41 on put spaces elsewhere; with it, `legacy` changes nothing.
 */
export function checkTokenizerFiles(
  folder: CheckpointFolder,
  { tokenizer, fast, isRebuilt }: SentencePieceVocabulary,
  follows: TokenizerFile,
): void {
  if (isRebuilt && fast !== undefined && follows === "tokenizer.model") throw refuseWithoutPieces(fast);
  const isFollowed = follows === "tokenizer.json" && fast !== undefined;
  if (isFollowed && tokenizerClass(tokenizer.className) === undefined)
    throw refuse(
      fast.path,
      `${hasAs(tokenizer.className, "tokenizer_class")}; only ${SENTENCEPIECE_CLASSES.join(" and ")} are supported.`,
      { field: "tokenizer_class" },
    );
  if (tokenizer.legacy || (isFollowed && !tokenizer.says.prefixSpace)) return;
  const because = isFollowed ? ", and add_prefix_space makes transformers ignore tokenizer.json" : "";
  throw refuse(
    folder.pathOf("tokenizer_config.json"),
    `sets legacy to false, which changes where spaces are put${because}; only legacy true is reproduced.`,
    { field: "legacy" },
  );
}

function refuseWithoutPieces({ path }: FastTokenizer, reason = ""): Error {
  return refuse(
    path,
    `contains a SentencePiece vocabulary, and tokenizer.model, which is missing beside it, cannot be made again of it${reason}. Take ` +
      "tokenizer.model from the original repository, or name the place that has it with --tokenizer.",
    { field: "model" },
  );
}

/** The file that a profile's reference reads if both exist. */
export type TokenizerFile = "tokenizer.model" | "tokenizer.json";

/**
 * The mode in which tokenizer.model is read, after checking that tokenizer.json agrees.
 *
 * @param asked what the caller wants; undefined for that of the tokenizer's class, or, where tokenizer.json is followed, the mode that it has
 * @throws FileError ERR_INVALID_CHECKPOINT naming the first difference
 */
export function agreedTokenization(
  { pieces, tokenizer, fast, isRebuilt }: SentencePieceVocabulary,
  follows: TokenizerFile,
  asked: SentencePieceMode | undefined,
): SentencePieceMode {
  const wanted = asked ?? tokenizerClass(tokenizer.className)?.mode ?? "fast-4.41";
  if (fast === undefined) return wanted;
  const compare = (mode: SentencePieceMode) =>
    compareTokenizers({ pieces, tokenizer, fast }, mode, follows === "tokenizer.model");
  const isOpen = asked === undefined && follows === "tokenizer.json";
  const modes = [wanted, ...FAST_MODES.filter((mode) => mode !== wanted && tokenizer.legacy)];
  const fitting = modes.find((mode) => compare(mode).count === 0);
  if (fitting === wanted || (fitting !== undefined && isOpen)) return fitting;
  // The modes differ in the tokens that they split out of text, so the mode with the fewest such differences is the nearest.
  const distance = (mode: SentencePieceMode) => (compare(mode).field === "added_tokens" ? compare(mode).count : 0);
  const [nearest = wanted] = isOpen ? modes.sort((a, b) => distance(a) - distance(b)) : [];
  const found = compare(nearest);
  if (isRebuilt && fitting === undefined) throw refuseWithoutPieces(fast, `: ${found}`);
  const without = follows === "tokenizer.model" ? ", or leave tokenizer.json out: tokenizer.model is followed" : "";
  const advice =
    fitting === undefined
      ? `Use tokenizer files from one place${without}.`
      : `It is a tokenizer of the kind ${fitting}: ask for that with the option tokenization (--tokenization ${fitting}).`;
  throw refuse(fast.path, `disagrees with tokenizer.model, read as ${nearest}: ${found}. ${advice}`, {
    field: found.field,
  });
}

/**
 * The order of merges with equal scores, where it is not that of ids: tokenizer.json's own, or, without one, that of newer
 * versions of transformers.
 */
export function mergeOrderOf({ pieces, tokenizer, fast }: SentencePieceVocabulary): MergeOrder | undefined {
  const orders = tokenizerClass(tokenizer.className)?.orders ?? [];
  if (orders.length === 0 || fast === undefined) return orders.at(-1);
  return FAST_MODES.map((mode) => compareTokenizers({ pieces, tokenizer, fast }, mode)).find(({ count }) => count === 0)
    ?.mergeOrder;
}

const FAST_MODES: readonly SentencePieceMode[] = ["fast-4.41", "fast-4.42"];

async function readTokenizerFiles(folder: CheckpointFolder, sources: SourceFile[]): Promise<TokenizerFiles> {
  return {
    config: await readOptional(folder, "tokenizer_config.json", sources),
    map: await readOptional(folder, "special_tokens_map.json", sources),
    added: await readOptional(folder, "added_tokens.json", sources),
    fast: await readOptional(folder, "tokenizer.json", sources),
  };
}

async function readOptional(
  folder: CheckpointFolder,
  name: string,
  sources: SourceFile[],
): Promise<JsonFile | undefined> {
  if (!(await folder.has(name))) return undefined;
  const limits: [number, number?] =
    name === "tokenizer.json" ? [MAX_TOKENIZER_JSON_BYTES, MAX_TOKENIZER_JSON_VALUES] : [MAX_TOKENIZER_CONFIG_BYTES];
  const { value, bytes } = await readJsonFile(folder, name, ...limits);
  sources.push({ name, bytes });
  return { path: folder.pathOf(name), value };
}
