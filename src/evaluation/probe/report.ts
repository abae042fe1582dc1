/** What probe() returns. Like an evaluation's report it has no times in it: the same model, settings and data give the same report. */
import type { CheckedItem } from "../../prompt/items.ts";
import type { BenchmarkName, ScoredCase } from "../case.ts";
import type { AccuracyMeasures } from "../measures/accuracy.ts";
import type { ScoreSpread, ShiftsOfProbe } from "../measures/shifts.ts";
import type {
  Incomplete,
  ReportedModel,
  ReportedProblem,
  ReportedSettings,
  ReportedSource,
  RowCounts,
} from "../report.ts";
import type { Expectation } from "./transformations/transformation.ts";

/** How far changes that should not matter move the scores of a model. */
export interface ProbeReport {
  /** Of this object; it changes when a field changes its meaning. */
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  /** The model that was probed. */
  readonly model: ReportedModel;
  /** How it tokenised and computed, how cases were sampled, and the seed of the changed texts. */
  readonly settings: ReportedSettings;
  /** How the rows were read. */
  readonly benchmark: BenchmarkName;
  /** The files that the texts come from. */
  readonly sources: readonly ReportedSource[];
  /** How many rows were read, skipped and scored. A case with a text that could not be scored counts as failed. */
  readonly rows: RowCounts;
  /** What the measures are of, if rows failed. */
  readonly incomplete?: Incomplete;
  /** Different prompts. */
  readonly prompts: number;
  /** The scores of the texts as they are. */
  readonly scores: ScoreSpread;
  /** Of the texts as they are; absent if the data compares no responses. */
  readonly accuracy?: AccuracyMeasures;
  /** One for each probe, in the order of the list. */
  readonly probes: readonly ProbeMeasures[];
  /** The first rows that are invalid or have texts that could not be scored, with the reason. */
  readonly problems: readonly ReportedProblem[];
}

/** One probe's measures. */
export interface ProbeMeasures extends ShiftsOfProbe {
  /** Its name. */
  readonly probe: string;
  /** What should happen to the score. */
  readonly expected: Expectation;
}

/** A probe, as `--list` shows it. */
export interface Probe {
  /** As the option `probes` takes it. */
  readonly name: string;
  /** What it does, as a sentence. */
  readonly description: string;
  /** What should happen to the score: of a good model it should stay, fall or rise. */
  readonly expected: Expectation;
  /** What a response needs, where not every response has it. */
  readonly needs?: string;
  /** Where it, or what it looks for, is described; absent: there is no source. */
  readonly source?: string;
}

/** A text that was scored: a line of texts.jsonl. */
export type ProbedText = Pick<ScoredCase, "source" | "row" | "id"> & {
  /** Index of the case among those of its row; absent where the row has one. */
  readonly caseIndex?: number;
  /** Index of the response in its row, or its case. */
  readonly responseIndex: number;
  /** The probe that changed it; "original": it is as the data has it. */
  readonly probe: string;
  /** The raw reward; of a model whose lower scores are better, its negative. Absent with an `error`. */
  readonly score?: number;
  /** `score` minus that of the original. Absent for originals, and where either has no score. */
  readonly shift?: number;
  /** Tokens of prompt and response after truncation. */
  readonly tokenCount?: number;
  /** Whether tokens were cut off on the left: such a text is not measured. */
  readonly truncated?: boolean;
  /** Why it has no score. */
  readonly error?: string;
  /** What was scored. In texts.jsonl its fields are beside the others, so that `score` can read the file. */
  readonly item: CheckedItem;
};
