/** What is compared with what, and what the project promises of it. */
import { loadAddon } from "../dist/src/native/load-addon.js";
import { CEILING, OURS, OWN_BUILD, PADDED, PEER, STOCK, UNPADDED, UNSHARED } from "./contenders.mjs";
import { compare } from "./interleave.mjs";

/** At least these ratios of rates, where the project promises one. */
const PROMISED = {
  "8x256": { [CEILING]: 0.97, [PEER]: 1.1 },
  "200+7x60": { [PEER]: 2.8 },
  "1000+7x100": { [PEER]: 4.2 },
  sample: { [PADDED]: 50 },
};
/** Of the speed-up that the count of computed tokens would give. */
const SHARING = 0.9;
/** Of the stock embedding path's memory beyond the weights. */
const MEMORY = 0.65;

/** A plan as the library makes it on a CPU, where one sequence is evaluated at a time. */
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
    const atLeast = name === UNSHARED ? SHARING * tokenRatio(turns[0].ids) : PROMISED[workload.name]?.[name];
    comparisons.push({ kind: "rate", ...compare(ours, reference), atLeast });
  }
  const own = named(OWN_BUILD);
  if (own) comparisons.push({ kind: "rate", ...compare(own, ours) });
  const stock = named(STOCK);
  if (stock?.peakBytes !== undefined) {
    const above = (contender) => contender.peakBytes - modelBytes;
    const ratio = above(ours) / above(stock);
    // On a tiny model Node itself takes the most.
    const atMost = shape === "tiny" ? undefined : MEMORY;
    comparisons.push({ kind: "memory", subject: OURS, reference: STOCK, ratio, atMost });
  }
  return comparisons;
}

/** Tokens in all by tokens that are computed when each shared prefix is computed once. */
export function tokenRatio(ids) {
  const sequences = ids.map((sequence) => Int32Array.from(sequence));
  const plan = loadAddon().planPrefixes(sequences, EXACT);
  const computed = plan.flatMap(({ segments }) => segments).reduce((sum, { begin, end }) => sum + end - begin, 0);
  return sequences.reduce((sum, { length }) => sum + length, 0) / computed;
}
