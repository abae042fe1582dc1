/** The result of an evaluation for people: a line per benchmark, their average, and notes. */
import type { BenchmarkReport, EvaluationReport } from "../src/entry/eval.ts";
import { counted } from "./counted.ts";
import { rewardNotes, strengthsTable } from "./eval-rewards.ts";
import { aligned, estimate, INTERVAL, range, share, wrapped } from "./measure-text.ts";
import { skippedText } from "./row-counts.ts";
import { preview, visible } from "./visible-text.ts";

const MAX_MODEL_NAME = 20;
/** Groups of a breakdown that are listed. */
const MAX_GROUPS = 30;
const MAX_GROUP_NAME = 40;
/** Names leave room for the numbers, where the terminal has it. */
const [LEAST_NAME, NUMBERS] = [10, 35];

export interface EvaluationTableOptions {
  /** Width of the terminal. */
  readonly columns: number;
}

/** On a narrow terminal the columns of the card's models follow below. */
export function evaluationTable(report: EvaluationReport, { columns }: EvaluationTableOptions): string {
  const { benchmarks } = report;
  const models = [...new Set(benchmarks.flatMap(({ card }) => Object.keys(card ?? {})))];
  const hasOfficial = benchmarks.some(({ officialScore }) => officialScore !== undefined);
  const head = [
    "benchmark",
    ...(hasOfficial ? ["score", INTERVAL] : []),
    "cases",
    "accuracy",
    INTERVAL,
    ...models.map((name) => preview(name, MAX_MODEL_NAME)),
  ];
  const rows = benchmarks.map((own) => [
    own.benchmark,
    ...(hasOfficial ? scoreCells(own) : []),
    String(own.cases),
    hasOfficial ? share(own.accuracy) : withRows(own.accuracy, own),
    range(own.interval),
    ...models.map((model) => share(own.card?.[model])),
  ]);
  const average = [
    "average",
    ...(hasOfficial ? ["", ""] : []),
    "",
    withRows(report.accuracy, report),
    range(report.interval),
    ...models.map((model) => share(report.card?.[model])),
  ];
  const table = benchmarks.length > 1 ? [head, ...rows, average] : [head, ...rows];
  const notes = benchmarks.flatMap((own) => noteLines(own, columns));
  const breakdowns = benchmarks.flatMap((own) =>
    (own.breakdowns ?? []).map((one) => breakdownTable(own, one, columns)),
  );
  const { notice } = report.model;
  const notices = notice === undefined ? [] : wrapped(visible(notice), columns);
  return `${notices.map((line) => `${line}\n`).join("")}${aligned(table, columns)}${notes.length > 0 ? "\n" : ""}${notes.map((note) => `${note}\n`).join("")}${breakdowns.join("")}${benchmarks.map((own) => strengthsTable(own, columns)).join("")}`;
}

/** The first number of a line with what it is of, where rows failed. */
function withRows(value: number | undefined, { incomplete }: Pick<EvaluationReport, "incomplete">): string {
  return incomplete === undefined ? share(value) : `${share(value)} (${incomplete.sentence})`;
}

/** The official score and its interval, or accuracy. */
function scoreCells(own: BenchmarkReport): string[] {
  const { score, interval } = own.officialScore ?? { score: own.accuracy, interval: own.interval };
  return [withRows(score, own), range(interval)];
}

type Breakdown = NonNullable<BenchmarkReport["breakdowns"]>[number];

function breakdownTable({ benchmark }: BenchmarkReport, { field, groups }: Breakdown, columns: number): string {
  const room = Math.max(LEAST_NAME, columns - NUMBERS);
  const rows = groups
    .slice(0, MAX_GROUPS)
    .map(({ value, prompts, accuracy, interval }) => [
      value === undefined ? "(no value)" : preview(value, Math.min(room, MAX_GROUP_NAME)),
      String(prompts),
      share(accuracy),
      range(interval),
    ]);
  const more =
    groups.length > MAX_GROUPS ? `  … and ${counted(groups.length - MAX_GROUPS, "value")} more (--json)\n` : "";
  const head = [
    preview(`${benchmark} by ${field}`, Math.min(room, MAX_GROUP_NAME + 12)),
    "prompts",
    "accuracy",
    INTERVAL,
  ];
  return `\n${aligned([head, ...rows], columns)}${more}`;
}

/** Notes on a benchmark, wrapped to lines; may be empty. */
function noteLines(report: BenchmarkReport, columns: number): string[] {
  const { rows, truncatedResponses, length, officialScore, ranking } = report;
  const skipped = skippedText(rows);
  const readAs = [
    ...new Set(report.sources.flatMap(({ adapter, readAs = "" }) => (adapter === "pairs" ? [] : [readAs]))),
  ];
  const notes = [
    readAs.some((one) => one !== "") && `Read as ${readAs.join(" and ")}.`,
    report.prompts > 0 &&
      report.prompts < report.cases &&
      `${counted(report.cases, "case")} of ${counted(report.prompts, "prompt")}.`,
    ranking !== undefined && rankingNote(ranking),
    officialScore !== undefined && officialNote(officialScore),
    report.asPublished !== undefined &&
      `With the best answer's repetition among the correct ones ${share(report.asPublished.accuracy)}.`,
    report.notice,
    length?.verdict.biased && length.verdict.sentence,
    ...rewardNotes(report),
    skipped !== undefined && `${skipped}.`,
    rows.broken > 0 && `${counted(rows.broken, "row")} could not be read.`,
    rows.failed > 0 && `${counted(rows.failed, "case")} could not be scored.`,
    truncatedResponses > 0 && `${counted(truncatedResponses, "response")} truncated to the last tokens.`,
  ].filter((note) => typeof note === "string");
  if (notes.length === 0) return [];
  return wrapped(`${report.benchmark}: ${notes.join(" ")}`, columns);
}

function officialNote(official: NonNullable<BenchmarkReport["officialScore"]>): string | false {
  if (official.kind === "rewardbench" && official.missingSections.length > 0)
    return (
      `No cases in ${official.missingSections.join(", ")}, so there is no official score. RewardBench's own code counts a missing ` +
      `section as 0 and gives ${estimate(official.scoreByItsOwnCode, official.intervalByItsOwnCode)}.`
    );
  return official.score === undefined ? false : `Official score ${estimate(official.score, official.interval)}.`;
}

function rankingNote(ranking: NonNullable<BenchmarkReport["ranking"]>): string {
  const { top1, top1AtRandom, kendall, negativeLogLikelihood, negativeLogLikelihoodAtRandom } = ranking;
  const loss = `${share(negativeLogLikelihood)} nats (${share(negativeLogLikelihoodAtRandom)})`;
  return `Top-1 ${share(top1)} (at random ${share(top1AtRandom)}), Kendall's tau ${share(kendall)}, K-wise negative log-likelihood ${loss}.`;
}
