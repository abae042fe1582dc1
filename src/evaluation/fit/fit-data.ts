/** Input of a fit: cases with features. */
import type { StarlingError } from "../../errors.ts";
import { aRewardHead, type RewardHead } from "../../reward-head.ts";
import type { TokenizationMode } from "../../scoring/types.ts";
import type { Comparison } from "../case.ts";
import { FeatureTable } from "./feature-table.ts";

/** A case whose responses have features. */
export interface FitCase {
  /** Index of the source; `row` is the row number there, from 1. */
  readonly source: number;
  readonly row: number;
  /** Row in {@link FitData.features} of each response. */
  readonly rows: readonly number[];
  readonly grades: readonly (number | undefined)[];
  readonly comparisons: readonly Comparison[];
  /** Identifies the prompt; cases of one group stay on the same side of a split. */
  readonly group: string;
}

/** A case skipped because one of its responses cannot be scored. */
export interface FitFailure {
  readonly source: number;
  readonly row: number;
  /** Position for messages, such as "line 12"; absent: the row number. */
  readonly where?: string;
  /** Index of the response. */
  readonly response: number;
  readonly error: StarlingError;
}

/** What fitHead() reads of {@link FitData}. */
export type FitInput = Pick<FitData, "head" | "features" | "cases">;

/** Checks a caller's data: returns what was expected, or undefined when a head can be fitted to it. */
export function fitInputProblem(data: unknown): string | undefined {
  if (typeof data !== "object" || data === null)
    return "what extractFeatures() returned, or { head, features, cases },";
  const { head, features, cases } = data as Partial<FitInput>;
  const wrongHead = aRewardHead(head);
  if (wrongHead !== undefined) return `a head, ${wrongHead},`;
  if (!(features instanceof FeatureTable)) return "features, a FeatureTable,";
  if (head?.weight.length !== features.width)
    return `a head of ${features.width} weights, as many as a row of features has numbers,`;
  if (!Array.isArray(cases)) return "cases, an array,";
  const wrong = cases.findIndex((one) => !isFitCase(one, features.rows));
  return wrong === -1 ? undefined : `cases[${wrong}] to be a FitCase whose rows are rows of features,`;
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

/** What a head is fitted to. */
export interface FitData {
  /** The head the model was loaded with, where the fit starts. */
  readonly head: RewardHead;
  readonly features: FeatureTable;
  readonly cases: readonly FitCase[];
  readonly failures: readonly FitFailure[];
  /** The model that computed the features. */
  readonly model: {
    readonly path: string;
    readonly name: string;
    readonly sha256: string;
    /** Fingerprint of its trunk; absent in files of older versions. */
    readonly trunkSha256?: string;
  };
  readonly tokenization: TokenizationMode;
  /** The date in the model's chat template, if the template uses one. */
  readonly templateDate?: string;
  /** Features computed in this run; the others came from the cache. */
  readonly computed: number;
}
