/**
 * Bradley and Terry's model (1952): the logarithm of the odds that i beats j is the difference of their strengths. Fitted by Newton's
 * method; a tie is half a win for each side. Standard errors are sandwich estimates over prompts (P. J. Huber, 1967; K.-Y. Liang and
 * S. L. Zeger, 1986), because battles about one prompt are not independent.
 */
import { positiveInverse } from "./positive-matrix.ts";

/** One comparison of two players. */
export interface Battle {
  /** Number of the first player, from 0. */
  readonly one: number;
  /** Number of the second one, another. */
  readonly other: number;
  /** 1: the first player wins; 0: the second; 0.5: a tie. */
  readonly outcome: number;
  /** Number of the prompt, from 0. */
  readonly prompt: number;
}

/** Players whose strengths can be compared: each has a chain of wins and ties to every other. */
export interface FittedComponent {
  /** Numbers of the players, two or more, ascending. */
  readonly players: readonly number[];
  /** Log-odds against a player of average strength, in their order; their sum is 0. */
  readonly strengths: readonly number[];
  /** Variances and covariances of the strengths, in their order. */
  readonly covariance: readonly Float64Array[];
  /** Different prompts of each player's battles within the component: no more than these are independent. */
  readonly prompts: readonly number[];
}

/**
 * The components of two players or more, largest first. Between components strengths are not finite: one side won every battle, or
 * there was none.
 *
 * @param count of players
 */
export function fitBradleyTerry(count: number, battles: readonly Battle[]): FittedComponent[] {
  const components = componentsOf(count, battles).filter((players) => players.length > 1);
  components.sort((a, b) => b.length - a.length || (a[0] as number) - (b[0] as number));
  return components.map((players) => fitComponent(players, battles));
}

/** Strongly connected by "took at least half a point from". */
function componentsOf(count: number, battles: readonly Battle[]): number[][] {
  const beaten = Array.from({ length: count }, () => new Set<number>());
  const losses = Array.from({ length: count }, () => new Set<number>());
  for (const { one, other, outcome } of battles) {
    if (outcome > 0) {
      beaten[one]?.add(other);
      losses[other]?.add(one);
    }
    if (outcome < 1) {
      beaten[other]?.add(one);
      losses[one]?.add(other);
    }
  }
  const components: number[][] = [];
  const placed = new Set<number>();
  for (let player = 0; player < count; player++) {
    if (placed.has(player)) continue;
    const back = reachable(player, losses);
    const members = [...reachable(player, beaten)].filter((other) => back.has(other)).sort((a, b) => a - b);
    for (const member of members) placed.add(member);
    components.push(members);
  }
  return components;
}

function reachable(start: number, edges: readonly ReadonlySet<number>[]): Set<number> {
  const found = new Set([start]);
  for (const player of found) for (const next of edges[player] ?? []) found.add(next);
  return found;
}

const MAX_STEPS = 100;
/** In log-odds. */
const CONVERGED = 1e-12;
/** A step this long in log-odds overshoots. */
const LONGEST_STEP = 5;

function fitComponent(players: readonly number[], all: readonly Battle[]): FittedComponent {
  const places = new Map(players.map((player, place) => [player, place]));
  const battles = all.flatMap(({ one, other, outcome, prompt }) => {
    const [a, b] = [places.get(one), places.get(other)];
    return a === undefined || b === undefined ? [] : [{ a, b, outcome, prompt }];
  });
  const size = players.length;
  const pairs = pairsOf(battles, size);
  const strengths = new Float64Array(size);
  for (let step = 0; step < MAX_STEPS; step++) {
    const gradient = new Float64Array(size);
    for (const { a, b, battles: count, points } of pairs) {
      const surplus = points - count * sigmoid((strengths[a] as number) - (strengths[b] as number));
      gradient[a] = (gradient[a] as number) + surplus;
      gradient[b] = (gradient[b] as number) - surplus;
    }
    const inverse = positiveInverse(information(pairs, strengths));
    const change = inverse.map((row) => row.reduce((sum, value, i) => sum + value * (gradient[i] as number), 0));
    const longest = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.min(1, LONGEST_STEP / longest);
    for (const [i, value] of change.entries()) strengths[i] = (strengths[i] as number) + scale * value;
    if (longest < CONVERGED) break;
  }
  const mean = strengths.reduce((sum, value) => sum + value, 0) / size;
  for (let i = 0; i < size; i++) strengths[i] = (strengths[i] as number) - mean;
  const seen = Array.from({ length: size }, () => new Set<number>());
  for (const { a, b, prompt } of battles) for (const place of [a, b]) seen[place]?.add(prompt);
  return {
    players,
    strengths: [...strengths],
    covariance: sandwich(battles, pairs, strengths),
    prompts: seen.map((prompts) => prompts.size),
  };
}

