/**
 * The probability that all responses of a tied group come before the rest, in whatever order among themselves.
 *
 * Let response i arrive after an exponential time of rate exp(s_i). The order of arrival is then a Plackett-Luce order, and
 * the first of the rest arrives with rate exp(r), r = logsumexp(rest). With u_i = exp(y + s_i - r) the probability is
 *
 *     ∫ Π_i (1 - exp(-u_i)) exp(y - exp(y)) dy
 *
 * whose integrand is log-concave (so that the loss is convex in the scores, by Prékopa's theorem), decays at least like
 * exp(y) to the left and like exp(-exp(y)) to the right, and has its peak at exp(y) between 1 and 1 + n. It is analytic
 * where |Im y| < π/2: the trapezoidal rule's error is about exp(-π²/h).
 */

/** Largest step of the trapezoidal rule: exp(-π²/0.2) is 4e-22. */
const LARGEST_STEP = 0.2;
/** The peak of n factors is as narrow as 1/sqrt(n): the step, as a part of that. Its error is exp(-(2π/0.5)²/3). */
const STEP_OF_WIDTH = 0.5;
/** What lies below the peak by this factor (as a logarithm) is left out: exp(-45) is 3e-20. */
const NEGLIGIBLE = 45;
/**
 * Leads beyond this are taken as far: whoever is so far ahead arrives first (exp(-1000) is 0 in float64), and of whoever is so
 * far behind, 1 - exp(-u) is u. At distances where float64 does not tell y from y + step, the sum would not end.
 */
const FARTHEST_LEAD = 1000;
/** exp(-exp(6)) is 6e-176. */
const BEHIND_THE_EDGE = 6;

/**
 * -log of the probability, in nats.
 *
 * @param scores of the tied group: one or more
 * @param rest logsumexp of the scores of all that come behind
 * @param slopes filled with the derivative by each score of the group; the one by `rest` is the others' sum with another sign
 */
export function tiedFirst(scores: readonly number[], rest: number, slopes?: Float64Array): number {
  const leads = scores.map((score) => score - rest);
  if (leads.length === 1) {
    const lead = leads[0] as number;
    if (slopes !== undefined) slopes[0] = -1 / (1 + Math.exp(lead));
    return lead > 0 ? Math.log1p(Math.exp(-lead)) : Math.log1p(Math.exp(lead)) - lead;
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
  // A probability close to 1 leaves nothing of its logarithm: then the one of the opposite is integrated.
  return loss > Math.LN2 ? loss : -Math.log1p(-notAllFirst(leads, step));
}

/** The integrand's logarithms at equal steps from `begin` on, wherever they count. */
function sample(leads: readonly number[], step: number): { begin: number; logs: number[]; peak: number } {
  const at = (y: number) => leads.reduce((sum, lead) => sum + logArrived(y + lead), y - Math.exp(y));
  const start = Math.log(leads.length + 1);
  const logs: number[] = [];
  let peak = Number.NEGATIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let begin = start;
  // The peak lies at the start or left of it: behind it, values fall.
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

/** 1 less the probability, to full precision where that is close to 1: ∫ (1 - Π_i (1 - exp(-u_i))) exp(y - exp(y)) dy. */
function notAllFirst(leads: readonly number[], step: number): number {
  // All that counts lies about where the last of the group arrives: left of 0, or the probability would be below 1/2.
  const edge = -Math.min(...leads);
  let sum = 0;
  for (let y = edge + BEHIND_THE_EDGE; y > edge - NEGLIGIBLE; y -= step) {
    const log = leads.reduce((total, lead) => total + logArrived(y + lead), 0);
    sum += -Math.expm1(log) * Math.exp(y - Math.exp(y));
  }
  return sum * step;
}

/** Where exp(z) is far below 1e-16, 1 - exp(-exp(z)) is exp(z). */
const LINEAR_BELOW = -38;
/** exp(-exp(z)) is 0 in float64. */
const ONE_ABOVE = 7;

/** log(1 - exp(-exp(z))). */
function logArrived(z: number): number {
  if (z < LINEAR_BELOW) return z;
  if (z > ONE_ABOVE) return 0;
  const rate = Math.exp(z);
  return rate < Math.LN2 ? Math.log(-Math.expm1(-rate)) : Math.log1p(-Math.exp(-rate));
}

/** Its derivative: u / (exp(u) - 1) with u = exp(z). */
function arrivalSlope(z: number): number {
  if (z < LINEAR_BELOW) return 1;
  if (z > ONE_ABOVE) return 0;
  const rate = Math.exp(z);
  return rate / Math.expm1(rate);
}
