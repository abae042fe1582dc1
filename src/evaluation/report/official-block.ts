/** A benchmark's official score, by its parts. */

import type { Interval } from "../measures/interval.ts";
import type { OfficialScore } from "../measures/measure.ts";
import type { PpeCorrectness, PpeScore } from "../measures/ppe.ts";
import type { ModelAgreement } from "../measures/ppe-models.ts";
import type { RewardBenchScore } from "../measures/reward-bench.ts";
import type { RewardBench2Score } from "../measures/reward-bench-2.ts";
import { type RmBenchAccuracies, type RmBenchScore, rmBenchStyles } from "../measures/rm-bench.ts";
import { ACCURACY_AT_RANDOM } from "./headline.ts";
import { type Content, grouped, html, type Markup, short } from "./markup.ts";
import { INTERVAL, intervalText, share } from "./numbers.ts";
import { partsChart } from "./parts-chart.ts";
import { bestOfNBlock } from "./reward-blocks.ts";
import { estimateCell, table } from "./table.ts";

const MAX_LISTED = 12;
const MAX_NAME = 60;
/** More rows would make the chart too tall. */
const MAX_ROWS = 16;

export function officialScoreBlock(id: string, official: OfficialScore | undefined): Content {
  if (official === undefined) return undefined;
  if (official.kind === "rmbench") return rmBenchBlock(official);
  if (official.kind === "ppe") return ppeBlock(official, id);
  return official.kind === "rewardbench" ? sectionsBlock(id, official) : subsetScoresBlock(id, official);
}

function sectionsBlock(id: string, official: RewardBenchScore): Markup {
  const { score, scoreByItsOwnCode, intervalByItsOwnCode, sections, missingSections, unknownSubsets } = official;
  const notes = [
    missingSections.length > 0 &&
      `No cases in ${missingSections.join(", ")}, so there is no overall score. RewardBench's own code counts a missing section as 0 ` +
        `and gives ${share(scoreByItsOwnCode)}${intervalByItsOwnCode === undefined ? "" : ` (${intervalText(intervalByItsOwnCode)})`}.`,
    ...sections
      .filter(({ missing }) => missing.length > 0)
      .map(({ section, missing }) => `Missing in ${section}: ${missing.join(", ")}.`),
    unknownNote(unknownSubsets),
  ];
  const parts = sections.map((part) => ({ ...part, name: part.section, atRandom: ACCURACY_AT_RANDOM }));
  return block(id, { title: "RewardBench score", part: "Section", score, interval: official.interval, notes, parts });
}

function subsetScoresBlock(id: string, official: RewardBench2Score): Markup {
  const { score, subsets, ties, missingSubsets, unknownSubsets } = official;
  const notes = [
    missingSubsets.length > 0 && `No score for ${missingSubsets.join(", ")}, so there is no overall score.`,
    ties &&
      `Ties: accuracy ${share(ties.tiedAccuracy)} with several correct answers, ${share(ties.refAccuracy)} with one; gap wider than the ` +
        `spread in ${share(ties.preferred)} of ${grouped(ties.pairs)} pairs, in ${share(ties.preferredHard)} for the pair's smaller gap.`,
    unknownNote(unknownSubsets),
  ];
  const parts = subsets.map((part) => ({ ...part, name: part.subset }));
  return block(id, { title: "RewardBench 2 score", part: "Subset", score, interval: official.interval, notes, parts });
}

function rmBenchBlock({ domains, missingDomains, unknownDomains, ...whole }: RmBenchScore): Markup {
  const cells = (one: Partial<RmBenchAccuracies>) => [
    estimateCell(one.score, one.interval),
    estimateCell(one.easy, one.easyInterval),
    estimateCell(one.normal, one.normalInterval),
    estimateCell(one.hard, one.hardInterval),
  ];
  return html`<div class="block full">${title("RM-Bench score", whole.score, whole.interval)}${table({
    columns: ["Domain", "Cases", "Average", "Easy", "Normal", "Hard"],
    rows: [
      ...domains.map((one) => [one.domain, grouped(one.cases), ...cells(one)]),
      ["Mean of the domains", grouped(domains.reduce((sum, one) => sum + one.cases, 0)), ...cells(whole)],
    ],
  })}<p class="note">Hard: the wrong answer has the fancier style. Easy: the right one has. Below each number: its ${INTERVAL}.</p>${notesOf(
    [
      missingDomains.length > 0 && `No cases in ${missingDomains.join(", ")}, so there is no overall score.`,
      unknownNote(unknownDomains),
    ],
  )}<details><summary>By style: right answer (rows) against wrong answer (columns)</summary>${domains.map(
    ({ domain, matrix }) =>
      table({
        columns: [domain, ...rmBenchStyles],
        rows: matrix.map((row, i) => [rmBenchStyles[i], ...row.map(share)]),
      }),
  )}</details></div>`;
}