interface PlacedBattle {
  readonly a: number;
  readonly b: number;
  readonly outcome: number;
  readonly prompt: number;
}

interface Pair {
  readonly a: number;
  readonly b: number;
  battles: number;
  /** Of a. */
  points: number;
}

function pairsOf(battles: readonly PlacedBattle[], size: number): Pair[] {
  const pairs = new Map<number, Pair>();
  for (const { a, b, outcome } of battles) {
    const [low, high, points] = a < b ? [a, b, outcome] : [b, a, 1 - outcome];
    const pair = pairs.get(low * size + high) ?? { a: low, b: high, battles: 0, points: 0 };
    pairs.set(low * size + high, pair);
    pair.battles += 1;
    pair.points += points;
  }
  return [...pairs.values()];
}

/** Fisher information, with 1/size added everywhere: the sum of all strengths, which the data say nothing about, is held at 0. */
function information(pairs: readonly Pair[], strengths: Float64Array): Float64Array[] {
  const size = strengths.length;
  const matrix = Array.from({ length: size }, () => new Float64Array(size).fill(1 / size));
  const add = (i: number, j: number, value: number) => {
    const row = matrix[i] as Float64Array;
    row[j] = (row[j] as number) + value;
  };
  for (const { a, b, battles } of pairs) {
    const chance = sigmoid((strengths[a] as number) - (strengths[b] as number));
    const weight = battles * chance * (1 - chance);
    add(a, a, weight);
    add(b, b, weight);
    add(a, b, -weight);
    add(b, a, -weight);
  }
  return matrix;
}

/** What rounding leaves where all prompts agree. */
const SMALLEST_SHARE = 1e-9;

function sandwich(battles: readonly PlacedBattle[], pairs: readonly Pair[], strengths: Float64Array): Float64Array[] {
  const size = strengths.length;
  const inverse = positiveInverse(information(pairs, strengths));
  const scores = new Map<number, Map<number, number>>();
  for (const { a, b, outcome, prompt } of battles) {
    const surplus = outcome - sigmoid((strengths[a] as number) - (strengths[b] as number));
    const score = scores.get(prompt) ?? new Map<number, number>();
    scores.set(prompt, score);
    score.set(a, (score.get(a) ?? 0) + surplus);
    score.set(b, (score.get(b) ?? 0) - surplus);
  }
  // Between prompts, the scores' sum of squares; then the inverse on both sides.
  const squares = Array.from({ length: size }, () => new Float64Array(size));
  for (const score of scores.values())
    for (const [i, one] of score)
      for (const [j, other] of score) {
        const row = squares[i] as Float64Array;
        row[j] = (row[j] as number) + one * other;
      }
  const covariance = product(product(inverse, squares), inverse);
  const factor = scores.size > 1 ? scores.size / (scores.size - 1) : 1;
  const varies = covariance.some((row, i) => (row[i] as number) > SMALLEST_SHARE * (inverse[i]?.[i] as number));
  // Prompts that agree by chance say nothing of how much they vary: as if every battle were independent.
  if (!varies || scores.size < 2) return inverse.map((row) => row.map((value) => value - 1 / size));
  for (const row of covariance) for (let j = 0; j < size; j++) row[j] = (row[j] as number) * factor;
  return covariance;
}

/** Of two square matrices. */
function product(left: readonly Float64Array[], right: readonly Float64Array[]): Float64Array[] {
  return left.map((row) => {
    const sums = new Float64Array(right.length);
    for (const [k, value] of row.entries())
      for (const [j, other] of (right[k] as Float64Array).entries()) sums[j] = (sums[j] as number) + value * other;
    return sums;
  });
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
