/** The reward head among a GGUF's metadata, of a model or of a head file. */
import { ACTIVATIONS, type HiddenLayer, type RewardHead } from "../reward-head.ts";
import { bool, f32, f64, type MetadataEntry, optional, present, text } from "./entries.ts";
import type { Fields } from "./fields.ts";
import { FORMAT_VERSION, HEAD_TYPES, STARLING_KEYS } from "./starling-keys.ts";

/** Readers of format 1 do not know the bias. They would give scores without it, so they must refuse the file. */
const BIAS_FORMAT = 2;
/** Readers of format 2 do not know hidden layers and directions: they would score without the first and rank the worst first. */
const LAYERS_FORMAT = 3;

/** The lowest format whose readers understand the head: files of simple heads stay readable by older versions. */
export function formatVersionOf({ bias, hidden, direction }: RewardHead): number {
  if (hidden !== undefined || direction === "lower") return LAYERS_FORMAT;
  return bias === undefined ? 1 : BIAS_FORMAT;
}

/** Keys of a head; not all are in every file. */
export const HEAD_KEYS: readonly string[] = [
  STARLING_KEYS.headType,
  STARLING_KEYS.headWeight,
  STARLING_KEYS.headBias,
  STARLING_KEYS.headHiddenWeight,
  STARLING_KEYS.headHiddenBias,
  STARLING_KEYS.headHiddenActivation,
  STARLING_KEYS.headDirection,
  STARLING_KEYS.headMean,
  STARLING_KEYS.headDeviation,
  STARLING_KEYS.headNormalized,
];

/** The entries that {@link readHead} reads; the caller writes {@link formatVersionOf} beside them. */
export function headEntries({ weight, bias, hidden, direction }: RewardHead): MetadataEntry[] {
  return present([
    [STARLING_KEYS.headType, text(hidden === undefined ? HEAD_TYPES.linear : HEAD_TYPES.hidden)],
    [STARLING_KEYS.headWeight, { type: "array", of: "f32", value: weight }],
    [STARLING_KEYS.headBias, optional(bias, f32)],
    ...(hidden === undefined ? [] : hiddenEntries(hidden)),
    [STARLING_KEYS.headDirection, direction === "lower" ? text(direction) : undefined],
  ]);
}

function hiddenEntries({ weight, bias, activation }: HiddenLayer): MetadataEntry[] {
  return present([
    [STARLING_KEYS.headHiddenWeight, { type: "array", of: "f32", value: weight }],
    [STARLING_KEYS.headHiddenBias, bias && { type: "array", of: "f32", value: bias }],
    [STARLING_KEYS.headHiddenActivation, text(activation)],
  ]);
}

/**
 * Checks that this version understands the file's format and returns it.
 *
 * @param advice what to do about a newer file
 * @throws FileError ERR_INVALID_GGUF
 */
export function readFormatVersion(fields: Fields, advice: string): number {
  const key = STARLING_KEYS.formatVersion;
  const version = fields.u32(key, 1, 0xffffffff);
  if (version > FORMAT_VERSION)
    throw fields.refuse(
      `was written by a newer starling-rm (format ${version}); this version reads format ${FORMAT_VERSION}: ${advice}.`,
      key,
    );
  return version;
}

/**
 * Reads the head; every number of it is finite.
 *
 * @param length the hidden dimensions of the model
 * @param version the file's format
 * @throws FileError ERR_INVALID_GGUF naming the key
 */
export function readHead(fields: Fields, length: number, version: number): RewardHead {
  const type = fields.name(STARLING_KEYS.headType, Object.values(HEAD_TYPES));
  const hidden = type === HEAD_TYPES.hidden ? readHidden(fields, length) : undefined;
  const weight = finite(fields, STARLING_KEYS.headWeight, hidden?.rows ?? length);
  const bias = fields.has(STARLING_KEYS.headBias) ? fields.finiteF32(STARLING_KEYS.headBias) : undefined;
  const direction = fields.optionalName(STARLING_KEYS.headDirection, ["lower", "higher"]);
  const head: RewardHead = {
    weight,
    ...(bias === undefined ? {} : { bias }),
    ...(hidden === undefined ? {} : { hidden: hidden.layer }),
    ...(direction === "lower" ? { direction } : {}),
  };
  const needed = formatVersionOf(head);
  if (version >= needed) return head;
  const key = hidden !== undefined ? STARLING_KEYS.headType : keyOf(head);
  throw fields.refuse(`has ${key} in format ${version}, whose readers ignore it; expected format ${needed}.`, key);
}

/** What of a linear head an older format lacks. */
function keyOf({ direction }: RewardHead): string {
  return direction === "lower" ? STARLING_KEYS.headDirection : STARLING_KEYS.headBias;
}

function readHidden(fields: Fields, length: number): { readonly layer: HiddenLayer; readonly rows: number } {
  const key = STARLING_KEYS.headHiddenWeight;
  const weight = finite(fields, key);
  const rows = weight.length / length;
  if (rows < 1 || !Number.isInteger(rows))
    throw fields.refuse(`has ${weight.length} numbers in ${key}; expected rows of ${length}.`, key);
  const bias = fields.has(STARLING_KEYS.headHiddenBias)
    ? { bias: finite(fields, STARLING_KEYS.headHiddenBias, rows) }
    : {};
  const activation = fields.name(STARLING_KEYS.headHiddenActivation, ACTIVATIONS);
  return { layer: { weight, ...bias, activation }, rows };
}

function finite(fields: Fields, key: string, length?: number): Float32Array {
  const values = fields.array(key, "f32", length);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) throw fields.refuse(`contains ${values[bad]} at index ${bad} of the reward head.`, key);
  return values;
}

/** How rewards may be normalised: (reward - mean) / std. */
export interface Normalization {
  /** Mean of the rewards, as the checkpoint gives it. */
  readonly mean: number;
  /** Their standard deviation; above 0. */
  readonly std: number;
  /** Whether scores are normalised. False: they are raw. */
  readonly applied: boolean;
}

export function normalizationEntries(found: Normalization | undefined): MetadataEntry[] {
  if (found === undefined) return [];
  return [
    [STARLING_KEYS.headMean, f64(found.mean)],
    [STARLING_KEYS.headDeviation, f64(found.std)],
    [STARLING_KEYS.headNormalized, bool(found.applied)],
  ];
}

export function readNormalization(fields: Fields): Normalization | undefined {
  if (!fields.has(STARLING_KEYS.headNormalized)) return undefined;
  return {
    mean: fields.finiteF64(STARLING_KEYS.headMean),
    std: fields.nonNegativeF64(STARLING_KEYS.headDeviation),
    applied: fields.bool(STARLING_KEYS.headNormalized),
  };
}

/** The head whose scores are (score - mean) / std of another's. */
export function normalizedHead(head: RewardHead, { mean, std }: Pick<Normalization, "mean" | "std">): RewardHead {
  return {
    ...head,
    weight: head.weight.map((value) => value / std),
    bias: Math.fround(((head.bias ?? 0) - mean) / std),
  };
}