function ppeBlock({ score, interval, human, correctness, missing }: PpeScore, id: string): Markup {
  return html`<div class="block full">${title("PPE, mean accuracy on correctness", score, interval)}${
    correctness.length > 0 &&
    table({
      columns: ["Set", "Cases", "Accuracy", INTERVAL, "ROC AUC", "Best of K: most", "at the end", "Loss"],
      rows: correctness.map((one) => [
        short(one.benchmark, MAX_NAME),
        grouped(one.cases),
        share(one.accuracy),
        intervalText(one.interval),
        share(one.rocAuc?.standardized),
        share(one.maxScore),
        share(one.endScore),
        share(one.loss),
      ]),
    })
  }${missing.length > 0 && html`<p class="note">No cases in ${missing.join(", ")}, so there is no mean.</p>`}${
    human &&
    table({
      columns: ["Human preferences", ""],
      rows: [
        ["accuracy", `${share(human.accuracy)} (${intervalText(human.interval)})`],
        ...(human.models === undefined ? [] : agreementRows(human.models)),
      ],
    })
  }</div>${correctness.map((one, i) => curveOf(one, `${id}-ppe-${i + 1}`))}`;
}

function agreementRows(models: ModelAgreement): string[][] {
  return [
    ["Spearman’s ρ of the models’ strengths", share(models.spearman)],
    ["Kendall’s τ-b of the models’ strengths", share(models.kendall)],
    ["row-wise Pearson of win rates", share(models.rowPearson)],
    ["separability", share(models.separability)],
    ["confidence agreement", share(models.confidenceAgreement)],
    ["Brier score", share(models.brier)],
  ];
}

function curveOf({ benchmark, bestOfK }: PpeCorrectness, id: string): Content {
  return bestOfNBlock(id, bestOfK, `Best of K: ${short(benchmark, MAX_NAME)}`);
}

/** Those that apply, each a paragraph. */
function notesOf(notes: readonly (string | false | undefined)[]): Content {
  return notes.map((note) => note && html`<p class="note">${note}</p>`);
}

function unknownNote(subsets: readonly string[]): string | false {
  if (subsets.length === 0) return false;
  const named = subsets.slice(0, MAX_LISTED).map((subset) => short(subset, MAX_NAME));
  const more = subsets.length > MAX_LISTED ? ` and ${grouped(subsets.length - MAX_LISTED)} more` : "";
  return `Not part of the benchmark and its score: ${named.join(", ")}${more}.`;
}

function title(name: string, score: number | undefined, interval: Interval | undefined): Markup {
  return html`<h3>${name}: ${share(score)}${interval && ` (${intervalText(interval)})`}</h3>`;
}

interface OfficialBlock {
  readonly title: string;
  /** What the parts are. */
  readonly part: string;
  readonly score: number | undefined;
  readonly interval: Interval | undefined;
  readonly notes: readonly (string | false | undefined)[];
  readonly parts: readonly {
    readonly name: string;
    readonly cases: number;
    readonly score: number;
    readonly interval?: Interval;
    readonly atRandom?: number;
  }[];
}

function block(id: string, { title: name, part, score, interval, notes, parts }: OfficialBlock): Markup {
  return html`<div class="block">${title(name, score, interval)}<div class="overview">${table({
    columns: [part, "Cases", "Score", "at random"],
    rows: parts.map((row) => [
      short(row.name, MAX_NAME),
      grouped(row.cases),
      estimateCell(row.score, row.interval),
      share(row.atRandom),
    ]),
  })}${
    parts.length > 0 && html`<figure>${partsChart(`${id}-official`, name, parts.slice(0, MAX_ROWS))}</figure>`
  }</div>${notesOf(notes)}</div>`;
}
