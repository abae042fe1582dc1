/** Agreement of two orders. */

/**
 * Kendall's tau-b, which allows for ties in both lists, -1 to 1: (concordant - discordant pairs) by the geometric mean of
 * the pairs that are untied in each list. Every pair is looked at: for short lists. Undefined where one list is constant
 * or has fewer than two values.
 */
export function kendallTauB(xs: readonly number[], ys: readonly number[]): number | undefined {
  let [difference, untiedX, untiedY] = [0, 0, 0];
  for (let i = 0; i < xs.length; i++) {
    for (let j = i + 1; j < xs.length; j++) {
      const x = Math.sign((xs[i] as number) - (xs[j] as number));
      const y = Math.sign((ys[i] as number) - (ys[j] as number));
      difference += x * y;
      untiedX += x * x;
      untiedY += y * y;
    }
  }
  return untiedX === 0 || untiedY === 0 ? undefined : difference / Math.sqrt(untiedX * untiedY);
}
