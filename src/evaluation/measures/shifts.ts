/** How far changed texts move scores, and how often they change the order of two responses. Pure. */
import type { Comparison } from "../case.ts";
import { mean } from "./accuracy.ts";
import { type Interval, quantile } from "./interval.ts";
import { isRight } from "./outcome.ts";
import { clusteredMeanInterval, clusteredMedianInterval, clusteredShareInterval } from "./shift-interval.ts";

/** A score; undefined: the text could not be scored. */
export type Attempt = { readonly score: number; readonly truncated: boolean } | undefined;

/** What became of a response under one probe: a score of the changed text, or why it was not changed. */
export type ChangedAttempt = Attempt | { readonly skipped: string };

/** A row's responses as they are, and as one probe changes them: one entry per response. */
export interface ProbedCase {
  readonly prompt: string;
  readonly comparisons: readonly Comparison[];
  readonly originals: readonly Attempt[];
  /** By the probe's name. */
  readonly changed: ReadonlyMap<string, readonly ChangedAttempt[]>;
}

/** A share of counted things. */
export interface Share {
  /** How many. */
  readonly count: number;
  /** `count` of all, 0 to 1. */
  readonly share: number;
  /** Of `share`, at 95 %; the unit is the prompt. */
  readonly interval?: Interval;
}

/** Mean and median of the shifts of one probe. */
export interface ShiftMeasures {
  /** Mean over responses of the changed text's score minus the original's. */
  readonly mean: number;
  /** Of `mean`, at 95 %; the unit is the prompt. Absent with a single prompt, or if all shifts are equal. */
  readonly interval?: Interval;
  /** Median over responses. */
  readonly median: number;
  /** Of `median`, at 95 %; the unit is the prompt. Absent with fewer than six prompts, or if all shifts are equal. */
  readonly medianInterval?: Interval;
}

/** How often a probe changes which response of a pair wins, and how often the right one wins before and after. */
export interface FlipMeasures {
  /** Pairs whose texts could all be changed and scored whole. */
  readonly pairs: number;
  /** Pairs that are right before or after, but not both. Absent without pairs. */
  readonly flipped?: Share;
  /** Of these, pairs that were right before. */
  readonly toWrong: number;
  /** Of these, pairs that are right afterwards. */
  readonly toRight: number;
  /** Pairs that are right before. */
  readonly rightBefore: number;
  /** Pairs that are right afterwards. */
  readonly rightAfter: number;
}

/** What one probe did to the scores. Scores are as in `ScoredCase`: higher is better. */
export interface ShiftsOfProbe {
  /** Responses in the data. */
  readonly responses: number;
  /** Responses whose shift is measured: changed, scored, and not truncated. */
  readonly measured: number;
  /** Different prompts among them. */
  readonly prompts: number;
  /** Responses that the probe does not apply to, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Responses left out because the text is truncated, as it was or as it was changed: its prompt was cut. */
  readonly truncated: number;
  /** Responses left out because the text could not be scored, as it was or as it was changed. */
  readonly failed: number;
  /** In units of the score; absent if nothing is measured. */
  readonly shift?: ShiftMeasures;
  /** The same divided by the standard deviation of the data's scores; absent if that is 0 or unknown. */
  readonly standardized?: ShiftMeasures;
  /** Responses whose score rose; absent if nothing is measured. */
  readonly up?: Share;
  /** Responses whose score fell. */
  readonly down?: Share;
  /** Responses whose score is exactly the same. */
  readonly same?: Share;
  /** Absent if the data compares no responses. */
  readonly pairs?: {
    /** Only the worse response of each pair is changed: a rise makes right pairs wrong. */
    readonly rejected: FlipMeasures;
    /** Only the better response is changed. */
    readonly chosen: FlipMeasures;
    /** Both are. */
    readonly both: FlipMeasures;
  };
}

/** The original scores, the measure of how large a shift is. */
export interface ScoreSpread {
  /** Number of scores. */
  readonly count: number;
  /** Their mean. */
  readonly mean?: number;
  /** Their standard deviation (n - 1); absent with fewer than two. */
  readonly standardDeviation?: number;
  /** Standard deviation of responses to one prompt around their mean; absent if no prompt has two. */
  readonly withinPrompts?: number;
}

/** All original scores, also of truncated texts. */
export function measureSpread(cases: readonly ProbedCase[]): ScoreSpread {
  const scores: number[] = [];
  const byPrompt = new Map<string, number[]>();
  for (const { prompt, originals } of cases)
    for (const original of originals) {
      if (original === undefined) continue;
      scores.push(original.score);
      if (!byPrompt.get(prompt)?.push(original.score)) byPrompt.set(prompt, [original.score]);
    }
  const count = scores.length;
  if (count === 0) return { count };
  const within = [...byPrompt.values()].reduce((sum, own) => sum + squaresAround(own), 0);
  return {
    count,
    mean: mean(scores),
    ...(count > 1 ? { standardDeviation: Math.sqrt(squaresAround(scores) / (count - 1)) } : {}),
    ...(count > byPrompt.size ? { withinPrompts: Math.sqrt(within / (count - byPrompt.size)) } : {}),
  };
}

