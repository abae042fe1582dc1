/** Ends of the interval of a weighted mean of proportions. Pure. */
/** A proportion in a weighted mean. */
export interface Proportion {
  /** All weights together are 1. */
  readonly weight: number;
  /** 0 to 1. */
  readonly share: number;
  /** As if it were measured in so many independent tries; above 0. */
  readonly tries: number;
}

/**
 * So many tries of the whole's mean are added to each part before its variance is computed: a part of one try would have none
 * (the number is that of A. Agresti and B. A. Coull, 1998).
 */
const ADDED_TRIES = 4;
/** Each step halves the range. */
const STEPS = 50;
/** Of weights whose sum is 1. Where all are right, so is the likeliest share next to them, without an error. */
const ROUNDING = 1e-12;

/**
 * The score interval of a weighted mean of proportions (A. Martín Andrés et al., 2011): all values θ that are no more than `quantile`
 * standard errors from the observed mean, where the standard error is that of the likeliest proportions whose mean is θ. So a part of few
 * tries takes most of the distance, as far as 0 and 1 let it, and a part that is all right has room below and none above. For a single
 * part and for parts with equal shares and weights like their tries it is E. B. Wilson's.
 *
 * @param covariance of the parts' means together, less their variances, by their standard deviations; default: they are independent
 */
export function scoreEnds(
  parts: readonly Proportion[],
  quantile: number,
  covariance: (deviations: readonly number[]) => number = () => 0,
): { low: number; high: number } {
  const mean = meanOf(parts);
  const models = modelsOf(parts, mean);
  const endIn = (direction: 1 | -1): number => {
    // From 0 to 1: the slope of the likelihood, from one infinity to the other.
    let [low, high] = [0, 1];
    let end = mean;
    for (let step = 0; step < STEPS; step++) {
      const middle = (low + high) / 2;
      const moved = moveTo(models, Math.log(middle / (1 - middle)) / (middle * (1 - middle)), covariance);
      end = moved.mean;
      const isOutside = direction * (moved.mean - mean) > quantile * moved.error + ROUNDING;
      if (isOutside === (direction === 1)) high = middle;
      else low = middle;
    }
    return end;
  };
  return {
    low: mean <= 0 ? 0 : Math.min(mean, Math.max(0, endIn(-1))),
    high: mean >= 1 ? 1 : Math.max(mean, Math.min(1, endIn(1))),
  };
}

/** Of the parts; exactly 0 or 1 where all are. */
export function meanOf(parts: readonly Pick<Proportion, "weight" | "share">[]): number {
  const [first] = parts;
  if (first !== undefined && parts.every(({ share }) => share === first.share)) return first.share;
  return parts.reduce((sum, { weight, share }) => sum + weight * share, 0);
}

/** How a part's variance depends on θ. */
interface Model {
  readonly weight: number;
  readonly tries: number;
  /** With {@link ADDED_TRIES}. */
  readonly share: number;
  /** How far it moves, relative to the part that moves farthest. */
  readonly pace: number;
  /** What its variance is multiplied by, because it is computed from an estimated share. */
  readonly correction: number;
}

function modelsOf(parts: readonly Proportion[], mean: number): Model[] {
  const variances = parts.map(({ weight, tries }) => weight ** 2 / tries);
  const all = variances.reduce((sum, one) => sum + one, 0);
  const paces = parts.map(({ weight, tries }) => weight / (tries + ADDED_TRIES));
  const fastest = paces.reduce((most, one) => Math.max(most, one));
  return parts.map(({ weight, share, tries }, i) => {
    const added = tries + ADDED_TRIES;
    // The mean is given, and with it as much of the part's share as the part has of the variance.
    const lost = (1 - (variances[i] as number) / all) * (tries / added ** 2);
    return {
      weight,
      tries,
      share: (tries * share + ADDED_TRIES * mean) / added,
      pace: (paces[i] as number) / fastest,
      correction: 1 / (1 - lost),
    };
  });
}

/** The likeliest shares where the likelihood's slope by their mean is `by`: their mean, and the standard error of such a mean. */
function moveTo(
  models: readonly Model[],
  by: number,
  covariance: (deviations: readonly number[]) => number,
): { mean: number; error: number } {
  let [mean, variance] = [0, 0];
  const deviations = models.map(({ weight, tries, share, pace, correction }) => {
    // The root of p = share + slope·p·(1 - p).
    const slope = by * pace;
    const root = Math.sqrt(Math.max(0, (1 - slope) ** 2 + 4 * slope * share));
    const moved = slope >= 1 ? (slope - 1 + root) / (2 * slope) : (2 * share) / (1 - slope + root);
    const p = Math.min(1, Math.max(0, moved));
    mean += weight * p;
    const own = correction * p * (1 - p);
    variance += (weight ** 2 * own) / tries;
    return Math.sqrt(own);
  });
  return { mean, error: Math.sqrt(Math.max(0, variance + covariance(deviations))) };
}
