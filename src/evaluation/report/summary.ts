/** The top of the page: each benchmark's accuracy beside the model card's. */
import { differ, type Estimate, estimateOf, intervalOfMean } from "../measures/interval.ts";
import type { BenchmarkReport, EvaluationReport, Incomplete } from "../report.ts";
import { CARD_PROMPTS, cardEstimate } from "./card.ts";
import { forestChart, forestLegend } from "./forest.ts";
import { officialHeadline } from "./headline.ts";
import { type Content, grouped, html, type Markup, plural } from "./markup.ts";
import { ABSENT, INTERVAL, intervalText, LEVEL, share, signedShare } from "./numbers.ts";
import { estimateCell } from "./table.ts";

/** HTML id of a benchmark's section. */
export function sectionId(report: BenchmarkReport, index: number): string {
  return `${report.benchmark}-${index + 1}`;
}

/** Models with numbers on the model card, in order of first appearance. */
function cardModels({ benchmarks }: EvaluationReport): string[] {
  return [...new Set(benchmarks.flatMap(({ card }) => Object.keys(card ?? {})))];
}

export function summarySection(report: EvaluationReport): Markup {
  const { benchmarks, accuracy, incomplete } = report;
  const models = cardModels(report);
  const biased = benchmarks.flatMap((one, i) => (one.length?.verdict.biased ? [{ one, i }] : []));
  const officials = benchmarks.flatMap((one) => officialHeadline(one) ?? []);
  const outside = benchmarks.some((one) => models.some((model) => isOutside(one, cardEstimate(one.card?.[model]))));
  return html`<section class="summary" aria-label="Summary">
<div class="overview"><div>
<dl class="stats">${officials.map(
    ({ name, score, interval }) =>
      html`<div><dt>${name}</dt><dd>${share(score)}${interval && html`<small>${intervalText(interval)}</small>`}</dd></div>`,
  )}<div><dt>${benchmarks.length === 1 ? "Accuracy" : "Average accuracy"}</dt><dd>${share(accuracy)}${
    report.interval && html`<small>${intervalText(report.interval)}</small>`
  }${benchmarks.length > 1 && html`<small>mean of ${plural(benchmarks.length, "benchmark")}</small>`}${incomplete && incompleteNote(incomplete)}</dd></div>
<div><dt>Cases</dt><dd>${grouped(benchmarks.reduce((sum, { cases }) => sum + cases, 0))}</dd></div>
<div><dt>Comparisons</dt><dd>${grouped(benchmarks.reduce((sum, { comparisons }) => sum + comparisons, 0))}</dd></div></dl>
<p class="note block">Accuracy is the fraction of comparisons in which the better response scored higher, averaged over
prompts. A coin flip has 0.5, also where a case has more than two responses. Whiskers and intervals are ${LEVEL} confidence
intervals.${
    officials.length > 0 &&
    " The score of a benchmark is its official one if it has one: RewardBench weights its sections, and a random choice from RewardBench 2's four responses has 0.25."
  }</p></div>
${benchmarks.length > 0 && html`<figure>${forestChart(report, models)}${forestLegend(models, officials.length > 0)}</figure>`}</div>
<div class="block">${table(report, models)}${
    models.length > 0 &&
    html`<p class="note block">The model card's numbers come from ${grouped(CARD_PROMPTS)} prompts of each benchmark and have
intervals of their own, shown as whiskers.${outside && ` * The difference from the card's number is more than chance at ${LEVEL}.`}</p>`
  }</div>
${
  biased.length > 0 &&
  html`<p class="verdict bad"><strong>Length bias:</strong> ${biased.map(
    ({ one, i }, at) => html`${at > 0 && ", "}<a href="#${sectionId(one, i)}">${one.benchmark}</a>`,
  )}. The scores follow response length; see the linked sections.</p>`
}
</section>`;
}

