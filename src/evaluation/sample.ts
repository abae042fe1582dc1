/** Random sampling of a benchmark's cases. */
import { createHash } from "node:crypto";

interface RowPosition {
  readonly source: number;
  readonly row: number;
}

interface Candidate<T> {
  readonly key: number;
  readonly case: T;
}

/**
 * Draws at most `limit` cases without replacement. Each case gets a pseudorandom key from the seed and its position, and
 * the lowest keys win. A case's key does not depend on the other cases, and memory holds at most `2 * limit` of them.
 *
 * @returns the cases, ordered by source and row
 */
export async function sampleCases<T extends RowPosition>(
  cases: AsyncIterable<T>,
  limit: number,
  seed: number,
): Promise<readonly T[]> {
  let candidates: Candidate<T>[] = [];
  // Sorting whenever twice the limit has come in is faster than keeping a heap.
  for await (const one of cases) {
    candidates.push({ key: sampleKey(one, seed), case: one });
    if (candidates.length >= 2 * limit) candidates = lowestKeys(candidates, limit);
  }
  return lowestKeys(candidates, limit)
    .map((drawn) => drawn.case)
    .sort(byPosition);
}

function lowestKeys<T extends RowPosition>(candidates: Candidate<T>[], limit: number): Candidate<T>[] {
  return candidates.sort((a, b) => a.key - b.key || byPosition(a.case, b.case)).slice(0, limit);
}

function byPosition(a: RowPosition, b: RowPosition): number {
  return a.source - b.source || a.row - b.row;
}

const KEY_BYTES = 6;

/** Uniform, and the same on every machine. */
function sampleKey({ source, row }: RowPosition, seed: number): number {
  return createHash("sha256").update(`${seed}/${source}/${row}`).digest().readUIntBE(0, KEY_BYTES);
}
