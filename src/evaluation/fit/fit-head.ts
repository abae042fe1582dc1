/** Fits a linear head to a frozen model's features by maximum likelihood, and evaluates it. */
import { MAX_SEED } from "../../bounds.ts";
import { InvalidInputError } from "../../errors.ts";
import { jsonArray } from "../../json-array.ts";
import {
  aBoolean,
  aFunction,
  anInteger,
  aSignal,
  aThreadCount,
  type Check,
  checkOptions,
  readable,
} from "../../options.ts";
import type { FitProgress } from "../../progress.ts";
import type { RewardHead } from "../../reward-head.ts";
import { rightComparisons } from "../measures/outcome.ts";
import { rankingLoss } from "../measures/plackett-luce.ts";
import { calibrate, calibrationLoss, type FitCalibration } from "./calibrate.ts";
import { type FitEnd, fitCases } from "./fit-cases.ts";
import { checkFitInput, type FitCase, type FitInput } from "./fit-data.ts";
import { type FitProblem, fitProblem, listOf, squaredDifferences, squaredDistance } from "./objective.ts";
import { chooseRidge, judgedFolds, type RidgeChoice, type RidgeTrial } from "./ridge.ts";
import { holdOut, joined, type Split } from "./split.ts";
import { TimeSlice } from "./time-slice.ts";

