/** `fit`: the K-wise maximum likelihood of a linear head on the frozen model's features, and what it is worth. */
import { InvalidInputError, invalidArgument } from "../../errors.ts";
import { jsonArray } from "../../json-array.ts";
import { aFunction, anInteger, aSignal, type Check, checkOptions, readable } from "../../options.ts";
import type { FitProgress } from "../../progress.ts";
import type { RewardHead } from "../../reward-head.ts";
import { rightComparisons } from "../measures/outcome.ts";
import { rankingLoss } from "../plackett-luce.ts";
import { scoreOf } from "./feature-table.ts";
import { type FitCase, type FitInput, fitInputProblem } from "./fit-data.ts";
import { fitProblem, squaredDistance } from "./objective.ts";
import { chooseRidge, fitCases, type RidgeTrial } from "./ridge.ts";
import { holdOut } from "./split.ts";
import { TimeSlice } from "./time-slice.ts";

export interface FitOptions {
  /**
   * λ of the term λ/2 · |w - w_old|² that holds the head near the old one: above 0, in nats per squared unit of a weight.
   * "auto" (the default) is the one of a grid under which 5-fold cross-validation on the training part gives the smallest
   * loss; with a single prompt to train on there is nothing to choose by, and it must be named.
   */
  readonly ridge?: number | "auto";
  /** Part of the prompts that the fit does not see, 0 to 0.9, by which it is judged; default 0.1. */
  readonly heldOut?: number;
  /** Decides which prompts those are, and the folds: 0 to 2^31 - 1; default 0. */
  readonly seed?: number;
  /** Called for each ridge that was tried. */
  readonly onTrial?: (trial: RidgeTrial) => void;
  /** Reports the phase "fitting": once at the start, and after each ridge that was tried. */
  readonly onProgress?: (progress: FitProgress) => void;
  /** Stops the fit; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How good a head's scores are for some cases. */
export interface FitQuality {
  /** Mean over cases of the part of a case's comparisons that come out right, 0 to 1. */
  readonly accuracy: number;
  /** Mean K-wise negative log-likelihood, in nats. */
  readonly loss: number;
}

export interface FitComparison {
  readonly cases: number;
  readonly comparisons: number;
  readonly before: FitQuality;
  readonly after: FitQuality;
}

export interface FitResult {
  /** The new head: new weights, and the old head's bias, on which no comparison depends. */
  readonly head: RewardHead;
  /** The ridge that was used. */
  readonly ridge: number;
  /** With the ridge "auto", those that were tried. */
  readonly trials: readonly RidgeTrial[];
  /** Whether the gradient came down to `gradientTolerance`: the problem is convex, so this is the one best head then. */
  readonly converged: boolean;
  /** Euclidean norm of the objective's gradient at the end, before the head was rounded to float32. */
  readonly gradientNorm: number;
  readonly gradientTolerance: number;
  readonly iterations: number;
  /** What was minimised, at the end: mean loss and ridge. */
  readonly objective: number;
  /** |new weights - old weights| / |old weights| */
  readonly change: number;
  readonly training: FitComparison;
  /** Absent when nothing was held out. */
  readonly heldOut?: FitComparison;
}

/**
 * The gradient's norm at which a fit is done, as a part of the root mean square distance of the features of a better and a
 * worse response, which is about what the norm is for random scores. The objective is within |gradient|² / 2λ of its
 * minimum then.
 */
const GRADIENT_TOLERANCE = 1e-9;
const MAX_ITERATIONS = 5000;
export const DEFAULT_HELD_OUT = 0.1;
/** A head that is judged by nearly everything is fitted to nearly nothing. */
const MOST_HELD_OUT = 0.9;
/** Seeds are numbers that every program can write. */
const MAX_SEED = 2 ** 31 - 1;

const aRidge: Check = (value) =>
  value === "auto" || (typeof value === "number" && Number.isFinite(value) && value > 0)
    ? undefined
    : '"auto" or a number above 0';
const aPart: Check = (value) =>
  typeof value === "number" && value >= 0 && value <= MOST_HELD_OUT ? undefined : `a number from 0 to ${MOST_HELD_OUT}`;

/** Checks that fitHead() and fitModel() share. */
export const fitChecks: Readonly<Record<string, Check>> = {
  ridge: aRidge,
  heldOut: aPart,
  seed: anInteger(0, MAX_SEED),
  signal: aSignal,
};

/**
 * Fits a linear head: the minimum of the mean K-wise loss of the training part plus λ/2 · |w - w_old|². The same data and
 * options give the same head to the last bit on the same machine.
 *
 * @throws InvalidInputError for a wrong option, or data that nothing can be fitted to
 */
export async function fitHead(data: FitInput, options: FitOptions = {}): Promise<FitResult> {
  const problemOfData = readable("data", () => fitInputProblem(data));
  if (problemOfData !== undefined) throw invalidArgument("data", problemOfData, data);
  options = checkOptions("fitHead", options, { ...fitChecks, onTrial: aFunction, onProgress: aFunction });
  const { ridge: wanted = "auto", heldOut = DEFAULT_HELD_OUT, seed = 0, onTrial, onProgress, signal } = options;
  signal?.throwIfAborted();
  const split = holdOut(data.cases, heldOut, seed);
  const training = split.training.flat();
  if (training.length === 0) throw refuse("There is no case to fit a head to.");
  if (wanted === "auto" && split.training.length < 2)
    throw refuse("With one prompt to fit to there is nothing to choose a ridge by: name one, or give more prompts.");
  let trialsDone = 0;
  const report = () => onProgress?.({ phase: "fitting", trialsDone });
  const takeTrial = (trial: RidgeTrial) => {
    trialsDone += 1;
    report();
    onTrial?.(trial);
  };
  report();
  const slice = new TimeSlice(signal);
  const problem = await fitProblem(data.features, data.head, slice);
  const distance = await squaredDistance(problem, training);
  if (distance === 0)
    throw refuse("The better and the worse responses have the same features: no head tells them apart.");
  const { ridge, trials } =
    wanted === "auto"
      ? await chooseRidge(problem, split.training, distance, takeTrial)
      : { ridge: wanted, trials: [] as RidgeTrial[] };
  const found = await fitCases(problem, training, {
    ridge,
    squaredDistance: distance,
    tolerance: GRADIENT_TOLERANCE,
    maxIterations: MAX_ITERATIONS,
  });
  const old = data.head.weight;
  const head = { ...data.head, weight: jsonArray(old.map((weight, i) => weight + (found.x[i] as number))) };
  return {
    head,
    ridge,
    trials,
    converged: found.converged,
    gradientNorm: found.gradientNorm,
    gradientTolerance: GRADIENT_TOLERANCE * Math.sqrt(distance),
    iterations: found.iterations,
    objective: found.value,
    change: length(head.weight.map((weight, i) => weight - (old[i] as number))) / length(old),
    training: await compare(data, training, head, slice),
    ...(split.heldOut.length === 0 ? {} : { heldOut: await compare(data, split.heldOut, head, slice) }),
  };
}

async function compare(
  data: FitInput,
  cases: readonly FitCase[],
  head: RewardHead,
  slice: TimeSlice,
): Promise<FitComparison> {
  return {
    cases: cases.length,
    comparisons: cases.reduce((sum, { comparisons }) => sum + comparisons.length, 0),
    before: await quality(data, cases, data.head, slice),
    after: await quality(data, cases, head, slice),
  };
}

/** By the scores that the model gives with the head, rounded as they are. */
async function quality(
  { features }: FitInput,
  cases: readonly FitCase[],
  head: RewardHead,
  slice: TimeSlice,
): Promise<FitQuality> {
  let [right, loss] = [0, 0];
  for (const { rows, grades, comparisons } of cases) {
    const scores = rows.map((row) => scoreOf(head, features.row(row)));
    right += rightComparisons({ scores, comparisons }) / comparisons.length;
    loss += rankingLoss(scores, grades);
    if (slice.isOver) await slice.yieldToEventLoop();
  }
  return { accuracy: right / cases.length, loss: loss / cases.length };
}

function length(weights: Float32Array): number {
  return Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0));
}

function refuse(sentence: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", sentence, { field: "cases" });
}
