/**
 * Best-of-n: the grade of the response with the highest score among n. Expected over all choices of n responses of a prompt,
 * computed exactly: every point of a curve is unbiased and needs no random numbers.
 */
import type { ScoredCase } from "../case.ts";
import { PromptSums } from "./accuracy.ts";
import { clusteredInterval, type Interval } from "./interval.ts";

/** One point of a best-of-n curve: means over the prompts with n responses or more. */
export interface BestOfNPoint {
  /** Responses to choose from. */
  readonly n: number;
  /** Expected grade of the response with the highest score; equal scores share the choice. */
  readonly chosen: number;
  /** Of `chosen`, at 95 %, over prompts. */
  readonly interval?: Interval;
  /** Expected grade of the best response: what a perfect model would choose. */
  readonly oracle: number;
  /** Expected grade of a response drawn at random. */
  readonly random: number;
  /** KL divergence of best-of-n from drawing one response, in nats: log n - (n - 1) / n. An upper bound where scores are equal. */
  readonly kl: number;
  /** Prompts with n graded responses or more. */
  readonly prompts: number;
}

/** Expected grade of the chosen response by the number of responses. */
export interface BestOfNCurve {
  /** From n = 1 up. */
  readonly points: readonly BestOfNPoint[];
  /** Lowest grade of a response. */
  readonly lowest: number;
  /** Highest grade of a response. */
  readonly highest: number;
}

/** Every n up to here, then doubled: curves are flat there. */
const MAX_SINGLE_STEPS = 32;

/** Undefined unless some case has three or more graded responses, and grades differ: for pairs, accuracy says everything. */
export function measureBestOfN(cases: readonly ScoredCase[]): BestOfNCurve | undefined {
  const most = cases.reduce((count, { grades }) => Math.max(count, gradedCount(grades)), 0);
  return most < 3 ? undefined : bestOfNCurve(cases);
}

/** Undefined without two different grades. */
export function bestOfNCurve(cases: readonly ScoredCase[]): BestOfNCurve | undefined {
  let [lowest, highest, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const { grades } of cases) {
    for (const grade of grades) {
      if (grade === undefined) continue;
      lowest = Math.min(lowest, grade);
      highest = Math.max(highest, grade);
    }
    most = Math.max(most, gradedCount(grades));
  }
  if (!(highest > lowest)) return undefined;
  const steps = stepsTo(most);
  const sums = steps.map(() => ({ prompts: new PromptSums(), cases: 0, chosen: 0, oracle: 0, random: 0 }));
  for (const scored of cases) {
    const graded = scored.grades.flatMap((grade, i) =>
      grade === undefined ? [] : [{ grade, score: scored.scores[i] as number }],
    );
    if (graded.length === 0) continue;
    const random = graded.reduce((sum, { grade }) => sum + grade, 0) / graded.length;
    const byScore = levelsOf(graded.map(({ grade, score }) => ({ key: score, grade })));
    const byGrade = levelsOf(graded.map(({ grade }) => ({ key: grade, grade })));
    for (const [i, n] of steps.entries()) {
      if (n > graded.length) break;
      const at = sums[i] as (typeof sums)[number];
      const chosen = expectedTop(byScore, graded.length, n);
      at.cases += 1;
      at.chosen += chosen;
      at.oracle += expectedTop(byGrade, graded.length, n);
      at.random += random;
      at.prompts.add(scored, (chosen - lowest) / (highest - lowest));
    }
  }
  const points = sums.flatMap(({ prompts, cases: count, chosen, oracle, random }, i): BestOfNPoint[] => {
    if (count === 0) return [];
    const n = steps[i] as number;
    const unit = clusteredInterval(prompts.values());
    const scaled = (share: number) => lowest + share * (highest - lowest);
    return [
      {
        n,
        chosen: chosen / count,
        ...(unit && { interval: { ...unit, low: scaled(unit.low), high: scaled(unit.high) } }),
        oracle: oracle / count,
        random: random / count,
        kl: Math.log(n) - (n - 1) / n,
        prompts: prompts.size,
      },
    ];
  });
  return { points, lowest, highest };
}

function gradedCount(grades: readonly (number | undefined)[]): number {
  return grades.reduce<number>((count, grade) => count + (grade === undefined ? 0 : 1), 0);
}

function stepsTo(most: number): number[] {
  const steps = Array.from({ length: Math.min(most, MAX_SINGLE_STEPS) }, (_, i) => i + 1);
  for (let n = 2 * MAX_SINGLE_STEPS; n < most; n *= 2) steps.push(n);
  if (most > MAX_SINGLE_STEPS) steps.push(most);
  return steps;
}

/** Responses with one key. */
interface Level {
  readonly count: number;
  /** Mean grade. */
  readonly grade: number;
}

/** Highest key first. */
function levelsOf(items: { readonly key: number; readonly grade: number }[]): Level[] {
  items.sort((a, b) => b.key - a.key);
  const levels: Level[] = [];
  for (let start = 0, end = 0; start < items.length; start = end) {
    let sum = 0;
    for (end = start; end < items.length && items[end]?.key === items[start]?.key; end++) sum += items[end]?.grade ?? 0;
    levels.push({ count: end - start, grade: sum / (end - start) });
  }
  return levels;
}

/**
 * Expected grade of the top level among n of `total` responses. The chance that none of the n is in the first k levels, which
 * have c responses, is C(total - c, n) / C(total, n): a product of n factors, so that no binomial overflows.
 */
function expectedTop(levels: readonly Level[], total: number, n: number): number {
  let expected = 0;
  let above = 0;
  let noneAbove = 1;
  for (const { count, grade } of levels) {
    const none = chanceOfNone(total, above + count, n);
    expected += (noneAbove - none) * grade;
    noneAbove = none;
    above += count;
    if (none === 0) break;
  }
  return expected;
}

/** Chance that n of `total` items, drawn without replacement, are all outside a set of `size`. */
function chanceOfNone(total: number, size: number, n: number): number {
  if (size + n > total) return 0;
  let chance = 1;
  for (let i = 0; i < n; i++) chance *= (total - size - i) / (total - i);
  return chance;
}