/** Options of fitHead(). */
export interface FitOptions {
  /**
   * λ of the penalty λ/2 · |w - w_old|², which keeps the head close to the old one. Above 0, in nats per squared unit of a
   * weight. "auto" (the default) picks the λ with the smallest loss in cross-validation on the training part. Of its five folds,
   * only as many are evaluated as it takes to cover 2500 prompts. It needs at least two training prompts.
   */
  readonly ridge?: number | "auto";
  /**
   * Also fit a calibration of score differences, to the folds of a cross-validation with the ridge. It needs at least two
   * training prompts. Default: false.
   */
  readonly calibrate?: boolean;
  /** Fraction of the prompts held out of the fit to evaluate it, 0 to 0.9. Default: 0.1. */
  readonly heldOut?: number;
  /** Seed for the held-out prompts and the folds, 0 to 2^31 - 1. Default: 0. */
  readonly seed?: number;
  /** Threads for the products with the features, 1 to 512; the head does not depend on it. Default: one per core, at most 16. */
  readonly threads?: number;
  /** Called after each λ that was tried. */
  readonly onTrial?: (trial: RidgeTrial) => void;
  /** Reports the phase "fitting": at the start, and after each λ that was tried. */
  readonly onProgress?: (progress: FitProgress) => void;
  /** Aborts the fit; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Quality of a head on a set of cases. */
export interface FitQuality {
  /** Mean over cases of the fraction of right comparisons, 0 to 1. */
  readonly accuracy: number;
  /** Mean K-wise negative log-likelihood, in nats. */
  readonly loss: number;
}

/** How good the old and the new head are for the same cases. */
export interface FitComparison {
  /** Number of cases: rows of the data. */
  readonly cases: number;
  /** Number of comparisons in them. */
  readonly comparisons: number;
  /** Of the head that the fit started from. */
  readonly before: FitQuality;
  /** Of the new head. */
  readonly after: FitQuality;
}

/** What fitHead() returns. */
export interface FitResult {
  /** The new weights, with the old head's bias, which no comparison depends on. */
  readonly head: RewardHead;
  /** The λ that was used. */
  readonly ridge: number;
  /** The λs that were tried, the largest first; empty unless `ridge` was "auto". */
  readonly trials: readonly RidgeTrial[];
  /**
   * Absent unless `calibrate` was set, and where no calibration is the best: the scores of the folds are right in all comparisons,
   * or no better than chance.
   */
  readonly calibration?: FitCalibration;
  /** Whether the gradient norm reached `gradientTolerance`. The objective is convex, so the head is then the optimum. */
  readonly converged: boolean;
  /** Euclidean norm of the final gradient, before the head was rounded to float32. */
  readonly gradientNorm: number;
  /** The gradient norm at which the fit stops. */
  readonly gradientTolerance: number;
  /** Iterations of L-BFGS. */
  readonly iterations: number;
  /** Final value of the objective: mean loss plus penalty, in nats. */
  readonly objective: number;
  /** |new weights - old weights| / |old weights| */
  readonly change: number;
  /** On the cases that the head was fitted to. */
  readonly training: FitComparison;
  /** Absent if nothing was held out. */
  readonly heldOut?: FitComparison;
}

/**
 * Gradient norm at which a fit ends, relative to the root mean square distance between the features of better and worse
 * responses (about the norm for random scores). The objective is then within |gradient|² / 2λ of its minimum.
 */
const GRADIENT_TOLERANCE = 1e-9;
const FINAL_END: FitEnd = { tolerance: GRADIENT_TOLERANCE, maxIterations: 5000 };
export const DEFAULT_HELD_OUT = 0.1;
/** Holding out more would leave too little to fit to. */
const MAX_HELD_OUT = 0.9;

const aRidge: Check = (value) =>
  value === "auto" || (typeof value === "number" && Number.isFinite(value) && value > 0)
    ? undefined
    : '"auto" or a number above 0';
const aFraction: Check = (value) =>
  typeof value === "number" && value >= 0 && value <= MAX_HELD_OUT ? undefined : `a number from 0 to ${MAX_HELD_OUT}`;

/** Checks shared by fitHead() and fitModel(). */
export const fitChecks: Readonly<Record<string, Check>> = {
  ridge: aRidge,
  calibrate: aBoolean,
  heldOut: aFraction,
  seed: anInteger(0, MAX_SEED),
  threads: aThreadCount,
  signal: aSignal,
};

/**
 * Fits a linear head: minimises the mean K-wise loss of the training cases plus λ/2 · |w - w_old|². Deterministic: the same
 * data and options give the same head, bit for bit, on the same machine.
 *
 * @throws InvalidInputError for a wrong option, or data that a head cannot be fitted to
 */
export async function fitHead(data: FitInput, options: FitOptions = {}): Promise<FitResult> {
  readable("data", () => checkFitInput(data));
  options = checkOptions("fitHead", options, { ...fitChecks, onTrial: aFunction, onProgress: aFunction });
  const {
    ridge: wanted = "auto",
    calibrate: calibrating = false,
    heldOut = DEFAULT_HELD_OUT,
    seed = 0,
    threads,
    onTrial,
    onProgress,
    signal,
  } = options;
  signal?.throwIfAborted();
  const slice = new TimeSlice(signal);
  const split = await holdOut(data.cases, heldOut, seed, slice);
  const training = joined(split.training);
  if (training.length === 0) throw refuse("There are no cases to fit a head to.");
  if ((wanted === "auto" || calibrating) && split.training.length < 2)
    throw refuse(tooFewPrompts(split, { chooses: wanted === "auto", calibrates: calibrating }));
  let trialsDone = 0;
  const report = () => onProgress?.({ phase: "fitting", trialsDone });
  const takeTrial = (trial: RidgeTrial) => {
    trialsDone += 1;
    report();
    onTrial?.(trial);
  };
  report();
  const problem = await fitProblem(data.features, data.head, slice, threads);
  try {
    const squares = await squaredDifferences(problem, training);
    const distance = squaredDistance(squares);
    if (distance === 0)
      throw refuse("Better and worse responses have identical features, so no head can separate them.");
    const folds = judgedFolds(split.training);
    const { ridge, trials, fits }: RidgeChoice =
      wanted === "auto"
        ? await chooseRidge(problem, folds, squares, takeTrial)
        : { ridge: wanted, trials: [], fits: [] };
    const found = await fitCases(problem, training, { ridge, squares, until: FINAL_END }, fits[0]);
    const old = data.head.weight;
    const head = { ...data.head, weight: jsonArray(old.map((weight, i) => weight + (found.x[i] as number))) };
    const fitted = calibrating ? await calibrate(problem, folds, { ridge, squares }, fits) : undefined;
    const scores = await scoresWith(problem, data, head);
    const calibration =
      fitted === undefined || split.heldOut.length === 0
        ? fitted
        : { ...fitted, heldOut: calibrationLoss(fitted, split.heldOut, scores.after) };
    return {
      head,
      ridge,
      trials,
      ...(calibration && { calibration }),
      converged: found.converged,
      gradientNorm: found.gradientNorm,
      gradientTolerance: GRADIENT_TOLERANCE * Math.sqrt(distance),
      iterations: found.iterations,
      objective: found.value,
      change: length(head.weight.map((weight, i) => weight - (old[i] as number))) / length(old),
      training: await compare(training, scores, slice),
      ...(split.heldOut.length === 0 ? {} : { heldOut: await compare(split.heldOut, scores, slice) }),
    };
  } finally {
    problem.products.close();
  }
}

/** The model's own scores of every row, including their rounding. */
interface RowScores {
  readonly before: Float32Array;
  readonly after: Float32Array;
}

async function scoresWith(problem: FitProblem, { cases }: FitInput, head: RewardHead): Promise<RowScores> {
  const { products, oldScores } = problem;
  // Only the weights differ.
  const { bias = 0 } = head;
  const after = await products.scores(listOf(problem, cases), head.weight);
  return {
    before: Float32Array.from(oldScores, (score) => score + bias),
    after: Float32Array.from(after, (score) => score + bias),
  };
}

async function compare(cases: readonly FitCase[], scores: RowScores, slice: TimeSlice): Promise<FitComparison> {
  return {
    cases: cases.length,
    comparisons: cases.reduce((sum, { comparisons }) => sum + comparisons.length, 0),
    before: await quality(cases, scores.before, slice),
    after: await quality(cases, scores.after, slice),
  };
}

async function quality(cases: readonly FitCase[], scoreOfRow: Float32Array, slice: TimeSlice): Promise<FitQuality> {
  let [right, loss] = [0, 0];
  for (const { rows, grades, comparisons } of cases) {
    const scores = rows.map((row) => scoreOfRow[row] as number);
    right += rightComparisons({ scores, comparisons }) / comparisons.length;
    loss += rankingLoss(scores, grades);
    if (slice.isOver) await slice.yieldToEventLoop();
  }
  return { accuracy: right / cases.length, loss: loss / cases.length };
}

/** There is one training prompt. What to do depends on what is missing: of two prompts one is held out by default. */
function tooFewPrompts(
  { heldOut }: Split,
  { chooses, calibrates }: { readonly chooses: boolean; readonly calibrates: boolean },
): string {
  const prompts = new Set(heldOut.map(({ group }) => group)).size;
  const after = prompts === 0 ? "" : `, because ${prompts === 1 ? "one is" : `${prompts} are`} held out`;
  const without = [
    ...(chooses ? ["set ridge to a number (--ridge, ridge)"] : []),
    ...(calibrates ? ["leave out the calibration (--calibrate, calibrate)"] : []),
  ].join(" and ");
  const advice = prompts === 0 ? without : `hold out nothing (--held-out 0, heldOut: 0), ${without}`;
  return `Cross-validation needs at least two training prompts, but there is only one${after}: ${advice}, or add prompts.`;
}

function length(weights: Float32Array): number {
  return Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0));
}

function refuse(sentence: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", sentence, { field: "data.cases" });
}
