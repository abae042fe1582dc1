/** The rank of each score: 1 for the highest; equal scores share the better rank. */
export function ranksOf(scores: readonly number[]): number[] {
  const ranks = new Map<number, number>();
  for (const [i, score] of scores.toSorted((a, b) => b - a).entries()) {
    if (!ranks.has(score)) ranks.set(score, i + 1);
  }
  return scores.map((score) => ranks.get(score) as number);
}
