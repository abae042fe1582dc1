/** L-BFGS (Nocedal, "Updating quasi-Newton matrices with limited storage", 1980) for convex functions of many variables. */

/** A point of a function's graph. */
export interface Point {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
}

/** Value and slope at a step along a direction. */
export interface Trial {
  readonly step: number;
  readonly value: number;
  /** Derivative with respect to the step. */
  readonly slope: number;
}

/** A step that can be taken. */
export interface Reached<P extends Point> extends Trial {
  /** The point there; call it before the next trial. */
  point(): Promise<P>;
}

/** A function along the line from a point in a direction: what it is at a step. */
export type Line<P extends Point> = (step: number) => Promise<Reached<P>>;

/** An iteration takes one line, a few trials on it, and one point. */
export type LineFrom<P extends Point> = (point: P, direction: Float64Array) => Promise<Line<P>>;

export interface MinimizeOptions {
  /** Inverse of a rough second derivative by each variable: curvatures that differ by orders of magnitude cost iterations. */
  readonly scales: Float64Array;
  /** Euclidean gradient norm at which the search ends. */
  readonly tolerance: number;
  /** The search also ends, after one iteration or more, where a step is expected to gain no more than this part of the value. Default: 0. */
  readonly gain?: number;
  readonly maxIterations: number;
  /** Of a search on a similar function. */
  readonly pairs?: readonly Pair[];
}

export interface Search {
  readonly gradientNorm: number;
  readonly iterations: number;
  /** Whether the gradient norm reached the tolerance. */
  readonly converged: boolean;
  /** What is known of the curvature at the end. */
  readonly pairs: readonly Pair[];
}

/** A step, and the change of the gradient along it. */
export interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
}

/** Pairs kept. 3 to 20 are usual, but a pass over the features costs far more than these vectors. */
const MEMORY = 100;

/** Searches for the minimum from a point of the function's graph. */
export async function minimize<P extends Point>(
  lineFrom: LineFrom<P>,
  start: P,
  { scales, tolerance, gain = 0, maxIterations, pairs: known = [] }: MinimizeOptions,
): Promise<P & Search> {
  const pairs = [...known];
  let point = start;
  let iterations = 0;
  for (; norm(point.gradient) > tolerance && iterations < maxIterations; iterations++) {
    const direction = descend(point.gradient, pairs, scales);
    const slope = product(direction, point.gradient);
    if (iterations > 0 && -slope / 2 <= gain * Math.abs(point.value)) break;
    const found =
      slope < 0
        ? await findStep(await lineFrom(point, direction), { step: 0, value: point.value, slope }, 1)
        : undefined;
    if (found === undefined) {
      // Close to the minimum, rounding can spoil the pairs: drop them and try steepest descent once.
      if (pairs.length === 0) break;
      pairs.length = 0;
      continue;
    }
    const next = await found.point();
    remember(pairs, { step: difference(next.x, point.x), change: difference(next.gradient, point.gradient) });
    point = next;
  }
  const gradientNorm = norm(point.gradient);
  return { ...point, gradientNorm, iterations, converged: gradientNorm <= tolerance, pairs };
}

function remember(pairs: Pair[], pair: Pair): void {
  if (!(product(pair.step, pair.change) > 0)) return;
  pairs.push(pair);
  if (pairs.length > MEMORY) pairs.shift();
}

/** Minus the approximate inverse Hessian times the gradient (two-loop recursion). */
function descend(gradient: Float64Array, pairs: readonly Pair[], scales: Float64Array): Float64Array {
  const direction = gradient.map((coordinate) => -coordinate);
  const curvatures = pairs.map(({ step, change }) => product(step, change));
  const parts = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change } = pairs[i] as Pair;
    parts[i] = product(step, direction) / (curvatures[i] as number);
    addTo(direction, -(parts[i] as number), change);
  }
  const last = pairs.at(-1);
  // The scales' unit: as along the last step.
  const unit =
    last === undefined
      ? 1
      : (curvatures.at(-1) as number) /
        last.change.reduce((sum, change, i) => sum + (scales[i] as number) * change * change, 0);
  for (let i = 0; i < direction.length; i++) direction[i] = unit * (scales[i] as number) * (direction[i] as number);
  for (const [i, { step, change }] of pairs.entries()) {
    addTo(direction, (parts[i] as number) - product(change, direction) / (curvatures[i] as number), step);
  }
  return direction;
}

/** Adds factor · source. */
export function addTo(target: Float64Array, factor: number, source: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (source[i] as number);
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((coordinate, i) => coordinate - (b[i] as number));
}

export function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function norm(vector: Float64Array): number {
  return Math.sqrt(product(vector, vector));
}

/** Wolfe constants (Nocedal and Wright, chapter 3). The step is searched closely, because trials cost less than iterations. */
const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.1;
/** A convex function takes a few trials; a search that takes this many is lost to rounding. */
const MAX_TRIALS = 60;
const EXPANSION = 4;
/** A new trial keeps this fraction of the interval away from both ends. */
const MARGIN = 0.1;
/** Close to the minimum, values differ only by rounding; then slopes decide. */
const ROUNDING = 1e-14;

/**
 * Finds a step that satisfies the strong Wolfe conditions. The function is convex, so the minimum is bracketed by a point with
 * a negative and one with a positive slope.
 *
 * @param start at step 0, with a slope below 0
 * @param first the step to try first
 * @returns undefined if rounding leaves no such step
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
  for (let trials = 0; trials < MAX_TRIALS; trials++) {
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

/** Secant step: where a linear slope would be 0, kept away from both ends. */
function between(low: Trial, high: Trial): number {
  const part = -low.slope / (high.slope - low.slope);
  const inside = Number.isFinite(part) ? Math.min(1 - MARGIN, Math.max(MARGIN, part)) : 0.5;
  return low.step + inside * (high.step - low.step);
}
