/** Whether scores follow length. The model card warns that reward models of this kind like long responses. */
import type { ScoredCase } from "../case.ts";
import { type AccuracyBin, accuracyByValue } from "./bins.ts";
import { averageRanksWithin, pearson, spearman } from "./correlation.ts";
import { NORMAL_QUANTILE } from "./interval.ts";
import type { PairLists } from "./outcome.ts";
import { whenFinite } from "./outcome.ts";

/** Lengths are characters (code points) of responses. */
export interface LengthMeasures {
  /** Comparisons whose better response is the longer one, the shorter one, as long, and how they came out. */
  readonly betterLonger: LengthGroup;
  readonly betterShorter: LengthGroup;
  readonly equal: LengthGroup;
  /** What "the longer one wins" would get right, 0 to 1: equal lengths count half. */
  readonly accuracyOfLonger: number;
  /**
   * Accuracy where the better response is longer less accuracy where it is shorter, -1 to 1. 0 for a model that does not
   * look at length, however many of the better responses are longer; 1 for one that looks at nothing else. Absent where
   * one of the groups is empty.
   */
  readonly gap?: number;
  /** Its standard error; the comparisons of one case are not independent of each other, which is allowed for. */
  readonly gapError?: number;
  /**
   * Correlation of score with length over responses to the same prompt: of both, the mean (of scores and lengths, or of
   * their ranks in the case) is taken off. Prompts then count for nothing.
   */
  readonly withinPrompts: Correlation;
  /** Over all responses; long answers to prompts that score high count, too. */
  readonly overall: Correlation;
  /** Accuracy against the better response's length less the worse one's; bins of nearly equal counts. */
  readonly accuracyByDifference: readonly AccuracyBin[];
  readonly verdict: LengthVerdict;
}

export interface LengthGroup {
  readonly comparisons: number;
  /** 0 to 1; absent without comparisons. */
  readonly accuracy?: number;
}

/** -1 to 1 each; absent where scores or lengths are all the same. */
export interface Correlation {
  readonly pearson?: number;
  readonly spearman?: number;
}

/** Undefined without comparisons. */
export function measureLength(cases: readonly ScoredCase[], pairs: PairLists): LengthMeasures | undefined {
  const { lengthDifferences, right } = pairs;
  const comparisons = right.length;
  if (comparisons === 0) return undefined;
  const groups = { longer: { count: 0, right: 0 }, shorter: { count: 0, right: 0 }, equal: { count: 0, right: 0 } };
  for (let i = 0; i < comparisons; i++) {
    const difference = lengthDifferences[i] as number;
    const group = difference > 0 ? groups.longer : difference < 0 ? groups.shorter : groups.equal;
    group.count++;
    group.right += right[i] as number;
  }
  const responses = listResponses(cases);
  const gap = gapOf(cases, pairs, groups);
  return {
    betterLonger: lengthGroup(groups.longer),
    betterShorter: lengthGroup(groups.shorter),
    equal: lengthGroup(groups.equal),
    accuracyOfLonger: (groups.longer.count + groups.equal.count / 2) / comparisons,
    ...gap,
    withinPrompts: correlationWithin(responses),
    overall: correlation(pearson(responses.scores, responses.lengths), spearman(responses.scores, responses.lengths)),
    accuracyByDifference: accuracyByValue(lengthDifferences, right),
    verdict: lengthVerdict(groups.longer.count, groups.shorter.count, gap.gap, gap.gapError),
  };
}

interface Group {
  count: number;
  right: number;
}

function lengthGroup({ count, right }: Group): LengthGroup {
  return { comparisons: count, ...whenFinite("accuracy", right / count) };
}

/** The error is that of a difference of two ratios over cases, linearised: each case pulls at it by its residuals. */
function gapOf(
  cases: readonly ScoredCase[],
  { lengthDifferences, right }: PairLists,
  { longer, shorter }: { longer: Group; shorter: Group },
): { gap?: number; gapError?: number } {
  if (longer.count === 0 || shorter.count === 0) return {};
  const rateLonger = longer.right / longer.count;
  const rateShorter = shorter.right / shorter.count;
  let [squares, at] = [0, 0];
  for (const { comparisons } of cases) {
    let pull = 0;
    for (const end = at + comparisons.length; at < end; at++) {
      const difference = lengthDifferences[at] as number;
      if (difference > 0) pull += ((right[at] as number) - rateLonger) / longer.count;
      else if (difference < 0) pull -= ((right[at] as number) - rateShorter) / shorter.count;
    }
    squares += pull * pull;
  }
  return { gap: rateLonger - rateShorter, gapError: Math.sqrt(squares) };
}

