/** One sentence on whether a model's scores follow length. */
import { NORMAL_QUANTILE } from "./interval.ts";

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
