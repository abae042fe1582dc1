/** The sample of a benchmark's cases. */
import { createHash } from "node:crypto";

interface Placed {
  readonly source: number;
  readonly row: number;
}

/**
 * At most `limit` cases, drawn without replacement: each case gets a number from the seed and its place alone, and those
 * with the lowest ones are taken. So the sample depends on no other case, and needs memory for `limit` of them only.
 *
 * @returns the cases in the order of their sources and rows
 */
export async function sampleCases<T extends Placed>(
  cases: AsyncIterable<T>,
  limit: number,
  seed: number,
): Promise<readonly T[]> {
  let taken: { readonly lot: number; readonly case: T }[] = [];
  // Drawn in bulk, which is faster than a heap: twice the limit is collected, and the half that lost is dropped.
  for await (const one of cases) {
    taken.push({ lot: lotOf(one, seed), case: one });
    if (taken.length >= 2 * limit) taken = lowest(taken, limit);
  }
  return lowest(taken, limit)
    .map((drawn) => drawn.case)
    .sort(byPlace);
}

function lowest<T extends { readonly lot: number; readonly case: Placed }>(drawn: T[], limit: number): T[] {
  return drawn.sort((a, b) => a.lot - b.lot || byPlace(a.case, b.case)).slice(0, limit);
}

function byPlace(a: Placed, b: Placed): number {
  return a.source - b.source || a.row - b.row;
}

const LOT_BYTES = 6;

/** Evenly distributed, and the same on every machine. */
function lotOf({ source, row }: Placed, seed: number): number {
  return createHash("sha256").update(`${seed}/${source}/${row}`).digest().readUIntBE(0, LOT_BYTES);
}
