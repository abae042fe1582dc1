/** The linear layer that turns a hidden state into a score. */

import { jsonArray } from "./json-array.ts";

/** score = weight · features + bias, summed in float64 from the first dimension to the last and rounded once to float32. */
export interface RewardHead {
  /**
   * float32[embeddingLength]: one weight per dimension of the hidden state; all finite. In results JSON.stringify writes
   * an array of numbers.
   */
  readonly weight: Float32Array;
  /** Added to every score; finite, a float32. Absent: the head has no bias, which scores as a bias of 0 does. */
  readonly bias?: number;
}

const FIELDS: readonly string[] = ["weight", "bias"] satisfies (keyof RewardHead)[];

/** Checks a caller's head: returns what was expected, or undefined when it is one. */
export function aRewardHead(value: unknown): string | undefined {
  const expected = "{ weight, bias? } with a Float32Array of finite numbers and a finite float32";
  if (typeof value !== "object" || value === null || Object.keys(value).some((name) => !FIELDS.includes(name)))
    return expected;
  const { weight, bias } = value as { readonly weight?: unknown; readonly bias?: unknown };
  const isHead =
    weight instanceof Float32Array &&
    weight.every(Number.isFinite) &&
    (bias === undefined || (typeof bias === "number" && Number.isFinite(Math.fround(bias))));
  return isHead ? undefined : expected;
}

/** The same head in new memory. */
export function copyHead({ weight, bias }: RewardHead): RewardHead {
  return { weight: jsonArray(weight.slice()), ...(bias === undefined ? {} : { bias }) };
}

/** The score of a feature row, bit for bit what the engine computes. */
export function scoreOf({ weight, bias = 0 }: RewardHead, features: Float32Array): number {
  return Math.fround(dot(weight, features) + bias);
}

/** Dot product in float64, summed from first to last. */
export function dot(weights: ArrayLike<number>, row: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (weights[i] as number) * (row[i] as number);
  return sum;
}