/** Values of all responses, one case after another. */
interface ResponseLists {
  readonly scores: Float64Array;
  readonly lengths: Float64Array;
  /** Where each case begins, and the end of the last one. */
  readonly starts: Uint32Array;
}

function listResponses(cases: readonly ScoredCase[]): ResponseLists {
  const starts = new Uint32Array(cases.length + 1);
  for (const [i, { scores }] of cases.entries()) starts[i + 1] = (starts[i] as number) + scores.length;
  const count = starts[cases.length] as number;
  const lists = { scores: new Float64Array(count), lengths: new Float64Array(count), starts };
  let at = 0;
  for (const { scores, lengths } of cases) {
    for (let i = 0; i < scores.length; i++) {
      lists.scores[at] = scores[i] as number;
      lists.lengths[at++] = lengths[i] as number;
    }
  }
  return lists;
}

function correlationWithin({ scores, lengths, starts }: ResponseLists): Correlation {
  const linear = pearson(demeaned(scores, starts), demeaned(lengths, starts));
  const ranks = pearson(
    demeaned(averageRanksWithin(scores, starts), starts),
    demeaned(averageRanksWithin(lengths, starts), starts),
  );
  return correlation(linear, ranks);
}

/** Each case's values less their mean: exactly 0 for equal values, which the rounded mean need not give. */
function demeaned(values: Float64Array, starts: Uint32Array): Float64Array {
  const centred = new Float64Array(values.length);
  for (let own = 0; own + 1 < starts.length; own++) {
    const [start, end] = [starts[own] as number, starts[own + 1] as number];
    const first = values[start] as number;
    let sum = 0;
    for (let i = start; i < end; i++) sum += (values[i] as number) - first;
    for (let i = start; i < end; i++) centred[i] = (values[i] as number) - first - sum / (end - start);
  }
  return centred;
}

function correlation(linear: number | undefined, ofRanks: number | undefined): Correlation {
  return { ...(linear !== undefined && { pearson: linear }), ...(ofRanks !== undefined && { spearman: ofRanks }) };
}

export interface LengthVerdict {
  /**
   * `none`: no lean that matters. `longer`, `shorter`: the model leans to long or to short responses. `only-longer`,
   * `only-shorter`: it scores by next to nothing else. `unknown`: the comparisons cannot tell.
   */
  readonly kind: "none" | "longer" | "shorter" | "only-longer" | "only-shorter" | "unknown";
  /** Whether users should be warned: every kind but `none` and `unknown`. */
  readonly biased: boolean;
  /** For people. */
  readonly sentence: string;
}

/** A gap in accuracy from here on is a lean that matters, if it is also more than chance (95 %). */
export const LEANING_GAP = 0.1;
/** From here on next to nothing but length decides: 1 is a model that looks at nothing else. */
export const DECIDING_GAP = 0.8;
/** Fewer comparisons in one of the two groups tell nothing. */
export const MIN_LENGTH_GROUP = 20;

/**
 * @param longer comparisons whose better response is the longer one
 * @param shorter comparisons whose better response is the shorter one
 * @param gap accuracy in the first less accuracy in the second
 * @param error its standard error
 */
export function lengthVerdict(
  longer: number,
  shorter: number,
  gap: number | undefined,
  error: number | undefined,
): LengthVerdict {
  if (gap === undefined || error === undefined || Math.min(longer, shorter) < MIN_LENGTH_GROUP) {
    const counts = `the better response is longer in ${longer} comparisons and shorter in ${shorter}`;
    const sentence = `Too few comparisons to tell: ${counts}, and ${MIN_LENGTH_GROUP} of each are needed.`;
    return { kind: "unknown", biased: false, sentence };
  }
  const size = Math.abs(gap);
  const points = `${(100 * size).toFixed(1)} percentage points`;
  const [liked, other] = gap > 0 ? (["longer", "shorter"] as const) : (["shorter", "longer"] as const);
  const facts = `it is right ${points} more often where the better response is the ${liked} one`;
  if (size >= DECIDING_GAP) {
    const sentence = `The scores follow length alone, or nearly so: ${facts}. The ${liked} response wins, good or bad.`;
    return { kind: `only-${liked}`, biased: true, sentence };
  }
  if (size >= LEANING_GAP && size > NORMAL_QUANTILE * error) {
    const sentence = `The model leans to ${liked} responses: ${facts} than where it is the ${other} one.`;
    return { kind: liked, biased: true, sentence };
  }
  const limit = `${100 * LEANING_GAP} points`;
  const sentence =
    size < LEANING_GAP
      ? `No lean to long or short responses that matters: the accuracies differ by ${points}, less than ${limit}.`
      : `No certain lean to long or short responses: the accuracies differ by ${points}, which may be chance.`;
  return { kind: "none", biased: false, sentence };
}