/** A number with what it is of, where rows failed: it must not be quoted as one of all. */
export function withRows(number: Content, { incomplete }: Pick<EvaluationReport, "incomplete">): Content {
  return incomplete === undefined ? number : html`<span>${number}${incompleteNote(incomplete)}</span>`;
}

/** The same in a column of numbers, where the sentence would be a tower of short lines: the section has it. */
function withFailed(number: Content, { incomplete }: Pick<EvaluationReport, "incomplete">): Content {
  if (incomplete === undefined) return number;
  return html`<span>${number}<small class="incomplete">${grouped(incomplete.failed)} failed</small></span>`;
}

function incompleteNote({ sentence }: Incomplete): Markup {
  return html`<small class="incomplete">${sentence}</small>`;
}

function table(report: EvaluationReport, models: readonly string[]): Markup {
  const { benchmarks, accuracy } = report;
  const hasOfficial = benchmarks.some((one) => officialHeadline(one) !== undefined);
  const columns = [
    "Benchmark",
    ...(hasOfficial ? ["Score"] : []),
    "Cases",
    "Accuracy",
    INTERVAL,
    ...models.flatMap((model) => [model, "difference"]),
  ];
  const row = (heading: Content, cells: readonly Content[]) =>
    html`<tr><th scope="row">${heading}</th>${cells.map(
      (cell, i) =>
        html`<td data-name="${columns[i + 1] ?? ""}"${cell === ABSENT && html` class="absent"`}>${cell}</td>`,
    )}</tr>`;
  return html`<table class="stack"><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${benchmarks.map((one, i) =>
    row(html`<a href="#${sectionId(one, i)}">${one.title}</a>`, [
      ...(hasOfficial ? [withFailed(scoreCell(one), one)] : []),
      grouped(one.cases),
      hasOfficial ? share(one.accuracy) : withFailed(html`<b>${share(one.accuracy)}</b>`, one),
      intervalText(one.interval),
      ...models.flatMap((model) =>
        cardCells(one.accuracy, one.card?.[model], isOutside(one, cardEstimate(one.card?.[model]))),
      ),
    ]),
  )}</tbody>
${
  benchmarks.length > 1 &&
  html`<tfoot>${row("Average", [
    ...(hasOfficial ? [ABSENT] : []),
    grouped(benchmarks.reduce((sum, { cases }) => sum + cases, 0)),
    withFailed(share(accuracy), report),
    intervalText(report.interval),
    ...models.flatMap((model) =>
      cardCells(accuracy, report.card?.[model], isOutside(report, cardAverage(report, model))),
    ),
  ])}</tfoot>`
}</table>`;
}

/** The official score and its interval, or accuracy, whose interval has its own column. */
function scoreCell(one: BenchmarkReport): Markup {
  const official = officialHeadline(one);
  return official === undefined ? html`<b>${share(one.accuracy)}</b>` : estimateCell(official.score, official.interval);
}

function cardCells(accuracy: number | undefined, card: number | undefined, outside: boolean): Content[] {
  if (card === undefined) return [ABSENT, ABSENT];
  if (accuracy === undefined) return [share(card), ABSENT];
  const difference = `${signedShare(accuracy - card)}${outside ? " *" : ""}`;
  return [share(card), outside && accuracy < card ? html`<span class="bad-number">${difference}</span>` : difference];
}

/** Whether two samples of prompts differ by more than chance. */
function isOutside(own: Pick<BenchmarkReport, "accuracy" | "interval">, card: Estimate | undefined): boolean {
  const estimate = estimateOf(own.accuracy, own.interval);
  return estimate !== undefined && card !== undefined && differ(estimate, card);
}

/** The card's average, which it has if it has a number for each benchmark. */
function cardAverage({ benchmarks, card: averages }: EvaluationReport, model: string): Estimate | undefined {
  const interval = intervalOfMean(benchmarks.flatMap(({ card }) => cardEstimate(card?.[model]) ?? []));
  return estimateOf(averages?.[model], interval);
}
