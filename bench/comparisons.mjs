/** Which contenders are compared, and the ratios that the project guarantees. */
import { loadAddon } from "../dist/src/native/load-addon.js";
import {
  CEILING,
  KERNELS_OFF,
  OURS,
  OWN_BUILD,
  PACKED,
  PACKED_OFF,
  PEER,
  SAME_LENGTH,
  STOCK,
  UNSHARED,
} from "./contenders.mjs";
import { compare } from "./interleave.mjs";
import { BF16, INT8, PADDED, UNPADDED } from "./torch.mjs";

/** Minimum ratios of rates, for the 1.1B shape and the embedded model. */
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

/** Each subject and what it is compared with. */
const PAIRS = [
  ...[KERNELS_OFF, CEILING, SAME_LENGTH, UNSHARED, PEER, PADDED, UNPADDED, BF16, INT8].map((name) => [OURS, name]),
  ...[OURS, PACKED_OFF, SAME_LENGTH, BF16, INT8].map((name) => [PACKED, name]),
  [OWN_BUILD, OURS],
];

/** The planner's limits on a CPU, where one sequence is evaluated at a time. */
const EXACT = { sequences: 1, tokens: 512, minShared: 8, multiple: 4, maxPassedOver: 256, share: true };

/**
 * @param {import("./workloads.mjs").Workload} workload
 * @param {{ turns: { ids: number[][] }[], modelBytes: number, shape: string | undefined }} work shape: undefined for the embedded model
 */
export function comparisonsOf(workload, contenders, { turns, modelBytes, shape }) {
  const named = (name) => contenders.find((contender) => contender.name === name);
  const comparisons = PAIRS.flatMap(([subject, reference]) => {
    if (!named(subject) || !named(reference)) return [];
    const minimum = shape === undefined || shape === "1.1b" ? MIN_RATES[workload.name]?.[reference] : undefined;
    const guaranteed = reference === UNSHARED ? MIN_SHARING / computedShare(turns) : minimum;
    const atLeast = subject === OURS ? guaranteed : undefined;
    return [{ kind: "rate", ...compare(named(subject), named(reference)), atLeast }];
  });
  const [ours, stock] = [named(OURS), named(STOCK)];
  if (stock?.peakBytes !== undefined) {
    const above = (contender) => contender.peakBytes - modelBytes;
    const ratio = above(ours) / above(stock);
    // With a tiny model, Node itself takes most of the memory.
    const atMost = shape === "3.5m" ? undefined : MAX_MEMORY;
    comparisons.push({ kind: "memory", subject: OURS, reference: STOCK, ratio, atMost });
  }
  return comparisons;
}

/** Share of the tokens that is computed when each common prefix is computed once. */
export function computedShare(turns) {
  const count = ({ ids }) => {
    const sequences = ids.map((sequence) => Int32Array.from(sequence));
    const plan = loadAddon().planPrefixes(sequences, EXACT);
    return plan.flatMap(({ segments }) => segments).reduce((sum, { begin, end }) => sum + end - begin, 0);
  };
  const all = turns.flatMap(({ ids }) => ids).reduce((sum, { length }) => sum + length, 0);
  return turns.reduce((sum, turn) => sum + count(turn), 0) / all;
}
