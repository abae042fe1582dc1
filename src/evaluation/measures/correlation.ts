/** Pearson, Spearman and Kendall correlation of two lists. */

/** Pearson's r, -1 to 1; undefined for fewer than two values or a constant list. */
export function pearson(xs: Float64Array, ys: Float64Array): number | undefined {
  const [meanX, meanY] = [meanOf(xs), meanOf(ys)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < xs.length; i++) {
    const x = (xs[i] as number) - meanX;
    const y = (ys[i] as number) - meanY;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  if (isConstant(xs) || isConstant(ys)) return undefined;
  const r = xy / Math.sqrt(xx) / Math.sqrt(yy);
  // Rounding can leave the range by an ulp.
  return Number.isFinite(r) ? Math.min(1, Math.max(-1, r)) : undefined;
}

/** Spearman's rho: Pearson's r of the ranks; equal values share their average rank. */
export function spearman(xs: Float64Array, ys: Float64Array): number | undefined {
  return pearson(averageRanks(xs), averageRanks(ys));
}

/** Ranks from 1, smallest value first; equal values get the mean of their ranks. */
function averageRanks(values: Float64Array): Float64Array {
  const sorted = values.toSorted();
  // Each distinct value with its rank.
  const distinct = new Float64Array(values.length);
  const ranks = new Float64Array(values.length);
  let count = 0;
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    const value = sorted[start] as number;
    while (end < sorted.length && sorted[end] === value) end++;
    distinct[count] = value;
    ranks[count++] = (start + 1 + end) / 2;
  }
  const known = distinct.subarray(0, count);
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = ranks[lastNotAbove(known, values[i] as number)] as number;
  return result;
}

/** Up to this many values, counting is faster than sorting. */
const MAX_COUNTED = 32;

/** {@link averageRanks} within each part of a list. @param starts start index of each part, then the end of the last one */
export function averageRanksWithin(values: Float64Array, starts: Uint32Array): Float64Array {
  const ranks = new Float64Array(values.length);
  for (let part = 0; part + 1 < starts.length; part++) {
    const [start, end] = [starts[part] as number, starts[part + 1] as number];
    if (end - start > MAX_COUNTED) {
      ranks.set(averageRanks(values.subarray(start, end)), start);
      continue;
    }
    for (let i = start; i < end; i++) {
      const value = values[i] as number;
      let [smaller, equal] = [0, 0];
      for (let j = start; j < end; j++) {
        const other = values[j] as number;
        if (other < value) smaller++;
        else if (other === value) equal++;
      }
      ranks[i] = smaller + (equal + 1) / 2;
    }
  }
  return ranks;
}

/** Index of the last sorted value not above `value`; -1 if all are above. */
export function lastNotAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Compares values, not variances: squares of tiny differences underflow, and rounding can make a variance of nothing. */
function isConstant(values: Float64Array): boolean {
  return values.every((value) => value === values[0]);
}

/**
 * Kendall's tau-b, -1 to 1, which corrects for ties: (concordant - discordant pairs) / geometric mean of the pairs untied in
 * each list. Compares every pair, so only for short lists. Undefined for fewer than two values or a constant list.
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

/** Area under the ROC curve: how often a positive has a higher score than a negative, equal scores half. Undefined without both. */
export function rocAuc(scores: readonly number[], positive: readonly boolean[]): number | undefined {
  const ranks = averageRanks(Float64Array.from(scores));
  let [sum, positives] = [0, 0];
  for (const [i, is] of positive.entries()) {
    if (!is) continue;
    positives += 1;
    sum += ranks[i] as number;
  }
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
