/** What a benchmark asks of a model, and what the model said: the shapes that readers, measures and fits meet at. */
import type { CheckedItem } from "../prompt/items.ts";

export const benchmarkNames = ["human", "truth", "safety", "nectar", "rewardbench", "rewardbench2", "pairs"] as const;

export type BenchmarkName = (typeof benchmarkNames)[number];

/** One response to a case's prompt. */
export interface CaseResponse {
  readonly item: CheckedItem;
  /**
   * Its place in the known order: a higher grade is better, equal ones are tied. Any finite number; undefined: nothing is
   * known of it (a partial ranking), it is scored and compared with nothing.
   */
  readonly grade: number | undefined;
  /** What the data set calls it: the name of a model, "best", "incorrect". */
  readonly label?: string;
}

/** "The response `better` must get a higher score than `worse`", by their indices. */
export interface Comparison {
  readonly better: number;
  readonly worse: number;
  /** An equal score counts as right, too. */
  readonly orEqual?: true;
}

/** A prompt and two or more responses whose order is known, at least in part. */
export interface PromptCase {
  readonly responses: readonly CaseResponse[];
  /** One or more. */
  readonly comparisons: readonly Comparison[];
  /** The data set's own name for a part of it; reported apart. */
  readonly subset?: string;
  /** The data set's own id. */
  readonly id?: string;
}

/** A case and where it stands. */
export interface PlacedCase extends PromptCase {
  /** Index of the source among the benchmark's sources. */
  readonly source: number;
  /** Number of its row there, from 1. */
  readonly row: number;
  /** Where an editor finds the row: "line 12"; absent: by its number. */
  readonly where?: string;
}

/** What a model made of a case; without its texts, so that many fit in memory. Arrays are by response. */
export interface ScoredCase {
  readonly source: number;
  readonly row: number;
  readonly id?: string;
  readonly subset?: string;
  readonly comparisons: readonly Comparison[];
  readonly grades: readonly (number | undefined)[];
  /** Raw rewards. */
  readonly scores: readonly number[];
  /** Characters (code points) of the response; of all turns of the assistant in a conversation. */
  readonly lengths: readonly number[];
  /** Tokens of prompt and response after truncation. */
  readonly tokenCounts: readonly number[];
  /** Whether tokens were cut off on the left. */
  readonly truncated: readonly boolean[];
}

/** Every pair of responses with different grades, in the order of their indices. */
export function comparisonsByGrade(responses: readonly { readonly grade: number | undefined }[]): Comparison[] {
  const comparisons: Comparison[] = [];
  for (const [first, { grade: one }] of responses.entries()) {
    for (let second = first + 1; second < responses.length; second++) {
      const other = responses[second]?.grade;
      if (one === undefined || other === undefined || one === other) continue;
      comparisons.push(one > other ? { better: first, worse: second } : { better: second, worse: first });
    }
  }
  return comparisons;
}
