import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { type MetadataEntry, optional, present, text, u32 } from "../gguf/entries.ts";
import { formatVersionOf, headEntries, type Normalization, normalizationEntries } from "../gguf/head-metadata.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { trunkEntries } from "../gguf/trunk-metadata.ts";
import type { GgufValue } from "../gguf/value.ts";
import { given } from "../options.ts";
import type { TemplateName } from "../profiles/rules.ts";
import type { RewardHead } from "../reward-head.ts";
import type { TokenizationMode } from "../vocabulary/tokenization.ts";
import type { SourceOptions } from "./options.ts";
import { type FoundPosition, type ScorePositionChoice, scorePositionOf } from "./score-position.ts";
import { tokenizationOf, vocabularyMetadata } from "./vocabulary-metadata.ts";

/** llama.cpp's GGML_QNT_VERSION; its converter writes it into every file. */
const QUANTIZATION_VERSION = 2;
/** A placeholder in the header until the tensors have been read. */
const EMPTY_DIGEST = "0".repeat(64);

export interface MetadataParts {
  readonly head: RewardHead;
  readonly normalization: Normalization | undefined;
  /** Undefined: the profile's. */
  readonly scorePosition?: ScorePositionChoice;
  /** llama_ftype */
  readonly fileType: number;
  /** Undefined: the vocabulary's own. */
  readonly tokenization: TokenizationMode | undefined;
  readonly source: SourceOptions;
}

/** All metadata of the GGUF, in the order in which it is written. */
export function buildMetadata(checkpoint: Checkpoint, parts: MetadataParts): Map<string, GgufValue> {
  const position = scorePositionOf(checkpoint, paddingId(checkpoint), parts.scorePosition);
  const vocabulary = vocabularyMetadata(checkpoint, position.padId);
  checkWrapper(checkpoint);
  return new Map<string, GgufValue>([
    ...generalMetadata(checkpoint),
    ...trunkEntries(checkpoint.config.trunk, checkpoint.config),
    ...vocabulary,
    ...starlingMetadata(checkpoint, parts, position),
    // Last, and in this order, as after llama.cpp's quantiser, which removes both and appends them.
    ["general.quantization_version", u32(QUANTIZATION_VERSION)],
    ["general.file_type", u32(parts.fileType)],
  ]);
}

/** The padding id, by the profile's rule; undefined for none. */
function paddingId({ folder, vocabulary, profile, config }: Checkpoint): number | undefined {
  const { id } = profile.padding;
  if (id === "none") return undefined;
  if (id === "config") return config.padTokenId;
  if (id === "unknown-token") return vocabulary.kind === "sentencepiece" ? vocabulary.tokenizer.unknownId : 0;
  // With another pad_token, the reference would read the score at a padding position.
  const padId = vocabulary.kind === "sentencepiece" ? vocabulary.tokenizer.padId : vocabulary.model.padId;
  if (padId !== undefined && padId !== id)
    throw refuse(
      folder.pathOf("tokenizer_config.json"),
      `names the token ${padId} as pad_token; the model card's code looks for id ${id}.`,
      { field: "pad_token" },
    );
  return id;
}

/** A profile that wraps nothing is trained and scored without BOS and EOS. */
function checkWrapper({ folder, vocabulary, profile }: Checkpoint): void {
  if (profile.wrapper !== "none" || vocabulary.kind !== "sentencepiece") return;
  const { addBegin, addEnd } = vocabulary.tokenizer;
  const flags = [
    ["add_bos_token", addBegin, "BOS"],
    ["add_eos_token", addEnd, "EOS"],
  ] as const;
  for (const [field, added, token] of flags)
    if (added)
      throw refuse(
        folder.pathOf("tokenizer_config.json"),
        `does not set ${field} to false; ${profile.name} is scored without ${token}.`,
        { field },
      );
}

function generalMetadata(checkpoint: Checkpoint): MetadataEntry[] {
  const { name, license, trunk } = checkpoint.config;
  return present([
    ["general.architecture", text(trunk.architecture)],
    ["general.type", text("model")],
    ["general.name", text(name ?? checkpoint.folder.name)],
    ["general.license", optional(license, text)],
  ]);
}

