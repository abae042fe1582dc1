/** What eval says of best-of-n, RM-Bench, PPE, the models that wrote the responses, and paraphrases, for people. */
import type { BenchmarkReport } from "../src/entry/eval.ts";
import { counted } from "./counted.ts";
import { aligned, estimate, INTERVAL, range, share } from "./measure-text.ts";
import { preview } from "./visible-text.ts";

/** Models that are listed. */
const MAX_MODELS = 30;
const MAX_NAME = 40;
/** The names leave room for the first columns of numbers, where the terminal has it. */
const [LEAST_NAME, NUMBERS] = [10, 47];
/** Points of a curve that fit a line. */
const SHOWN_STEPS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Sentences about a benchmark. */
export function rewardNotes({ bestOfN, consistency, officialScore }: BenchmarkReport): string[] {
  const notes: string[] = [];
  if (officialScore?.kind === "rmbench") {
    const { easy, easyInterval, normal, normalInterval, hard, hardInterval, missingDomains, domains } = officialScore;
    if (missingDomains.length > 0)
      notes.push(`No cases in ${missingDomains.join(", ")}, so there is no official score.`);
    else
      notes.push(
        `Easy ${estimate(easy, easyInterval)}, normal ${estimate(normal, normalInterval)}, hard ${estimate(hard, hardInterval)}.`,
      );
    const named = domains.map(({ domain, score, interval }) => `${domain} ${estimate(score, interval)}`);
    notes.push(`By domain: ${named.join(", ")}.`);
  }
  if (officialScore?.kind === "ppe") {
    for (const one of officialScore.correctness) {
      const { benchmark, accuracy, interval, rocAuc, maxScore, endScore, loss } = one;
      notes.push(
        `On ${preview(benchmark, MAX_NAME)}: accuracy ${estimate(accuracy, interval)}, ROC AUC ${share(rocAuc?.standardized)}, best of K ` +
          `${share(maxScore)} at most, ${share(endScore)} at the end, loss ${share(loss)}.`,
      );
    }
    const models = officialScore.human?.models;
    if (models?.spearman !== undefined)
      notes.push(
        `Models: Spearman ${share(models.spearman)}, Kendall ${share(models.kendall)}, row-wise Pearson ${share(models.rowPearson)}, ` +
          `separability ${share(models.separability)}, confidence agreement ${share(models.confidenceAgreement)}, Brier ${share(models.brier)}.`,
      );
  }
  if (bestOfN !== undefined) notes.push(curveNote(bestOfN));
  if (consistency !== undefined) notes.push(consistencyNote(consistency));
  return notes;
}

function curveNote({ points }: NonNullable<BenchmarkReport["bestOfN"]>): string {
  const shown = points.filter(({ n }, i) => SHOWN_STEPS.includes(n) || i === points.length - 1);
  const steps = shown.map(
    ({ n, chosen, oracle }) => `n = ${n} ${share(chosen)}${n === 1 ? "" : ` (best ${share(oracle)})`}`,
  );
  return `Expected grade of the best of n by score: ${steps.join(", ")}.`;
}

function consistencyNote(measures: NonNullable<BenchmarkReport["consistency"]>): string {
  const { consistency, interval, pairs, prompts } = measures;
  if (pairs === 0) return "No two rows are paraphrases with a comparison in common.";
  return `Order kept between paraphrases ${estimate(consistency, interval)}: ${counted(pairs, "pair")} on ${counted(prompts, "prompt")}.`;
}

/** A table of the models that wrote the responses; empty: none are named. */
export function strengthsTable({ benchmark, strengths }: BenchmarkReport, columns: number): string {
  if (strengths === undefined) return "";
  const width = Math.min(MAX_NAME, Math.max(LEAST_NAME, columns - NUMBERS));
  const head = [
    preview(`${benchmark}: models`, width),
    "battles",
    "win rate",
    "strength",
    INTERVAL,
    "labels' win rate",
    "labels' strength",
  ];
  const rows = strengths.models
    .slice(0, MAX_MODELS)
    .map(({ model, battles, byScores, byLabels }) => [
      preview(model, width),
      String(battles),
      share(byScores.winRate),
      share(byScores.strength),
      range(byScores.strengthInterval),
      share(byLabels.winRate),
      share(byLabels.strength),
    ]);
  const left = strengths.models.length - rows.length;
  return `\n${aligned([head, ...rows], columns)}${left > 0 ? `  … and ${counted(left, "model")} more (--json)\n` : ""}`;
}
