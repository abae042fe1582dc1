/** Cases that one of two models gets right and the other does not. Pure. */
import type { ScoredCase } from "../case.ts";
import { marginOf, rightComparisons } from "./outcome.ts";

/** A case in which two models have different numbers of comparisons right. */
export interface Flip {
  /** Index of the source in the first run. */
  readonly source: number;
  /** Row number in the source, from 1. */
  readonly row: number;
  /** The data set's own id; absent if it has none. */
  readonly id?: string;
  /** The data set's own name for a part of it; absent if it has none. */
  readonly subset?: string;
  /** Comparisons that are right in the second run minus those in the first: above 0 the second is better. */
  readonly gain: number;
  /** Smallest margin of the case's comparisons in the first and the second run. */
  readonly margins: readonly [number, number];
  /** The prompt; texts are known only of the worst mistakes of either run. */
  readonly prompt?: string;
  /** The response that should win. */
  readonly better?: string;
  /** The response that should lose. */
  readonly worse?: string;
}

/** Largest change of the margin first. @param second the same cases, in the same order */
export function findFlips(first: readonly ScoredCase[], second: readonly ScoredCase[]): Flip[] {
  const flips: Flip[] = [];
  for (const [i, a] of first.entries()) {
    const b = second[i] as ScoredCase;
    const gain = rightComparisons(b) - rightComparisons(a);
    if (gain === 0) continue;
    const { source, row, id, subset } = a;
    flips.push({
      source,
      row,
      ...(id !== undefined && { id }),
      ...(subset !== undefined && { subset }),
      gain,
      margins: [smallestMargin(a), smallestMargin(b)],
    });
  }
  const change = ({ margins: [one, other] }: Flip) => Math.abs(other - one);
  return flips.sort((a, b) => change(b) - change(a) || a.source - b.source || a.row - b.row);
}

function smallestMargin(scored: ScoredCase): number {
  return scored.comparisons.reduce(
    (least, comparison) => Math.min(least, marginOf(scored, comparison)),
    Number.POSITIVE_INFINITY,
  );
}
