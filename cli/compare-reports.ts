/** `starling-rm compare` with reports instead of models: evaluations that were written before. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { compareRuns, type RunsComparison } from "../src/entry/eval.ts";
import type { CommandContext } from "./context.ts";
import { EXIT_DONE } from "./errors.ts";
import { runNames, writeComparison } from "./library.ts";
import { ABSENT, aligned, estimate, INTERVAL, probability, range, share, signed } from "./measure-text.ts";
import { openOutput } from "./output.ts";
import { checkFolderName } from "./output-names.ts";
import { preview } from "./visible-text.ts";

export interface CompareReportsOptions {
  readonly output?: string;
  readonly json?: true;
}

const MAX_NAME = 40;
/** Names leave room for a difference and its interval, where the terminal has it. */
const [LEAST_NAME, NUMBERS] = [12, 42];

/** Whether a name is that of a report, or of the folder of one. */
export function isReport(path: string): boolean {
  if (/\.json$/i.test(path)) return true;
  return existsSync(join(path, "report.json"));
}

/** @returns the exit code */
export async function compareReports(
  reports: readonly string[],
  { output, json }: CompareReportsOptions,
  { terminal, signal }: CommandContext,
): Promise<number> {
  await checkFolderName(output, "compare writes comparison.html and comparison.json");
  const comparison = await compareRuns({ reports, signal });
  for (const notice of comparison.notices) terminal.note(`note: ${notice}`);
  if (output !== undefined)
    terminal.say(`comparison written: ${(await writeComparison(output, comparison)).join(", ")}`);
  const text = json ? `${JSON.stringify(comparison, undefined, 2)}\n` : comparisonText(comparison, terminal.columns);
  await (await openOutput()).write(text);
  return EXIT_DONE;
}

/** Official scores first, where benchmarks have them, then accuracies, each with a row per model; then differences to the first model. */
export function comparisonText(comparison: RunsComparison, columns: number): string {
  const { runs, benchmarks } = comparison;
  const room = Math.max(LEAST_NAME, columns - NUMBERS);
  const names = shortened(runNames(comparison), Math.min(room, MAX_NAME));
  const official = benchmarks.filter(({ measures }) => measures.some((own) => own.officialScore?.score !== undefined));
  const scores = tableOf("official score", official, names, ({ officialScore: own }) =>
    estimate(own?.score, own?.interval),
  );
  const accuracies = tableOf("accuracy", benchmarks, names, (own) => estimate(own.accuracy, own.interval));
  const withAverage =
    benchmarks.length > 1 ? withColumn(accuracies, ["average", "", ...runs.map(averageOf)]) : accuracies;
  const tables = [...(official.length > 0 ? [scores] : []), withAverage].map((rows) => aligned(rows, columns));
  const differences = benchmarks.map((one) => aligned(differencesOf(one, names), columns, 2));
  return [...tables, ...differences].join("\n");
}

/** Names that begin alike are numbered. */
function shortened(names: readonly string[], most: number): string[] {
  const short = names.map((name) => preview(name, most));
  return short.map((name, i) =>
    short.indexOf(name) === short.lastIndexOf(name) ? name : preview(`${i + 1}: ${names[i]}`, most),
  );
}

type Benchmark = RunsComparison["benchmarks"][number];

/** A row per model, a column per benchmark. */
function tableOf(
  name: string,
  benchmarks: readonly Benchmark[],
  models: readonly string[],
  cell: (measures: Benchmark["measures"][number]) => string,
): string[][] {
  return [
    [name, ...benchmarks.map(({ benchmark }) => benchmark)],
    ["common cases", ...benchmarks.map(({ common }) => String(common))],
    ...models.map((model, i) => [
      model,
      ...benchmarks.map(({ measures }) => {
        const own = measures[i];
        return own === undefined ? ABSENT : cell(own);
      }),
    ]),
  ];
}

function withColumn(rows: readonly string[][], column: readonly string[]): string[][] {
  return rows.map((row, i) => [...row, column[i] ?? ""]);
}

function averageOf({ accuracy }: RunsComparison["runs"][number]): string {
  return share(accuracy);
}

/** Of a benchmark: the official score's difference above the accuracy's. */
function differencesOf({ benchmark, differences }: Benchmark, names: readonly string[]): string[][] {
  return [
    [benchmark, "measure", "to the first", INTERVAL, "McNemar's p", "right in only one"],
    ...differences.flatMap(({ run, officialScore, difference, interval, p, onlyFirstRight, onlyThisRight }) => [
      ...(officialScore === undefined
        ? []
        : [
            [
              names[run] as string,
              "score",
              signed(officialScore.difference),
              range(officialScore.interval, signed),
              ABSENT,
              ABSENT,
            ],
          ]),
      [
        names[run] as string,
        "accuracy",
        signed(difference),
        range(interval, signed),
        probability(p, "<"),
        `first ${onlyFirstRight}, this ${onlyThisRight}`,
      ],
    ]),
  ];
}
