/** Input of a fit: cases with features. */
import { invalidArgument, type StarlingError } from "../../errors.ts";
import { aRewardHead, directionOf, type RewardHead } from "../../reward-head.ts";
import type { TokenizationMode } from "../../scoring/types.ts";
import type { Comparison } from "../case.ts";
import { FeatureTable } from "./feature-table.ts";

/** A case whose responses have features. */
export interface FitCase {
  /** Index of the source; `row` is the row number there, from 1. */
  readonly source: number;
  /** Row number in the source, from 1. */
  readonly row: number;
  /** Row in {@link FitData.features} of each response. */
  readonly rows: readonly number[];
  /** Position of each response in the known order: higher is better; undefined: not known. */
  readonly grades: readonly (number | undefined)[];
  /** Which responses must win over which, by their indices in `rows`. */
  readonly comparisons: readonly Comparison[];
  /** Identifies the prompt; cases of one group stay on the same side of a split. */
  readonly group: string;
}

/** A case skipped because one of its responses cannot be scored. */
export interface FitFailure {
  /** Index of the source. */
  readonly source: number;
  /** Row number in the source, from 1. */
  readonly row: number;
  /** Position for messages, such as "line 12"; absent: the row number. */
  readonly where?: string;
  /** Index of the response. */
  readonly response: number;
  /** Why that response could not be scored. */
  readonly error: StarlingError;
}

/** The part of {@link FitData} that fitHead() needs. */
export type FitInput = Pick<FitData, "head" | "features" | "cases">;

/** @throws InvalidInputError ERR_INVALID_ARGUMENT if no head can be fitted to the data */
export function checkFitInput(data: unknown): asserts data is FitInput {
  if (typeof data !== "object" || data === null)
    throw invalidArgument("data", "the result of extractFeatures(), or { head, features, cases },", data);
  const { head, features, cases } = data as Partial<FitInput>;
  const expected = aRewardHead(head);
  if (expected !== undefined) throw invalidArgument("data.head", expected, head);
  checkFittable(head as RewardHead, "data.head");
  if (!(features instanceof FeatureTable)) throw invalidArgument("data.features", "a FeatureTable", features);
  const width = head?.weight.length;
  if (width !== features.width)
    throw invalidArgument("data.head", `${features.width} weights, the width of data.features,`, width);
  if (!Array.isArray(cases)) throw invalidArgument("data.cases", "an array", cases);
  const wrong = cases.findIndex((one) => !isFitCase(one, features.rows));
  if (wrong !== -1)
    throw invalidArgument(`data.cases[${wrong}]`, "a FitCase with row indices of data.features", cases[wrong]);
}

/**
 * The loss is of one linear layer whose higher scores are better.
 *
 * @throws InvalidInputError ERR_INVALID_ARGUMENT for another head
 */
export function checkFittable(head: RewardHead, name: string): void {
  if (head.hidden !== undefined)
    throw invalidArgument(name, "a linear head: one with a hidden layer cannot be fitted,", "a head of two layers");
  if (directionOf(head) === "lower")
    throw invalidArgument(
      name,
      "a head whose higher scores are better: a cost model's cannot be fitted,",
      "one of costs",
    );
}

function isFitCase(value: unknown, rowCount: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { rows, grades, comparisons, group } = value as Partial<FitCase>;
  if (!Array.isArray(rows) || !Array.isArray(grades) || !Array.isArray(comparisons) || typeof group !== "string")
    return false;
  const isIndex = (index: unknown, count: number) =>
    Number.isInteger(index) && (index as number) >= 0 && (index as number) < count;
  return (
    rows.length === grades.length &&
    rows.every((row) => isIndex(row, rowCount)) &&
    grades.every((grade) => grade === undefined || Number.isFinite(grade)) &&
    comparisons.every(
      (one: Comparison | null | undefined) => isIndex(one?.better, rows.length) && isIndex(one?.worse, rows.length),
    )
  );
}

/** Input of fitHead(), made by extractFeatures(). */
export interface FitData {
  /** The head the model was loaded with, where the fit starts. */
  readonly head: RewardHead;
  /** The features of all responses; cases refer to its rows. */
  readonly features: FeatureTable;
  /** The cases whose responses all have features. */
  readonly cases: readonly FitCase[];
  /** The cases that are left out. */
  readonly failures: readonly FitFailure[];
  /** The model that computed the features. */
  readonly model: {
    /** The file. */
    readonly path: string;
    /** The name in the file. */
    readonly name: string;
    /** SHA-256 of the file, 64 hexadecimal digits. */
    readonly sha256: string;
    /** Fingerprint of its trunk; absent in files of older versions. */
    readonly trunkSha256?: string;
  };
  /** How texts became tokens. */
  readonly tokenization: TokenizationMode;
  /** The date in the model's chat template, if the template uses one. */
  readonly templateDate?: string;
  /** Features computed in this run; the others came from the cache. */
  readonly computed: number;
}
