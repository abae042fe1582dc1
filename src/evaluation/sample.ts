/** Random sampling of a benchmark's prompts. */
import { createHash } from "node:crypto";

interface Drawable {
  readonly source: number;
  readonly row: number;
}

interface Candidate<T> {
  readonly key: number;
  readonly prompt: string;
  readonly cases: T[];
}

/**
 * Draws at most `limit` prompts without replacement, each with all its cases. A prompt gets a pseudorandom key from the seed
 * and its name, and the lowest keys win. Its key does not depend on the other prompts, and memory holds the cases of at
 * most `2 * limit` of them.
 *
 * @param promptOf the same name for cases that are drawn together
 * @returns the cases, ordered by source and row
 */
export async function sampleCases<T extends Drawable>(
  cases: AsyncIterable<T>,
  limit: number,
  seed: number,
  promptOf: (one: T) => string,
): Promise<readonly T[]> {
  let candidates = new Map<string, Candidate<T>>();
  // A prompt above it was beaten by `limit` others: its later cases are, too.
  let highest = Number.POSITIVE_INFINITY;
  // Sorting whenever twice the limit has come in is faster than keeping a heap.
  for await (const one of cases) {
    const prompt = promptOf(one);
    const known = candidates.get(prompt);
    if (known !== undefined) {
      known.cases.push(one);
      continue;
    }
    const key = sampleKey(prompt, seed);
    if (key > highest) continue;
    candidates.set(prompt, { key, prompt, cases: [one] });
    if (candidates.size < 2 * limit) continue;
    const kept = lowestKeys(candidates, limit);
    highest = kept.at(-1)?.key ?? highest;
    candidates = new Map(kept.map((candidate) => [candidate.prompt, candidate]));
  }
  return lowestKeys(candidates, limit)
    .flatMap((drawn) => drawn.cases)
    .sort((a, b) => a.source - b.source || a.row - b.row);
}

function lowestKeys<T>(candidates: ReadonlyMap<string, Candidate<T>>, limit: number): Candidate<T>[] {
  return [...candidates.values()].sort((a, b) => a.key - b.key || (a.prompt < b.prompt ? -1 : 1)).slice(0, limit);
}

const KEY_BYTES = 6;

/** Uniform, and the same on every machine. */
function sampleKey(prompt: string, seed: number): number {
  return createHash("sha256").update(`${seed}/${prompt}`).digest().readUIntBE(0, KEY_BYTES);
}
