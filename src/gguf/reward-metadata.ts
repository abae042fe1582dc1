import { FileError } from "../errors.ts";
import type { Vocabulary } from "../native/addon.ts";
import { FIRST_PROFILE, PROFILE_NAMES, type ProfileName } from "../profiles/profiles.ts";
import {
  MAX_PADDED_TOKENS,
  SCORE_POSITIONS,
  type ScorePosition,
  TEMPLATES,
  type TemplateName,
  TRUNCATION_SIDES,
  type TruncationSide,
  WITHOUT_PADDING,
  WRAPPER_RULES,
  type WrapperRule,
} from "../profiles/rules.ts";
import type { RewardHead } from "../reward-head.ts";
import type { TrunkShape } from "../trunk/shape.ts";
import type { Trunk } from "../trunk/trunk.ts";
import { ARCHITECTURES, trunkOfArchitecture } from "../trunk/trunks.ts";
import type { TokenizationMode } from "../vocabulary/tokenization.ts";
import { Fields } from "./fields.ts";
import { type FitRecord, readFitRecord } from "./fit-record.ts";
import { isHeadFile } from "./head-file.ts";
import { type Normalization, readFormatVersion, readHead, readNormalization } from "./head-metadata.ts";
import type { GgufHeader } from "./header.ts";
import { checkKeyTypes } from "./llama-keys.ts";
import { STARLING_KEYS } from "./starling-keys.ts";
import { readTrunkShape } from "./trunk-metadata.ts";
import { fileTypeName } from "./types.ts";
import {
  type ChatTemplateSource,
  readChatTemplate,
  readTemplateNames,
  readTokenization,
  readVocabulary,
} from "./vocabulary-metadata.ts";

/** Everything that a scorer needs to know of a reward model's GGUF; all of it checked. */
export interface RewardMetadata {
  readonly head: RewardHead;
  /** The vocabulary, ready for the addon's Tokenizer. */
  readonly tokenizer: Vocabulary;
  /** The kind of reward model. */
  readonly profile: ProfileName;
  /** The chat template that the model was trained with, for example "yi-chat". */
  readonly template: TemplateName;
  /** For the template "chat-template". */
  readonly chatTemplate?: ChatTemplateSource;
  /** For the template "none", where the checkpoint had named templates and no default one: their names. */
  readonly templateNames?: readonly string[];
  readonly tokenization: TokenizationMode;
  /** The modes that the vocabulary has. */
  readonly tokenizations: readonly TokenizationMode[];
  /** Most ids of a sequence. */
  readonly maxTokens: number;
  /** How longer sequences are treated: "left" keeps their last ids, "none" refuses them. */
  readonly truncationSide: TruncationSide;
  readonly scorePosition: ScorePosition;
  /** Of the score position "last-of-token". */
  readonly scoreTokenId?: number;
  /** What the checkpoint says about normalising rewards, and whether the scores are normalised. */
  readonly normalization?: Normalization;
  /** Which items get the ids that the tokenizer puts around a text. */
  readonly wrapper: WrapperRule;
  /** Absent with the score positions "last" and "last-of-token". */
  readonly padTokenId?: number;
  /** The architecture's trunk: what llama.cpp computes. */
  readonly trunk: Trunk;
  readonly shape: TrunkShape;
  /** Tokens that layers of the checkpoint attend to, where llama.cpp's graph does not have that window; see STARLING_KEYS. */
  readonly window?: number;
  /** general.name; "" if there is none. */
  readonly name: string;
  /** Words that must be shown with the model. */
  readonly notice?: string;
  /** general.file_type by name, for example "q4_k_m"; "unknown" if there is none. */
  readonly fileType: string;
  /** The fingerprint of the trunk, see STARLING_KEYS; files of older versions have none. */
  readonly trunkSha256?: string;
  /** Where the model was converted from, as far as it is known. */
  readonly source: {
    /** The option `source` of `convert`, for example "Nexusflow/Starling-RM-34B"; absent if not given. */
    readonly name?: string;
    /** For example a commit; absent if `convert` was not given one. */
    readonly revision?: string;
    /** Checksum of the checkpoint's tensors, 64 hexadecimal digits; absent for files of older versions. */
    readonly sha256?: string;
  };
  /** How the head was fitted, unless it is the checkpoint's. */
  readonly fit?: FitRecord;
}

/** Largest maxTokens: the longest context that is accepted. */
const MAX_TOKENS = 16_777_216;
const MAX_FILE_TYPE = 1023;
/** Most metadata keys: models have under 100, and llama.cpp compares each with every other, which takes 16,000 of them seconds. */
const MAX_KEYS = 4096;

/**
 * Reads and checks the metadata of a reward model: after this, nothing in the header can make llama.cpp abort, and
 * the head, the vocabulary and the tensors fit each other.
 *
 * @param file the path that errors name
 * @throws FileError ERR_NO_REWARD_HEAD for a GGUF of another kind, ERR_INVALID_GGUF naming the key
 */
