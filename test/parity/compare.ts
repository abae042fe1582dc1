/** Scores beside those of the reference. */
import { expect } from "vitest";
import type { Golden, GoldenRow } from "./goldens.ts";
import { tolerance } from "./tolerance.ts";

/** Four bits are held to the order of pairs: those that the reference tells apart by this many standard deviations. */
const CLEAR_MARGIN = 1;
const MIN_PAIR_AGREEMENT = 0.9;

/** Expects scores of these rows within the tolerance for the weight type. */
export function expectNear(
  rows: readonly GoldenRow[],
  scores: readonly number[],
  type: keyof typeof tolerance,
  name = type as string,
): void {
  expect(scores, name).toHaveLength(rows.length);
  const sorted = rows.map(({ score }, i) => Math.abs((score as number) - (scores[i] as number))).sort((a, b) => a - b);
  expect(sorted.at(-1), name).toBeLessThan(tolerance[type].max);
  expect(sorted[sorted.length >> 1], name).toBeLessThan(tolerance[type].median);
}

/** Expects the reference's order of the pairs that it tells apart clearly. */
export function expectOrder(
  rows: readonly GoldenRow[],
  scores: readonly number[],
  { std }: Pick<Golden, "std">,
  leastPairs: number,
): void {
  expect(scores).toHaveLength(rows.length);
  let clear = 0;
  let kept = 0;
  for (const [i, a] of rows.entries()) {
    for (const [j, b] of rows.entries()) {
      if ((a.score as number) - (b.score as number) < CLEAR_MARGIN * std) continue;
      clear += 1;
      if ((scores[i] as number) > (scores[j] as number)) kept += 1;
    }
  }
  expect(clear).toBeGreaterThan(leastPairs);
  expect(kept / clear).toBeGreaterThan(MIN_PAIR_AGREEMENT);
}
