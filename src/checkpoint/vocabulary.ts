/** The tokenizer of a checkpoint: tokenizer.model with its configuration, or a byte-level BPE tokenizer.json. */
import { type BytePairModel, MAX_TOKENIZER_JSON_BYTES, parseBytePair } from "./byte-pair.ts";
import type { LlamaConfig } from "./config.ts";
import { checkFastTokenizer } from "./fast-tokenizer.ts";
import type { CheckpointFolder } from "./folder.ts";
import { readJsonFile, readSmallFile } from "./json.ts";
import { refuse } from "./refuse.ts";
import { MAX_TOKENIZER_MODEL_BYTES, parseSentencePiece, type SentencePieceModel } from "./sentencepiece.ts";
import {
  type JsonFile,
  MAX_TOKENIZER_CONFIG_BYTES,
  parseTokenizerConfig,
  type TokenizerConfig,
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
}

export interface BytePairVocabulary {
  readonly kind: "byte-pair";
  readonly model: BytePairModel;
}

export type CheckpointVocabulary = SentencePieceVocabulary | BytePairVocabulary;

/**
 * @param sources what is read is added here
 * @throws FileError ERR_INVALID_CHECKPOINT for a tokenizer that is not reproduced
 */
export async function readVocabulary(
  folder: CheckpointFolder,
  config: LlamaConfig,
  sources: SourceFile[],
): Promise<CheckpointVocabulary> {
  if ((await folder.has("tokenizer.model")) || !(await folder.has("tokenizer.json")))
    return readSentencePiece(folder, config, sources);
  const { value, bytes } = await readJsonFile(folder, "tokenizer.json", MAX_TOKENIZER_JSON_BYTES);
  sources.push({ name: "tokenizer.json", bytes });
  const file = { path: folder.pathOf("tokenizer.json"), value };
  const tokenizerConfig = await readOptional(folder, "tokenizer_config.json", sources);
  const map = await readOptional(folder, "special_tokens_map.json", sources);
  return { kind: "byte-pair", model: parseBytePair(file, tokenizerConfig, map, config.vocabSize) };
}

async function readSentencePiece(
  folder: CheckpointFolder,
  config: LlamaConfig,
  sources: SourceFile[],
): Promise<SentencePieceVocabulary> {
  const modelPath = folder.pathOf("tokenizer.model");
  const bytes = await readSmallFile(folder, "tokenizer.model", MAX_TOKENIZER_MODEL_BYTES);
  sources.push({ name: "tokenizer.model", bytes });
  const pieces = parseSentencePiece(bytes, modelPath);
  if (pieces.pieces.length > config.vocabSize)
    throw refuse(
      modelPath,
      `has ${pieces.pieces.length} pieces, more than the vocab_size ${config.vocabSize} of config.json.`,
      { field: "vocab_size" },
    );
  const tokenizerConfig = await readOptional(folder, "tokenizer_config.json", sources);
  const map = await readOptional(folder, "special_tokens_map.json", sources);
  const tokenizer = parseTokenizerConfig(pieces, tokenizerConfig, map, config.vocabSize);
  return { kind: "sentencepiece", pieces, tokenizer };
}

/**
 * Looks into a tokenizer.json beside tokenizer.model, for models whose reference prefers it. With `legacy` false there must
 * be one: without it, transformers from 4.41 on puts spaces elsewhere; with it, `legacy` changes nothing.
 */
export async function checkTokenizerJson(
  folder: CheckpointFolder,
  { tokenizer }: SentencePieceVocabulary,
  sources: SourceFile[],
  preferred: boolean,
): Promise<void> {
  if (preferred && (await folder.has("tokenizer.json"))) {
    const { value, bytes } = await readJsonFile(folder, "tokenizer.json", MAX_TOKENIZER_JSON_BYTES);
    sources.push({ name: "tokenizer.json", bytes });
    checkFastTokenizer({ path: folder.pathOf("tokenizer.json"), value }, tokenizer);
  } else if (!tokenizer.legacy)
    throw refuse(
      folder.pathOf("tokenizer_config.json"),
      "sets legacy to false, which changes where spaces are put; only legacy true is reproduced.",
      { field: "legacy" },
    );
}

async function readOptional(
  folder: CheckpointFolder,
  name: string,
  sources: SourceFile[],
): Promise<JsonFile | undefined> {
  if (!(await folder.has(name))) return undefined;
  const { value, bytes } = await readJsonFile(folder, name, MAX_TOKENIZER_CONFIG_BYTES);
  sources.push({ name, bytes });
  return { path: folder.pathOf(name), value };
}
