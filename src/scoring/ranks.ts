import type { ScoreDirection } from "../reward-head.ts";

/** The rank of each score: 1 for the best; equal scores share the better rank. */
export function ranksOf(scores: readonly number[], direction: ScoreDirection = "higher"): number[] {
  const ranks = new Map<number, number>();
  for (const [i, score] of scores.toSorted(bestFirstBy(direction)).entries()) {
    if (!ranks.has(score)) ranks.set(score, i + 1);
  }
  return scores.map((score) => ranks.get(score) as number);
}

/** Compares two scores: the better one comes first. */
export function bestFirstBy(direction: ScoreDirection): (a: number, b: number) => number {
  return direction === "lower" ? (a, b) => a - b : (a, b) => b - a;
}
