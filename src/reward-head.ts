/** The layer or two that turn a hidden state into a score. */

import { jsonArray } from "./json-array.ts";

/** Which scores are better. Reward models: higher. Cost models, which measure harm: lower. */
export type ScoreDirection = "higher" | "lower";

/**
 * score = weight · features + bias, summed in float64 from the first dimension to the last and rounded once to float32. With a
 * hidden layer, its values take the place of the features.
 */
export interface RewardHead {
  /**
   * float32[embeddingLength]: one weight per dimension of the hidden state, or of the hidden layer; all finite. In results
   * JSON.stringify writes an array of numbers.
   */
  readonly weight: Float32Array;
  /** Added to every score; finite, a float32. Absent: the head has no bias, which scores as a bias of 0 does. */
  readonly bias?: number;
  /** A layer between the hidden state and `weight`. Absent: the head is linear. */
  readonly hidden?: HiddenLayer;
  /** "lower" for costs. Default: "higher". */
  readonly direction?: ScoreDirection;
}

/** max(0, weight · features + bias) of each row: summed in float64 as the score is, and rounded once to float32. */
export interface HiddenLayer {
  /** float32[rows × embeddingLength], row after row; all finite. There are as many rows as `weight` of the head is long. */
  readonly weight: Float32Array;
  /** float32[rows]; all finite. Absent: 0. */
  readonly bias?: Float32Array;
  /** What is done to each value; "relu" is max(0, value). */
  readonly activation: Activation;
}

/** Of a hidden layer; the published heads of two layers use no other. */
export type Activation = "relu";
export const ACTIVATIONS: readonly Activation[] = ["relu"];

const FIELDS: readonly string[] = ["weight", "bias", "hidden", "direction"] satisfies (keyof RewardHead)[];

/** Checks a caller's head: returns what was expected, or undefined when it is one. */
export function aRewardHead(value: unknown): string | undefined {
  const expected = "{ weight, bias?, hidden?, direction? } with Float32Arrays of finite numbers and a finite float32";
  if (typeof value !== "object" || value === null || Object.keys(value).some((name) => !FIELDS.includes(name)))
    return expected;
  const { weight, bias, hidden, direction } = value as Readonly<Record<keyof RewardHead, unknown>>;
  const isHead =
    isFinite32(weight) &&
    (bias === undefined || (typeof bias === "number" && Number.isFinite(Math.fround(bias)))) &&
    (hidden === undefined || isHiddenLayer(hidden, weight.length)) &&
    (direction === undefined || direction === "higher" || direction === "lower");
  return isHead ? undefined : expected;
}

function isFinite32(value: unknown): value is Float32Array {
  return value instanceof Float32Array && value.every(Number.isFinite);
}

function isHiddenLayer(value: unknown, rows: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { weight, bias, activation, ...others } = value as Readonly<Record<string, unknown>>;
  return (
    isFinite32(weight) &&
    rows > 0 &&
    weight.length > 0 &&
    weight.length % rows === 0 &&
    (bias === undefined || (isFinite32(bias) && bias.length === rows)) &&
    ACTIVATIONS.includes(activation as Activation) &&
    Object.keys(others).length === 0
  );
}

/** How many numbers of a hidden state the head takes. */
export function inputLength({ weight, hidden }: RewardHead): number {
  return hidden === undefined ? weight.length : hidden.weight.length / weight.length;
}

export function directionOf({ direction = "higher" }: Pick<RewardHead, "direction">): ScoreDirection {
  return direction;
}

/** The same head in new memory. */
export function copyHead({ weight, bias, hidden, direction }: RewardHead): RewardHead {
  return {
    weight: jsonArray(weight.slice()),
    ...(bias === undefined ? {} : { bias }),
    ...(hidden === undefined ? {} : { hidden: copyHidden(hidden) }),
    ...(direction === undefined ? {} : { direction }),
  };
}

function copyHidden({ weight, bias, activation }: HiddenLayer): HiddenLayer {
  return {
    weight: jsonArray(weight.slice()),
    ...(bias === undefined ? {} : { bias: jsonArray(bias.slice()) }),
    activation,
  };
}

/** The score of a feature row, bit for bit what the engine computes. */
export function scoreOf(head: RewardHead, features: Float32Array): number {
  const { weight, bias = 0, hidden } = head;
  return Math.fround(dot(weight, hidden === undefined ? features : hiddenValues(hidden, features)) + bias);
}

function hiddenValues({ weight, bias }: HiddenLayer, features: Float32Array): Float32Array {
  const width = features.length;
  return Float32Array.from({ length: weight.length / width }, (_, row) =>
    Math.max(0, dot(weight.subarray(row * width, (row + 1) * width), features) + (bias?.[row] ?? 0)),
  );
}

/** Dot product in float64, summed from first to last. */
export function dot(weights: ArrayLike<number>, row: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (weights[i] as number) * (row[i] as number);
  return sum;
}
