/** What a reader of a comparison must know: what was compared, and in what the runs differ. */
import { listed } from "../plural.ts";
import type { ScoredCase } from "./case.ts";
import type { OfficialScore } from "./measures/measure.ts";
import type { WrittenRun } from "./read-run.ts";
import type { BenchmarkComparison } from "./runs-comparison.ts";

const COMPARED_SETTINGS = [
  "tokenization",
  "specialTokens",
  "maxTokens",
  "seed",
  "limit",
  "backend",
  "batchMode",
] as const;

/** @param cases of each benchmark, of each run: those that all have, in one order */
export function noticesOf(
  runs: readonly WrittenRun[],
  benchmarks: readonly BenchmarkComparison[],
  cases: readonly (readonly (readonly ScoredCase[])[])[],
): string[] {
  const notices = notesOnSameScores(runs, cases);
  for (const { benchmark, common, cases } of benchmarks)
    if (cases.some((count) => count !== common))
      notices.push(
        `${benchmark}: ${common} cases are in all reports (of ${cases.join(", ")}); every number is about these.`,
      );
  for (const { benchmark, measures } of benchmarks) {
    const missing = new Set(measures.flatMap(({ officialScore }) => missingParts(officialScore)));
    if (missing.size > 0)
      notices.push(`${benchmark}: no cases in ${[...missing].join(", ")}, so there is no official score.`);
  }
  for (const { name, report } of runs)
    for (const { benchmark, incomplete } of report.benchmarks)
      if (incomplete !== undefined && benchmarks.some((one) => one.benchmark === benchmark))
        notices.push(`In ${name}, ${benchmark} covers ${incomplete.sentence.replace(/^of /, "")}.`);
  const names = new Set(runs.flatMap(({ report }) => report.benchmarks.map(({ benchmark }) => benchmark)));
  for (const name of names)
    if (!benchmarks.some(({ benchmark }) => benchmark === name))
      notices.push(`${name} is not in all reports and is left out.`);
  const differ = (name: string, values: readonly string[]) => {
    if (new Set(values).size > 1) notices.push(`The runs differ in ${name}: ${values.join(", ")}.`);
  };
  const settings = runs.map(({ report }) => report.settings);
  for (const setting of COMPARED_SETTINGS)
    differ(
      setting,
      settings.map((own) => String(own[setting] ?? "all")),
    );
  differ(
    "version",
    runs.map(({ report }) => report.version),
  );
  return notices;
}

function missingParts(official: OfficialScore | undefined): readonly string[] {
  if (official === undefined) return [];
  if (official.kind === "rewardbench") return official.missingSections;
  if (official.kind === "rewardbench2") return official.missingSubsets;
  return official.kind === "rmbench" ? official.missingDomains : official.missing;
}

/** Runs that cannot differ: a report that was given twice, a copy of one, or one model that computed twice. */
function notesOnSameScores(
  runs: readonly WrittenRun[],
  cases: readonly (readonly (readonly ScoredCase[])[])[],
): string[] {
  const notes: string[] = [];
  const isNoted = new Set<number>();
  for (const [i, { name, file }] of runs.entries()) {
    if (isNoted.has(i)) continue;
    const same = runs.flatMap((_, k) => (k > i && cases.every((own) => haveSameScores(own[i], own[k])) ? [k] : []));
    if (same.length === 0) continue;
    for (const k of same) isNoted.add(k);
    const names = [name, ...same.map((k) => (runs[k] as WrittenRun).name)];
    if (same.some((k) => runs[k]?.file !== file))
      notes.push(
        `${listed(names, "and")} have the same scores in every common case: one model's, or copies of one report.`,
      );
    else if (new Set(names).size > 1) notes.push(`${listed(names, "and")} are one report, compared with itself.`);
    else
      notes.push(
        `${name} is given ${names.length === 2 ? "twice" : `${names.length} times`}, and compared with itself.`,
      );
  }
  return notes;
}

function haveSameScores(some: readonly ScoredCase[] = [], others: readonly ScoredCase[] = []): boolean {
  return some.every(({ scores }, i) => scores.every((score, k) => score === others[i]?.scores[k]));
}
