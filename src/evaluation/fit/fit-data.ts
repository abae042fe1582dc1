/** Input of a fit: cases with features. */
import type { StarlingError } from "../../errors.ts";
import type { RewardHead } from "../../reward-head.ts";
import type { TokenizationMode } from "../../scoring/types.ts";
import type { Comparison } from "../case.ts";
import type { FeatureTable } from "./feature-table.ts";

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
