/** Length bias: do scores follow length? The model card warns that such reward models prefer long responses. */
import type { ScoredCase } from "../case.ts";
import { type AccuracyBin, accuracyByValue } from "./bins.ts";
import { averageRanksWithin, pearson, spearman } from "./correlation.ts";
import { NORMAL_QUANTILE } from "./distributions.ts";
import { type PairLists, whenFinite } from "./outcome.ts";

/** Lengths are characters (code points) of responses. */
export interface LengthMeasures {
  /** Comparisons by whether the better response is the longer one, the shorter one, or equally long. */
  readonly betterLonger: LengthGroup;
  /** Comparisons whose better response is the shorter one. */
  readonly betterShorter: LengthGroup;
  /** Comparisons of two equally long responses. */
  readonly equal: LengthGroup;
  /** Accuracy of the rule "the longer response wins", 0 to 1; equal lengths count half. */
  readonly accuracyOfLonger: number;
  /**
   * Accuracy where the better response is longer minus accuracy where it is shorter, -1 to 1. A model that ignores length
   * has 0, however many better responses are longer; a model that scores only length has 1. Absent if a group is empty.
   */
  readonly gap?: number;
  /** Standard error of `gap`, clustered by case: comparisons of one case are not independent. */
  readonly gapError?: number;
  /**
   * Correlation of score and length within prompts: each case's mean score and length (or mean rank) is subtracted, which
   * removes differences between prompts.
   */
  readonly withinPrompts: Correlation;
  /** Correlation over all responses, including differences between prompts. */
  readonly overall: Correlation;
  /** Accuracy by length difference (better minus worse), in bins of nearly equal counts. */
  readonly accuracyByDifference: readonly AccuracyBin[];
  /** What the numbers say about the influence of length. */
  readonly verdict: LengthVerdict;
}

/** Accuracy in one group of comparisons. */
export interface LengthGroup {
  /** Comparisons in the group. */
  readonly comparisons: number;
  /** 0 to 1; absent without comparisons. */
  readonly accuracy?: number;
}

/** -1 to 1 each; absent if all scores or all lengths are equal. */
export interface Correlation {
  /** Pearson's r, -1 to 1; absent if it is not defined. */
  readonly pearson?: number;
  /** Spearman's rho, -1 to 1; absent if it is not defined. */
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

/** The standard error is the linearised (delta method) error of a difference of two ratios, summed over cases. */
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
    let influence = 0;
    for (const end = at + comparisons.length; at < end; at++) {
      const difference = lengthDifferences[at] as number;
      if (difference > 0) influence += ((right[at] as number) - rateLonger) / longer.count;
      else if (difference < 0) influence -= ((right[at] as number) - rateShorter) / shorter.count;
    }
    squares += influence * influence;
  }
  return { gap: rateLonger - rateShorter, gapError: Math.sqrt(squares) };
}

/** Values of all responses, one case after another. */
interface ResponseLists {
  readonly scores: Float64Array;
  readonly lengths: Float64Array;
  /** Start index of each case, then the end of the last one. */
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

/** Subtracts each case's mean. Equal values give exactly 0, which subtracting a rounded mean would not. */
function demeaned(values: Float64Array, starts: Uint32Array): Float64Array {
  const centred = new Float64Array(values.length);
  for (let part = 0; part + 1 < starts.length; part++) {
    const [start, end] = [starts[part] as number, starts[part + 1] as number];
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

/** What the numbers say about the influence of length. */
export interface LengthVerdict {
  /**
   * `none`: no relevant bias. `longer`, `shorter`: the model favours long or short responses. `only-longer`,
   * `only-shorter`: it scores almost nothing but length. `unknown`: too few comparisons.
   */
  readonly kind: "none" | "longer" | "shorter" | "only-longer" | "only-shorter" | "unknown";
  /** Whether to warn: true for every kind except `none` and `unknown`. */
  readonly biased: boolean;
  /** The verdict in one sentence. */
  readonly sentence: string;
}

/** Smallest relevant gap in accuracy; it must also be significant at 95 %. */
const BIAS_GAP = 0.1;
/** From this gap on, almost nothing but length decides; 1 is a model that scores only length. */
const LENGTH_ONLY_GAP = 0.8;
/** With fewer comparisons in one of the two groups, the verdict is `unknown`. */
const MIN_LENGTH_GROUP = 20;

/**
 * @param longer comparisons whose better response is the longer one
 * @param shorter comparisons whose better response is the shorter one
 * @param gap accuracy of the first group minus accuracy of the second
 * @param error standard error of the gap
 */
function lengthVerdict(
  longer: number,
  shorter: number,
  gap: number | undefined,
  error: number | undefined,
): LengthVerdict {
  if (gap === undefined || error === undefined || Math.min(longer, shorter) < MIN_LENGTH_GROUP) {
    const counts = `the better response is longer in ${longer} comparisons and shorter in ${shorter}`;
    const sentence = `Too few comparisons for a verdict: ${counts}; at least ${MIN_LENGTH_GROUP} of each are needed.`;
    return { kind: "unknown", biased: false, sentence };
  }
  const size = Math.abs(gap);
  const points = `${(100 * size).toFixed(1)} percentage points`;
  const [favoured, other] = gap > 0 ? (["longer", "shorter"] as const) : (["shorter", "longer"] as const);
  const facts = `accuracy is ${points} higher where the better response is the ${favoured} one`;
  if (size >= LENGTH_ONLY_GAP) {
    const sentence = `The scores follow almost nothing but length: ${facts}. The ${favoured} response wins, good or bad.`;
    return { kind: `only-${favoured}`, biased: true, sentence };
  }
  if (size >= BIAS_GAP && size > NORMAL_QUANTILE * error) {
    const sentence = `The model favours ${favoured} responses: ${facts} than where it is the ${other} one.`;
    return { kind: favoured, biased: true, sentence };
  }
  const limit = `${100 * BIAS_GAP} points`;
  const sentence =
    size < BIAS_GAP
      ? `No relevant length bias: the two accuracies differ by ${points}, less than ${limit}.`
      : `No significant length bias: the two accuracies differ by ${points}, which may be chance.`;
  return { kind: "none", biased: false, sentence };
}
