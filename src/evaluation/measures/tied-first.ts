/**
 * The probability that all responses of a tied group rank before the rest, in any order among themselves.
 *
 * Let response i arrive after an exponentially distributed time with rate exp(s_i). Then the order of arrival is a
 * Plackett-Luce order, and the first of the rest arrives with rate exp(r), r = logsumexp(rest). With u_i = exp(y + s_i - r)
 * the probability is
 *
 *     ∫ Π_i (1 - exp(-u_i)) exp(y - exp(y)) dy
 *
 * The integrand is log-concave, so the loss is convex in the scores (Prékopa's theorem). It decays at least like exp(y) to the
 * left and exp(-exp(y)) to the right, and peaks at exp(y) between 1 and 1 + n. It is analytic for |Im y| < π/2, so the
 * trapezoidal rule has an error of about exp(-π²/h).
 */

import { softplus } from "./logistic.ts";

/** Largest step of the trapezoidal rule: exp(-π²/0.2) is 4e-22. */
const LARGEST_STEP = 0.2;
/** The peak of n factors is about 1/sqrt(n) wide; the step is this fraction of it. The error is exp(-(2π/0.5)²/3). */
const STEP_OF_WIDTH = 0.5;
/** Values this far below the peak (in logarithms) are ignored: exp(-45) is 3e-20. */
const NEGLIGIBLE = 45;
/**
 * Larger leads are clamped: a response this far ahead is certainly first (exp(-1000) is 0 in float64), and for one this far
 * behind 1 - exp(-u) equals u. Without the clamp, y + step could round to y and the sum would never end.
 */
const FARTHEST_LEAD = 1000;
/** exp(-exp(6)) is 6e-176. */
const BEHIND_THE_EDGE = 6;

/**
 * -log of the probability, in nats.
 *
 * @param scores of the tied group: one or more
 * @param rest logsumexp of the scores of all worse responses
 * @param slopes filled with the derivative by each score of the group; the derivative by `rest` is minus their sum
 */
export function tiedFirst(scores: readonly number[], rest: number, slopes?: Float64Array): number {
  const leads = scores.map((score) => score - rest);
  if (leads.length === 1) {
    const lead = leads[0] as number;
    if (slopes !== undefined) slopes[0] = -1 / (1 + Math.exp(lead));
    return softplus(-lead);
  }
  if (leads.some(Number.isNaN)) {
    slopes?.fill(Number.NaN);
    return Number.NaN;
  }
  let beyond = 0;
  leads.forEach((lead, i) => {
    beyond += Math.max(0, -FARTHEST_LEAD - lead);
    leads[i] = Math.min(FARTHEST_LEAD, Math.max(-FARTHEST_LEAD, lead));
  });
  const step = Math.min(LARGEST_STEP, STEP_OF_WIDTH / Math.sqrt(leads.length + 1));
  const { begin, logs, peak } = sample(leads, step);
  let sum = 0;
  for (const log of logs) sum += Math.exp(log - peak);
  if (slopes !== undefined) {
    slopes.fill(0);
    logs.forEach((log, k) => {
      const weight = Math.exp(log - peak) / sum;
      leads.forEach((lead, i) => {
        slopes[i] = (slopes[i] as number) - weight * arrivalSlope(begin + k * step + lead);
      });
    });
  }
  const loss = beyond - (peak + Math.log(sum * step));
  // Near 1, the logarithm of the probability loses all digits, so integrate the complement.
  return loss > Math.LN2 ? loss : -Math.log1p(-complementOfFirst(leads, step));
}

/** Logarithms of the integrand at equal steps from `begin`, wherever they are not negligible. */
function sample(leads: readonly number[], step: number): { begin: number; logs: number[]; peak: number } {
  const at = (y: number) => leads.reduce((sum, lead) => sum + logArrived(y + lead), y - Math.exp(y));
  const start = Math.log(leads.length + 1);
  const logs: number[] = [];
  let peak = Number.NEGATIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let begin = start;
  // The peak is at or left of the start; values fall beyond it.
  for (let k = 0; ; k++) {
    const log = at(start - k * step);
    if (log < last && log < peak - NEGLIGIBLE) break;
    begin = start - k * step;
    logs.push(log);
    peak = Math.max(peak, log);
    last = log;
  }
  logs.reverse();
  for (let k = 1; ; k++) {
    const log = at(start + k * step);
    if (log < peak - NEGLIGIBLE) break;
    logs.push(log);
  }
  return { begin, logs, peak };
}

/** 1 minus the probability, precise where that is close to 1: ∫ (1 - Π_i (1 - exp(-u_i))) exp(y - exp(y)) dy. */
function complementOfFirst(leads: readonly number[], step: number): number {
  // The mass is around the arrival of the group's last: left of 0, or the probability would be below 1/2.
  const edge = -Math.min(...leads);
  let sum = 0;
  for (let y = edge + BEHIND_THE_EDGE; y > edge - NEGLIGIBLE; y -= step) {
    const log = leads.reduce((total, lead) => total + logArrived(y + lead), 0);
    sum += -Math.expm1(log) * Math.exp(y - Math.exp(y));
  }
  return sum * step;
}

/** Below this, exp(z) is far below 1e-16 and 1 - exp(-exp(z)) equals exp(z). */
const LINEAR_BELOW = -38;
/** Above this, exp(-exp(z)) is 0 in float64. */
const ONE_ABOVE = 7;

/** log(1 - exp(-exp(z))). */
function logArrived(z: number): number {
  if (z < LINEAR_BELOW) return z;
  if (z > ONE_ABOVE) return 0;
  const rate = Math.exp(z);
  return rate < Math.LN2 ? Math.log(-Math.expm1(-rate)) : Math.log1p(-Math.exp(-rate));
}

/** Derivative of {@link logArrived}: u / (exp(u) - 1) with u = exp(z). */
function arrivalSlope(z: number): number {
  if (z < LINEAR_BELOW) return 1;
  if (z > ONE_ABOVE) return 0;
  const rate = Math.exp(z);
  return rate / Math.expm1(rate);
}
