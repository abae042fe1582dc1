/** Cases before and after scoring: the shapes shared by adapters, measures and fitting. */
import type { CheckedItem } from "../prompt/items.ts";

/** A benchmark by name; "pairs" takes preferences of your own. */
export type BenchmarkName =
  | "human"
  | "truth"
  | "safety"
  | "nectar"
  | "rewardbench"
  | "rewardbench2"
  | "rmbench"
  | "ppe"
  | "pairs";

export const benchmarkNames: readonly BenchmarkName[] = [
  "human",
  "truth",
  "safety",
  "nectar",
  "rewardbench",
  "rewardbench2",
  "rmbench",
  "ppe",
  "pairs",
];

/** One response to a case's prompt. */
export interface CaseResponse {
  /** Prompt and response, as they are scored. */
  readonly item: CheckedItem;
  /**
   * Position in the known order: any finite number, higher is better, equal grades are tied. Undefined in a partial ranking:
   * the response is scored but not compared.
   */
  readonly grade: number | undefined;
  /** Label in the data set: a model's name, "best", "incorrect". */
  readonly label?: string;
  /** The model that wrote it. */
  readonly model?: string;
}

/** Response `better` must score higher than response `worse`; both are indices. */
export interface Comparison {
  /** Index of the response that must win. */
  readonly better: number;
  /** Index of the response that must lose. */
  readonly worse: number;
  /** A tie also counts as right. */
  readonly orEqual?: true;
}

/** A prompt and two or more responses with an order that is known at least in part. */
export interface PromptCase {
  /** One or more responses to the same prompt. */
  readonly responses: readonly CaseResponse[];
  /** One or more. */
  readonly comparisons: readonly Comparison[];
  /** Another reading of the row: what is compared if responses that the data set repeats count as often as they are there. */
  readonly asPublished?: readonly Comparison[];
  /** Subset name in the data set; measured separately. */
  readonly subset?: string;
  /** Id in the data set. */
  readonly id?: string;
  /** What cases that belong together share, where the prompts do not show it: they are sampled together. */
  readonly group?: string;
}

/** A case and the row it comes from. */
export interface PlacedCase extends PromptCase {
  /** Values by which accuracy is broken down, by the name of the field; fields without a value are absent. */
  readonly groups?: Readonly<Record<string, string>>;
  /** The same for cases whose prompts are paraphrases of each other. */
  readonly paraphrases?: string;
  /** Index of the source among the benchmark's sources. */
  readonly source: number;
  /** Row number in that source, from 1. */
  readonly row: number;
  /** Position for messages, such as "line 12"; absent: the row number. */
  readonly where?: string;
}

/** A case with its scores but without texts: many fit in memory. Arrays have one entry per response. */
export interface ScoredCase {
  /** Index of the source among the benchmark's sources. */
  readonly source: number;
  /** Row number in the source, from 1. */
  readonly row: number;
  /** The data set's own id; absent if it has none. */
  readonly id?: string;
  /** The data set's own name for a part of it; absent if it has none. */
  readonly subset?: string;
  /** The same for all cases with this prompt, and for cases that the data set joins: the unit of samples and intervals. */
  readonly prompt?: string;
  /** Values of the fields by which accuracy is broken down (`by`). */
  readonly groups?: Readonly<Record<string, string>>;
  /** What was asked of the scores. */
  readonly comparisons: readonly Comparison[];
  /** What another reading of the row asks of them: see {@link BenchmarkMeasures.asPublished}. */
  readonly asPublished?: readonly Comparison[];
  /** Position of each response in the known order: higher is better; undefined (null in JSON): not known. */
  readonly grades: readonly (number | undefined)[];
  /** What the data set calls each response, such as a model's name; undefined (null in JSON): nothing. Absent if it names none. */
  readonly labels?: readonly (string | undefined)[];
  /** The model that wrote each response; undefined (null in JSON): not known. Absent if none is known. */
  readonly models?: readonly (string | undefined)[];
  /** The same for cases whose prompts are paraphrases of each other. Absent unless they were asked for. */
  readonly paraphrases?: string;
  /** A hash of each response's text, to find it among paraphrases. Absent unless they were asked for. */
  readonly responses?: readonly string[];
  /** Raw rewards; of a model whose lower scores are better, their negatives: higher is always better here. */
  readonly scores: readonly number[];
  /** Characters (code points) of the response; in a conversation, of all assistant turns. */
  readonly lengths: readonly number[];
  /** Tokens of prompt and response after truncation. */
  readonly tokenCounts: readonly number[];
  /** Whether tokens were cut off on the left. */
  readonly truncated: readonly boolean[];
}

/** All pairs of responses with different grades, in the order of their indices. */
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