function starlingMetadata(checkpoint: Checkpoint, parts: MetadataParts, where: FoundPosition): MetadataEntry[] {
  const { profile } = checkpoint;
  const { notice } = checkpoint.config;
  const { name, revision } = parts.source;
  return present([
    [STARLING_KEYS.formatVersion, u32(formatVersionOf(parts.head))],
    [STARLING_KEYS.profile, text(profile.name)],
    ...headEntries(parts.head),
    ...normalizationEntries(parts.normalization),
    [STARLING_KEYS.template, text(templateOf(checkpoint))],
    [STARLING_KEYS.tokenization, text(tokenizationOf(checkpoint, parts.tokenization))],
    [STARLING_KEYS.maxTokens, u32(maxTokensOf(checkpoint))],
    [STARLING_KEYS.window, optional(windowLimit(checkpoint), u32)],
    [STARLING_KEYS.truncationSide, text(profile.truncation)],
    [STARLING_KEYS.padTokenId, optional(where.padId, u32)],
    [STARLING_KEYS.scorePosition, text(where.position)],
    [STARLING_KEYS.scoreToken, optional(where.tokenId, u32)],
    [STARLING_KEYS.sourceName, optional(name, text)],
    [STARLING_KEYS.sourceRevision, optional(revision, text)],
    [STARLING_KEYS.sourceSha256, text(EMPTY_DIGEST)],
    [STARLING_KEYS.trunkSha256, text(EMPTY_DIGEST)],
    [STARLING_KEYS.notice, optional(notice, text)],
  ]);
}

/** How a file made of this checkpoint will be scored, as far as names tell. */
export function describeScoring(checkpoint: Checkpoint) {
  const { profile } = checkpoint;
  const { position, padId: padTokenId } = scorePositionOf(checkpoint, paddingId(checkpoint), undefined);
  return {
    profile: profile.name,
    template: templateOf(checkpoint),
    tokenization: tokenizationOf(checkpoint, undefined),
    tokenizerFile: tokenizerFileOf(checkpoint),
    maxTokens: maxTokensOf(checkpoint),
    ...given({ window: windowLimit(checkpoint) }),
    truncationSide: profile.truncation,
    ...(padTokenId === undefined ? {} : { padTokenId }),
    scorePosition: position,
  };
}

/** Which tokenizer file is used, and which one agrees with it. */
function tokenizerFileOf({ vocabulary, profile }: Checkpoint): TokenizerFileSummary {
  if (vocabulary.kind === "byte-pair") return { followed: "tokenizer.json" };
  if (vocabulary.fast === undefined) return { followed: "tokenizer.model" };
  if (vocabulary.isRebuilt) return { followed: "tokenizer.json" };
  const { follows } = profile;
  return { followed: follows, sameIds: follows === "tokenizer.json" ? "tokenizer.model" : "tokenizer.json" };
}

/** Which tokenizer file of a checkpoint is used. */
export interface TokenizerFileSummary {
  /** The file whose vocabulary and merges are used. */
  readonly followed: "tokenizer.model" | "tokenizer.json";
  /** The other file, where both are there and give the same ids. */
  readonly sameIds?: "tokenizer.model" | "tokenizer.json";
}

function maxTokensOf(checkpoint: Checkpoint): number {
  const { profile, config, folder } = checkpoint;
  const most = profile.maxTokens === "context" ? config.contextLength : profile.maxTokens;
  const window = windowLimit(checkpoint);
  if (window === undefined || window >= most) return most;
  if (profile.truncation === "none") return window;
  const field = config.trunk.window?.config ?? "";
  throw refuse(
    folder.pathOf("config.json"),
    `has a window of ${window} tokens (${field}), which llama.cpp's graph does not have; ${profile.name} scores up to ${most}.`,
    { field },
  );
}

/** Most tokens of a text, where llama.cpp's graph does not have the window that layers attend to. */
function windowLimit({ config: { trunk, window, contextLength } }: Checkpoint): number | undefined {
  return trunk.window?.masked === "limit" && window !== undefined && window < contextLength ? window : undefined;
}

/** The template of prompts and responses; "none" where the profile uses the checkpoint's own and there is none. */
function templateOf({ profile, chatTemplate }: Checkpoint): TemplateName {
  if (profile.template !== "chat-template") return profile.template;
  return chatTemplate?.kind === "template" ? "chat-template" : "none";
}
