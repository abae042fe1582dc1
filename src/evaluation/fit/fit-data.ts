/** What a head is fitted to. */
import type { StarlingError } from "../../errors.ts";
import type { RewardHead } from "../../reward-head.ts";
import type { TokenizationMode } from "../../scoring/types.ts";
import type { Comparison } from "../case.ts";
import type { FeatureTable } from "./feature-table.ts";

/** A case whose responses have features. */
export interface FitCase {
  /** Index of the source, and number of the row there, from 1. */
  readonly source: number;
  readonly row: number;
  /** For each response, its row in the table. */
  readonly rows: readonly number[];
  readonly grades: readonly (number | undefined)[];
  readonly comparisons: readonly Comparison[];
  /** Stands for its prompt: cases with the same one are never torn apart. */
  readonly group: string;
}

/** A case that is left out, because a response of it cannot be scored. */
export interface FitFailure {
  readonly source: number;
  readonly row: number;
  /** Where an editor finds the row; absent: by its number. */
  readonly where?: string;
  /** Index of the response. */
  readonly response: number;
  readonly error: StarlingError;
}

export interface FitData {
  /** The head that the model was loaded with, which the fit starts from. */
  readonly head: RewardHead;
  readonly features: FeatureTable;
  readonly cases: readonly FitCase[];
  readonly failures: readonly FitFailure[];
  /** The model that the features are of. */
  readonly model: {
    readonly path: string;
    readonly name: string;
    readonly sha256: string;
    /** Fingerprint of its trunk; absent for files of older versions. */
    readonly trunkSha256?: string;
  };
  readonly tokenization: TokenizationMode;
  /** The date that the model's own chat template wrote, where it asks for one. */
  readonly templateDate?: string;
  /** Features that were computed; the others were there from an earlier run. */
  readonly computed: number;
}
