import type { FloatType } from "../checkpoint/dtypes.ts";
import type { CheckpointFolder } from "../checkpoint/folder.ts";
import { InvalidInputError, invalidArgument } from "../errors.ts";
import { convertibleTypeNames, type FileType, fileTypeByName, type TensorType } from "../gguf/types.ts";
import type { WeightTypes } from "../gguf/weight-types.ts";
import {
  aBoolean,
  aFunction,
  anInteger,
  aSignal,
  aString,
  type Check,
  checkOptions as checkOptionsOf,
  nearestValue,
  oneOf,
} from "../options.ts";
import { PROFILE_NAMES } from "../profiles/profiles.ts";
import type { ConvertProgress } from "../progress.ts";
import { TOKENIZATION_MODES, type TokenizationMode } from "../vocabulary/tokenization.ts";
import { aScorePosition, type ScorePositionChoice } from "./score-position.ts";

/** Origin of a checkpoint, as given by the user; stored in the file, not verified. */
export interface SourceOptions {
  /** For example "Nexusflow/Starling-RM-34B". */
  readonly name?: string;
  /** For example a commit. */
  readonly revision?: string;
}

export interface ConvertOptions {
  /** A folder with config.json, weights and tokenizer.model. */
  readonly checkpoint: string | CheckpointFolder;
  /** The GGUF to make. It appears under this name only when it is complete. */
  readonly output: string;
  /** A weight type: f32, f16, bf16, or one that llama.cpp quantises to, such as q8_0 or q4_k_m; in any case. */
  readonly type: string;
  readonly source?: SourceOptions;
  /** The tokenisation stored in the file, one of its vocabulary's; default "fast-4.41", or "byte-bpe". */
  readonly tokenization?: TokenizationMode;
  /** The kind of reward model, see src/profiles; default "auto": what the checkpoint's files show. */
  readonly profile?: (typeof profileChoices)[number];
  /** Where the score is read; default: the profile's rule. "last-of-token:ID" is the last occurrence of that id. */
  readonly scorePosition?: ScorePositionChoice;
  /** Whether scores are normalised with the checkpoint's mean and std; default: as its own code does. */
  readonly normalizeReward?: boolean;
  /** Most bytes of a file, unless one tensor needs more: a larger model is written in parts. Default: one file. */
  readonly splitSize?: number;
  /** Replace an existing file. Default: false. */
  readonly overwrite?: boolean;
  /** Called at most once for every 8 MiB or so. */
  readonly onProgress?: (progress: ConvertProgress) => void;
  /** Stops the conversion, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Continue an interrupted conversion to the same output, after checking what it wrote, and keep the work done so far
   * when this one is interrupted. Default: false: earlier work is ignored, and only a kill leaves files behind.
   */
  readonly resume?: boolean;
  /** Quantises rows with llama.cpp; needed for types other than f32, f16 and bf16. */
  readonly quantizeRows?: QuantizeRows;
  /** Identifies the quantiser, for example its version: a resumed conversion must not mix two. */
  readonly quantizerVersion?: string;
}

export interface RowBlock {
  readonly from: FloatType;
  readonly to: TensorType;
  /** Values of a row. */
  readonly rowLength: number;
  /** Whole rows, as `from`. */
  readonly rows: Uint8Array;
}

/** Returns the rows as `to`; rejects with the code "NOT_FINITE" or "NOT_HELD" for values that cannot be. */
export type QuantizeRows = (block: RowBlock) => Promise<Uint8Array>;

export interface ConvertResult extends WeightTypes {
  /** As given; the first part's name, for a file in parts. */
  readonly output: string;
  /** The names of all parts. */
  readonly parts?: readonly string[];
  /** Bytes of the file. */
  readonly bytes: number;
  readonly tensors: number;
  /** The checksum of what was converted; see STARLING_KEYS.sourceSha256. */
  readonly sourceSha256: string;
  /** What was left out or decided by a rule: sentences without a full stop. Absent: nothing. */
  readonly notices?: readonly string[];
  /** A note if the checkpoint has a chat template that its profile does not use. */
  readonly templateNotice?: string;
}

/** What the option `profile` may be. */
export const profileChoices = ["auto", ...PROFILE_NAMES] as const;

/** Longest source name and revision. */
const MAX_SOURCE_CHARACTERS = 500;

/** Bytes. */
export const aPartSize: Check = anInteger(1, Number.MAX_SAFE_INTEGER);

/** The caller's options; callers of {@link convertCheckpoint} also pass the quantiser. */
export const conversionChecks: Readonly<Record<string, Check>> = {
  checkpoint: aFolder,
  output: aString,
  type: aString,
  source: aSource,
  tokenization: oneOf(TOKENIZATION_MODES),
  profile: oneOf(profileChoices),
  scorePosition: aScorePosition,
  normalizeReward: aBoolean,
  splitSize: aPartSize,
  overwrite: aBoolean,
  resume: aBoolean,
  onProgress: aFunction,
  signal: aSignal,
};

/**
 * Checks the options and returns the weight type.
 *
 * @throws InvalidInputError ERR_INVALID_ARGUMENT, or ERR_UNSUPPORTED_TYPE for a type that is not written
 */
export function checkOptions(options: ConvertOptions): FileType {
  const checks = { ...conversionChecks, quantizeRows: aFunction, quantizerVersion: aString };
  checkOptionsOf("convert", options, checks, ["checkpoint", "output", "type"]);
  const type = weightType(options.type);
  if (type.kind === "quantized" && options.quantizeRows === undefined)
    throw invalidArgument("quantizeRows", `a function, because ${type.name} is made by llama.cpp,`, undefined);
  return type;
}

function aFolder(value: unknown): string | undefined {
  return typeof value === "object" && value !== null ? undefined : aString(value);
}

function aSource(value: unknown): string | undefined {
  const expected = `an object with at most name and revision, each text of 1 to ${MAX_SOURCE_CHARACTERS} characters,`;
  if (typeof value !== "object" || value === null) return expected;
  const fits = Object.entries(value).every(
    ([name, text]) => (name === "name" || name === "revision") && (text === undefined || isSourceText(text)),
  );
  return fits ? undefined : expected;
}

function isSourceText(value: unknown): boolean {
  const isText = typeof value === "string" && value !== "" && value.length <= MAX_SOURCE_CHARACTERS;
  return isText && !value.includes("\0") && value.isWellFormed();
}

/**
 * The weight type of a name.
 *
 * @throws InvalidInputError ERR_UNSUPPORTED_TYPE for a type that is not written, with those that are
 */
export function weightType(name: string): FileType {
  const type = fileTypeByName(name);
  if (type?.kind === "imatrix")
    throw unsupported(`The weight type ${type.name} needs an importance matrix, which is not computed.`);
  if (type === undefined) throw unsupported(`The weight type ${JSON.stringify(name.slice(0, 40))} is not known.`, name);
  return type;
}

function unsupported(sentence: string, name = ""): InvalidInputError {
  // llama.cpp takes "q4_k" for the medium mix.
  const isMedium = (type: string) => Number(type.endsWith("_m"));
  const near = nearestValue(
    name.slice(0, 40),
    convertibleTypeNames().sort((a, b) => isMedium(b) - isMedium(a)),
  );
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  const message = `${sentence.slice(0, -1)}; choose one of ${convertibleTypeNames().join(", ")}.${hint}`;
  return new InvalidInputError("ERR_UNSUPPORTED_TYPE", message, { field: "type" });
}