export function readRewardMetadata(gguf: GgufHeader, file: string): RewardMetadata {
  const fields = new Fields(gguf, file);
  if (isHeadFile(gguf))
    throw fields.refuse(
      "contains only a reward head, not a model: give a model, and this file as its head (headPath, --head).",
      "general.type",
    );
  const { version, trunk } = checkKind(fields);
  if (gguf.metadata.size > MAX_KEYS)
    throw fields.refuse(`has ${gguf.metadata.size} metadata keys; a reward model has at most ${MAX_KEYS}.`);
  const shape = readTrunkShape(gguf, fields, trunk);
  checkKeyTypes(fields);
  const scorePosition = fields.name(STARLING_KEYS.scorePosition, SCORE_POSITIONS);
  const tokenizer = readVocabulary(fields, shape.vocabularySize, !WITHOUT_PADDING.includes(scorePosition));
  const scoreTokenId =
    scorePosition === "last-of-token" ? fields.u32(STARLING_KEYS.scoreToken, 0, shape.vocabularySize - 1) : undefined;
  const normalization = readNormalization(fields);
  const maxTokens = fields.u32(
    STARLING_KEYS.maxTokens,
    1,
    scorePosition === "padding-end" ? MAX_PADDED_TOKENS : MAX_TOKENS,
  );
  // A longer text would get a number that the reference does not give.
  const window = fields.has(STARLING_KEYS.window) ? fields.u32(STARLING_KEYS.window, maxTokens, MAX_TOKENS) : undefined;
  const template = fields.name(STARLING_KEYS.template, TEMPLATES);
  const wrapper = readWrapper(fields, tokenizer);
  const templateNames = template === "none" ? readTemplateNames(fields) : undefined;
  const notice = fields.optionalString(STARLING_KEYS.notice);
  const trunkSha256 = fields.optionalSha256(STARLING_KEYS.trunkSha256);
  const fit = readFitRecord(fields);
  return {
    head: readHead(fields, shape.embeddingLength, version),
    tokenizer,
    profile: fields.optionalName(STARLING_KEYS.profile, PROFILE_NAMES) ?? FIRST_PROFILE,
    template,
    ...(template === "chat-template" ? { chatTemplate: readChatTemplate(fields, tokenizer) } : {}),
    ...(templateNames === undefined ? {} : { templateNames }),
    ...readTokenization(fields, tokenizer),
    maxTokens,
    truncationSide: fields.name(STARLING_KEYS.truncationSide, TRUNCATION_SIDES),
    scorePosition,
    ...(scoreTokenId === undefined ? {} : { scoreTokenId }),
    ...(normalization === undefined ? {} : { normalization }),
    wrapper,
    ...(tokenizer.padTokenId < 0 ? {} : { padTokenId: tokenizer.padTokenId }),
    trunk,
    shape,
    ...(window === undefined ? {} : { window }),
    name: fields.optionalString("general.name") ?? "",
    ...(notice === undefined ? {} : { notice }),
    fileType: fields.has("general.file_type")
      ? fileTypeName(fields.u32("general.file_type", 0, MAX_FILE_TYPE))
      : "unknown",
    ...(trunkSha256 === undefined ? {} : { trunkSha256 }),
    source: readSource(fields),
    ...(fit === undefined ? {} : { fit }),
  };
}

/** The converter writes both the rule and the ids, or neither. With one of them missing, ids would silently be wrong. */
function readWrapper(fields: Fields, { before, after }: Vocabulary): WrapperRule {
  const wrapper = fields.optionalName(STARLING_KEYS.wrapper, WRAPPER_RULES) ?? "none";
  const ids = before.length + after.length;
  if ((wrapper === "none") === (ids === 0)) return wrapper;
  throw fields.refuse(
    `has ${STARLING_KEYS.wrapper} = ${wrapper} and ${ids} ids to put around a text; it must have both or neither.`,
    STARLING_KEYS.wrapper,
  );
}

/** @returns the format and the trunk, once this version is known to read them */
function checkKind(fields: Fields): { version: number; trunk: Trunk } {
  if (!fields.has(STARLING_KEYS.formatVersion) && !fields.has(STARLING_KEYS.headWeight))
    throw new FileError(
      "ERR_NO_REWARD_HEAD",
      `The file ${fields.file} has no reward head: it is a language model, not a reward model converted by starling-rm.`,
      { file: fields.file, field: STARLING_KEYS.headWeight },
    );
  const version = readFormatVersion(fields, "update it, or convert again");
  const trunk = trunkOfArchitecture(fields.name("general.architecture", ARCHITECTURES)) as Trunk;
  return { version, trunk };
}

function readSource(fields: Fields): RewardMetadata["source"] {
  const name = fields.optionalString(STARLING_KEYS.sourceName);
  const revision = fields.optionalString(STARLING_KEYS.sourceRevision);
  const sha256 = fields.optionalString(STARLING_KEYS.sourceSha256);
  return {
    ...(name === undefined ? {} : { name }),
    ...(revision === undefined ? {} : { revision }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}
