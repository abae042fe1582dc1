/** Whether comparisons keep their order when the prompt is written in other words. Pure. */
import type { ScoredCase } from "../case.ts";
import { clusteredInterval, type Interval } from "./interval.ts";

/** How often a comparison comes out the same for two paraphrases of its prompt. */
export interface ConsistencyMeasures {
  /** Prompts with two paraphrases or more that share a comparison. */
  readonly prompts: number;
  /** Scored cases of these prompts. */
  readonly cases: number;
  /** Different comparisons that occur in two cases or more of a prompt. */
  readonly comparisons: number;
  /** Pairs of two cases of one prompt with the same comparison. */
  readonly pairs: number;
  /** Part of the pairs that have the same order of scores in both cases, 0 to 1. Absent without pairs. */
  readonly consistency?: number;
  /** Of `consistency`, at 95 %, over prompts. */
  readonly interval?: Interval;
  /** Part of the comparisons that keep their order in all cases of their prompt, 0 to 1. Absent without comparisons. */
  readonly always?: number;
}

/** Undefined unless paraphrases were asked for. */
export function measureConsistency(cases: readonly ScoredCase[]): ConsistencyMeasures | undefined {
  const groups = new Map<string, ScoredCase[]>();
  let asked = false;
  for (const scored of cases) {
    if (scored.paraphrases === undefined) continue;
    asked = true;
    if (!groups.get(scored.paraphrases)?.push(scored)) groups.set(scored.paraphrases, [scored]);
  }
  if (!asked) return undefined;
  const clusters: { sum: number; count: number }[] = [];
  let [used, comparisons, kept, pairs, always] = [0, 0, 0, 0, 0];
  for (const group of groups.values()) {
    const cluster = { sum: 0, count: 0 };
    for (const signs of signsOf(group).values()) {
      const count = (signs.length * (signs.length - 1)) / 2;
      if (count === 0) continue;
      const same = [-1, 0, 1].reduce((sum, sign) => {
        const times = signs.filter((other) => other === sign).length;
        return sum + (times * (times - 1)) / 2;
      }, 0);
      comparisons += 1;
      if (same === count) always += 1;
      cluster.sum += same;
      cluster.count += count;
    }
    if (cluster.count === 0) continue;
    clusters.push(cluster);
    used += group.length;
    kept += cluster.sum;
    pairs += cluster.count;
  }
  const interval = clusteredInterval(clusters);
  return {
    prompts: clusters.length,
    cases: used,
    comparisons,
    pairs,
    ...(pairs > 0 && { consistency: kept / pairs, always: always / comparisons }),
    ...(interval && { interval }),
  };
}

/**
 * The sign of each comparison's margin in every case that has it. Responses are the same if their texts are; where paraphrases have
 * responses of their own, those at the same place of lists of one length.
 */
function signsOf(group: readonly ScoredCase[]): Map<string, number[]> {
  const [first] = group;
  const texts = new Set(first?.responses);
  const shared = group.every(({ responses = [] }) => responses.filter((text) => texts.has(text)).length > 1);
  const signs = new Map<string, number[]>();
  for (const { responses = [], scores, comparisons } of group) {
    const name = (i: number) => (shared ? (responses[i] as string) : `${i} of ${scores.length}`);
    // Repeated responses of one case are one comparison.
    const own = new Map<string, number>();
    for (const { better, worse } of comparisons) {
      const sign = Math.sign((scores[better] as number) - (scores[worse] as number));
      const [one, other] = [name(better), name(worse)];
      if (one === other) continue;
      own.set(one < other ? `${one} ${other}` : `${other} ${one}`, one < other ? sign : 0 - sign);
    }
    for (const [comparison, sign] of own) if (!signs.get(comparison)?.push(sign)) signs.set(comparison, [sign]);
  }
  return signs;
}
