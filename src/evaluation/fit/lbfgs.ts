/** L-BFGS (Nocedal, "Updating quasi-Newton matrices with limited storage", 1980) for convex functions of many variables. */

/** Returns the value at `x` and writes the gradient to `gradient`. */
export type Evaluate = (x: Float64Array, gradient: Float64Array) => Promise<number>;

export interface MinimizeOptions {
  /** Euclidean gradient norm at which the search ends. */
  readonly tolerance: number;
  readonly maxIterations: number;
  /** Length of the first step. */
  readonly firstLength: number;
}

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradientNorm: number;
  readonly iterations: number;
  /** Whether the gradient norm reached the tolerance. */
  readonly converged: boolean;
}

/**
 * Step/gradient pairs kept. 3 to 20 are usual, but a pass over the features costs far more than these vectors. The dimensions
 * of a hidden state differ so much in scale that many pairs save most iterations: a quadratic in 30 dimensions with condition
 * number 7e4 takes 154 instead of 1381.
 */
const MEMORY = 100;

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / (step · change) */
  readonly weight: number;
}

interface Point extends Trial {
  readonly x: Float64Array;
  readonly gradient: Float64Array;
}

export async function minimize(evaluate: Evaluate, start: Float64Array, options: MinimizeOptions): Promise<Minimum> {
  const pairs: Pair[] = [];
  const firstGradient = new Float64Array(start.length);
  let value = await evaluate(start, firstGradient);
  let x: Float64Array = start;
  let gradient: Float64Array = firstGradient;
  let iterations = 0;
  for (; norm(gradient) > options.tolerance && iterations < options.maxIterations; iterations++) {
    const direction = descend(gradient, pairs);
    const slope = product(direction, gradient);
    const at = async (step: number): Promise<Point> => {
      const next = x.map((coordinate, i) => coordinate + step * (direction[i] as number));
      const there = new Float64Array(x.length);
      const height = await evaluate(next, there);
      return { step, value: height, slope: product(direction, there), x: next, gradient: there };
    };
    const first = pairs.length === 0 ? options.firstLength / norm(direction) : 1;
    const found = slope < 0 ? await findStep(at, { step: 0, value, slope }, first) : undefined;
    if (found === undefined) {
      // Close to the minimum, rounding can spoil the pairs: drop them and try steepest descent once.
      if (pairs.length === 0) break;
      pairs.length = 0;
      continue;
    }
    remember(pairs, difference(found.x, x), difference(found.gradient, gradient));
    ({ x, value, gradient } = found);
  }
  const gradientNorm = norm(gradient);
  return { x, value, gradientNorm, iterations, converged: gradientNorm <= options.tolerance };
}

function remember(pairs: Pair[], step: Float64Array, change: Float64Array): void {
  const curvature = product(step, change);
  if (!(curvature > 0)) return;
  pairs.push({ step, change, weight: 1 / curvature });
  if (pairs.length > MEMORY) pairs.shift();
}

/** Minus the approximate inverse Hessian times the gradient (two-loop recursion). */
function descend(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((coordinate) => -coordinate);
  const parts = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, weight } = pairs[i] as Pair;
    parts[i] = weight * product(step, direction);
    addTo(direction, -(parts[i] as number), change);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.weight * product(last.change, last.change));
    for (let i = 0; i < direction.length; i++) direction[i] = scale * (direction[i] as number);
  }
  for (const [i, { step, change, weight }] of pairs.entries()) {
    addTo(direction, (parts[i] as number) - weight * product(change, direction), step);
  }
  return direction;
}

function addTo(target: Float64Array, factor: number, source: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (source[i] as number);
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((coordinate, i) => coordinate - (b[i] as number));
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

export function norm(vector: Float64Array): number {
  return Math.sqrt(product(vector, vector));
}

/** Value and slope at a step along a direction. */
export interface Trial {
  readonly step: number;
  readonly value: number;
  /** Derivative with respect to the step. */
  readonly slope: number;
}

/** Wolfe constants: the usual values for quasi-Newton directions (Nocedal and Wright, chapter 3). */
const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
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
