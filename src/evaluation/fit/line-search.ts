/** A step along a direction that satisfies the strong Wolfe conditions, for convex functions. */

/** A function and its slope at a step along a direction. */
export interface Trial {
  readonly step: number;
  readonly value: number;
  /** Derivative by the step. */
  readonly slope: number;
}

/** Sufficient decrease and curvature: the usual values for quasi-Newton directions (Nocedal and Wright, chapter 3). */
const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
/** Each step halves the interval at worst: float64 has no more to give. */
const MOST_TRIALS = 60;
const EXPANSION = 4;
/** A new trial keeps this part of the interval from both of its ends. */
const MARGIN = 0.1;
/** Close to the minimum values differ by their rounding alone; there the slopes decide. */
const ROUNDING = 1e-14;

/**
 * Finds a step. The function is convex, so its slope rises: whatever lies between a falling and a rising point is nearer to
 * the minimum.
 *
 * @param start at step 0, with a slope below 0
 * @param first the step to try first
 * @returns undefined when rounding leaves no such step
 */
export async function findStep<T extends Trial>(
  at: (step: number) => Promise<T>,
  start: Trial,
  first: number,
): Promise<T | undefined> {
  const noise = ROUNDING * Math.abs(start.value);
  let low: Trial = start;
  let high: Trial | undefined;
  let step = first;
  for (let trials = 0; trials < MOST_TRIALS; trials++) {
    const trial = await at(step);
    const decreased = trial.value <= start.value + SUFFICIENT_DECREASE * step * start.slope + noise;
    if (decreased && Math.abs(trial.slope) <= -CURVATURE * start.slope) return trial;
    if (decreased && trial.slope < 0) low = trial;
    else high = trial;
    if (high === undefined) step = EXPANSION * low.step;
    else step = between(low, high);
    if (step === low.step || step === high?.step) return undefined;
  }
  return undefined;
}

/** Where the slope would be 0 if it rose evenly, but well inside. */
function between(low: Trial, high: Trial): number {
  const part = -low.slope / (high.slope - low.slope);
  const inside = Number.isFinite(part) ? Math.min(1 - MARGIN, Math.max(MARGIN, part)) : 0.5;
  return low.step + inside * (high.step - low.step);
}
