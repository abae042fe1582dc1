/** How the scores of better and worse responses are distributed. */
import type { ScoredCase } from "../case.ts";
import { roundStep } from "./bins.ts";
import { whenFinite } from "./outcome.ts";

/** Scores of the responses that should win and of those that should lose, in the same bins. */
export interface ScoreDistribution {
  /** Lower edge of the first bin: a multiple of `width`. */
  readonly start: number;
  /** 1, 2 or 5 times a power of ten. */
  readonly width: number;
  /** Responses that lose no comparison of their case in the known order. */
  readonly better: ScoreSide;
  /** Responses that lose at least one. */
  readonly worse: ScoreSide;
}

/** The scores of one of the two kinds of responses. */
export interface ScoreSide {
  /** Responses. */
  readonly responses: number;
  /** Mean score; absent without responses. */
  readonly mean?: number;
  /** Median score; absent without responses. */
  readonly median?: number;
  /** Responses per bin, lower edge included. */
  readonly counts: readonly number[];
}

/** At least so many bins, and at most about two and a half times as many. */
const MIN_BINS = 16;

/**
 * Responses that no comparison names are left out; so are comparisons that allow ties.
 *
 * @returns undefined without comparisons, or if the range of the scores is not finite
 */
export function measureScores(cases: readonly ScoredCase[]): ScoreDistribution | undefined {
  const { better, worse } = sidesOf(cases);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const side of [better, worse]) {
    for (const score of side) {
      if (score < low) low = score;
      if (score > high) high = score;
    }
  }
  const width = high === low ? 1 : roundStep(high - low, MIN_BINS);
  if (width === undefined) return undefined;
  const first = Math.floor(low / width);
  const bins = Math.floor(high / width) - first + 1;
  // Scores so large that a bin's width is below their precision.
  if (!(bins <= MAX_BINS)) return undefined;
  // Never -0, which JSON would not preserve.
  const counted = (scores: Float64Array): ScoreSide => {
    const counts = new Array<number>(bins).fill(0);
    let sum = 0;
    for (const score of scores) {
      const bin = Math.floor(score / width) - first;
      counts[bin] = (counts[bin] as number) + 1;
      sum += score;
    }
    const sorted = scores.toSorted();
    const [lower, upper] = [sorted[(sorted.length - 1) >> 1] ?? Number.NaN, sorted[sorted.length >> 1] ?? Number.NaN];
    return {
      responses: scores.length,
      ...whenFinite("mean", sum / scores.length + 0),
      ...whenFinite("median", lower / 2 + upper / 2 + 0),
      counts,
    };
  };
  return { start: first * width + 0, width, better: counted(better), worse: counted(worse) };
}

const MAX_BINS = 100;

function sidesOf(cases: readonly ScoredCase[]): { better: Float64Array; worse: Float64Array } {
  const [better, worse]: [number[], number[]] = [[], []];
  const roles = new Map<number, "better" | "worse">();
  for (const { comparisons, scores } of cases) {
    roles.clear();
    for (const comparison of comparisons) {
      if (comparison.orEqual) continue;
      roles.set(comparison.worse, "worse");
      if (!roles.has(comparison.better)) roles.set(comparison.better, "better");
    }
    for (const [response, role] of roles) (role === "better" ? better : worse).push(scores[response] as number);
  }
  return { better: Float64Array.from(better), worse: Float64Array.from(worse) };
}
