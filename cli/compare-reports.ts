/** `starling-rm compare` with reports instead of models: evaluations that were written before. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { compareRuns, type RunsComparison } from "../src/entry/eval.ts";
import type { CommandContext } from "./context.ts";
import { EXIT_DONE } from "./errors.ts";
import { runNames, writeComparison } from "./library.ts";
import { aligned, probability, range, share, signed } from "./measure-text.ts";
import { openOutput } from "./output.ts";
import { checkFolderName } from "./output-names.ts";
import { preview } from "./visible-text.ts";

export interface CompareReportsOptions {
  readonly output?: string;
  readonly json?: true;
}

const MAX_NAME = 40;

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

/** A table of accuracies with a row per model, and one of the differences to the first model. */
export function comparisonText(comparison: RunsComparison, columns: number): string {
  const { runs, benchmarks } = comparison;
  const names = runNames(comparison).map((name) => preview(name, MAX_NAME));
  const isMany = benchmarks.length > 1;
  const accuracies = [
    ["accuracy", ...benchmarks.map(({ benchmark }) => benchmark), ...(isMany ? ["average"] : [])],
    ["common cases", ...benchmarks.map(({ common }) => String(common)), ...(isMany ? [""] : [])],
    ...runs.map(({ accuracy }, i) => [
      names[i] as string,
      ...benchmarks.map(({ measures }) => share(measures[i]?.accuracy)),
      ...(isMany ? [share(accuracy)] : []),
    ]),
  ];
  const differences = benchmarks.map(({ benchmark, differences: all }) => [
    [`${benchmark}: to the first`, "difference", "95 % interval", "McNemar's p", "only first right", "only this right"],
    ...all.map(({ run, difference, interval, p, onlyFirstRight, onlyThisRight }) => [
      names[run] as string,
      signed(difference),
      range(interval, signed),
      probability(p, "<"),
      String(onlyFirstRight),
      String(onlyThisRight),
    ]),
  ]);
  return [accuracies, ...differences].map((rows) => aligned(rows, columns)).join("\n");
}