/** @param standardDeviation of the data's scores */
export function measureProbe(
  cases: readonly ProbedCase[],
  probe: string,
  standardDeviation: number | undefined,
): ShiftsOfProbe {
  const skipped: Record<string, number> = {};
  let [responses, truncated, failed] = [0, 0, 0];
  const shifts: number[] = [];
  const prompts: string[] = [];
  for (const { prompt, originals, changed } of cases)
    for (const [i, original] of originals.entries()) {
      responses += 1;
      const other = changed.get(probe)?.[i];
      if (other !== undefined && "skipped" in other) skipped[other.skipped] = (skipped[other.skipped] ?? 0) + 1;
      else if (original === undefined || other === undefined) failed += 1;
      else if (original.truncated || other.truncated) truncated += 1;
      else {
        // Never -0, which JSON would not preserve.
        shifts.push(other.score - original.score + 0);
        prompts.push(prompt);
      }
    }
  const shift = shifts.length === 0 ? undefined : shiftMeasures(shifts, prompts);
  const scaled = standardDeviation === undefined || standardDeviation === 0 ? undefined : standardDeviation;
  const shareOf = (counts: (value: number) => boolean) => measureShare(shifts.map(counts), prompts);
  return {
    responses,
    measured: shifts.length,
    prompts: new Set(prompts).size,
    skipped,
    truncated,
    failed,
    ...(shift && { shift }),
    ...(shift && scaled !== undefined && { standardized: divided(shift, scaled) }),
    ...(shift && { up: shareOf((value) => value > 0) as Share }),
    ...(shift && { down: shareOf((value) => value < 0) as Share }),
    ...(shift && { same: shareOf((value) => value === 0) as Share }),
    ...(cases.some(({ comparisons }) => comparisons.length > 0) && {
      pairs: {
        rejected: measureFlips(cases, probe, { better: false, worse: true }),
        chosen: measureFlips(cases, probe, { better: true, worse: false }),
        both: measureFlips(cases, probe, { better: true, worse: true }),
      },
    }),
  };
}

function shiftMeasures(shifts: readonly number[], prompts: readonly string[]): ShiftMeasures {
  const sorted = Float64Array.from(shifts).sort();
  const interval = clusteredMeanInterval(shifts, prompts);
  const medianInterval = clusteredMedianInterval(shifts, prompts);
  return {
    mean: mean(shifts),
    ...(interval && { interval }),
    median: quantile(sorted, 0.5),
    ...(medianInterval && { medianInterval }),
  };
}

function divided({ mean, interval, median, medianInterval }: ShiftMeasures, by: number): ShiftMeasures {
  const scale = (one: Interval) => ({ ...one, low: one.low / by, high: one.high / by });
  return {
    mean: mean / by,
    ...(interval && { interval: scale(interval) }),
    median: median / by,
    ...(medianInterval && { medianInterval: scale(medianInterval) }),
  };
}

function measureFlips(
  cases: readonly ProbedCase[],
  probe: string,
  changes: { readonly better: boolean; readonly worse: boolean },
): FlipMeasures {
  let [toWrong, toRight, rightBefore, rightAfter] = [0, 0, 0, 0];
  const flips: boolean[] = [];
  const prompts: string[] = [];
  for (const { prompt, comparisons, originals, changed } of cases)
    for (const comparison of comparisons) {
      const { better, worse } = comparison;
      const before = [better, worse].map((i) => wholeScore(originals[i]));
      const after = [better, worse].map((i, side) =>
        changes[side === 0 ? "better" : "worse"] ? wholeScore(changed.get(probe)?.[i]) : before[side],
      );
      const scores = [...before, ...after];
      if (!scores.every((score) => score !== undefined)) continue;
      const own = { ...comparison, better: 0, worse: 1 };
      const wasRight = isRight({ scores: scores.slice(0, 2) }, own);
      const staysRight = isRight({ scores: scores.slice(2) }, own);
      if (wasRight) rightBefore += 1;
      if (staysRight) rightAfter += 1;
      if (wasRight && !staysRight) toWrong += 1;
      if (!wasRight && staysRight) toRight += 1;
      flips.push(wasRight !== staysRight);
      prompts.push(prompt);
    }
  const flipped = measureShare(flips, prompts);
  return { pairs: flips.length, ...(flipped && { flipped }), toWrong, toRight, rightBefore, rightAfter };
}

/** Undefined for what was not scored, or not whole. */
function wholeScore(attempt: ChangedAttempt): number | undefined {
  return attempt === undefined || "skipped" in attempt || attempt.truncated ? undefined : attempt.score;
}

/** Undefined of nothing. */
function measureShare(values: readonly boolean[], prompts: readonly string[]): Share | undefined {
  if (values.length === 0) return undefined;
  const count = values.filter(Boolean).length;
  const interval = clusteredShareInterval(values.map(Number), prompts);
  return { count, share: count / values.length, ...(interval && { interval }) };
}

/** Squared distances from the mean, added up. */
function squaresAround(values: readonly number[]): number {
  const centre = mean(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
}
