/** Which contenders are compared, and the ratios that the project guarantees. */
import { loadAddon } from "../dist/src/native/load-addon.js";
import { CEILING, OURS, OWN_BUILD, PADDED, PEER, STOCK, UNPADDED, UNSHARED } from "./contenders.mjs";
import { compare } from "./interleave.mjs";

/** Minimum ratios of rates. */
const MIN_RATES = {
  "8x256": { [CEILING]: 0.97, [PEER]: 1.1 },
  "200+7x60": { [PEER]: 2.8 },
  "1000+7x100": { [PEER]: 4.2 },
  sample: { [PADDED]: 50 },
};
/** Minimum share of the speed-up expected from the number of computed tokens. */
const MIN_SHARING = 0.9;
/** Maximum memory beyond the weights, relative to llama.cpp's embedding path. */
const MAX_MEMORY = 0.65;

/** The planner's limits on a CPU, where one sequence is evaluated at a time. */
const EXACT = { sequences: 1, tokens: 512, minShared: 8, multiple: 4, maxPassedOver: 256, share: true };

/**
 * @param {import("./workloads.mjs").Workload} workload
 * @param {{ turns: { ids: number[][] }[], modelBytes: number, shape: string }} work
 */
export function comparisonsOf(workload, contenders, { turns, modelBytes, shape }) {
  const named = (name) => contenders.find((contender) => contender.name === name);
  const ours = named(OURS);
  const comparisons = [];
  for (const name of [CEILING, UNSHARED, PEER, PADDED, UNPADDED]) {
    const reference = named(name);
    if (!reference) continue;
    const atLeast = name === UNSHARED ? MIN_SHARING * tokenRatio(turns[0].ids) : MIN_RATES[workload.name]?.[name];
    comparisons.push({ kind: "rate", ...compare(ours, reference), atLeast });
  }
  const own = named(OWN_BUILD);
  if (own) comparisons.push({ kind: "rate", ...compare(own, ours) });
  const stock = named(STOCK);
  if (stock?.peakBytes !== undefined) {
    const above = (contender) => contender.peakBytes - modelBytes;
    const ratio = above(ours) / above(stock);
    // With a tiny model, Node itself takes most of the memory.
    const atMost = shape === "tiny" ? undefined : MAX_MEMORY;
    comparisons.push({ kind: "memory", subject: OURS, reference: STOCK, ratio, atMost });
  }
  return comparisons;
}

/** Total tokens divided by tokens computed when each shared prefix is computed once. */
export function tokenRatio(ids) {
  const sequences = ids.map((sequence) => Int32Array.from(sequence));
  const plan = loadAddon().planPrefixes(sequences, EXACT);
  const computed = plan.flatMap(({ segments }) => segments).reduce((sum, { begin, end }) => sum + end - begin, 0);
  return sequences.reduce((sum, { length }) => sum + length, 0) / computed;
}
