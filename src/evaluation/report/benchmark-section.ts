/** The page's section on one benchmark. */
import type { BenchmarkReport, RowCounts } from "../report.ts";
import { lengthBlock, lengthVerdictBlock, rankingBlock } from "./blocks.ts";
import { accuracyChart, calibrationChart, histogramChart, isOutsideNoise, scoresChart } from "./charts.ts";
import { type Headline, officialHeadline } from "./headline.ts";
import { type Content, grouped, html, type Markup, plural, short } from "./markup.ts";
import { mistakesBlock } from "./mistakes-block.ts";
import { INTERVAL, intervalName, intervalText, label, real, share } from "./numbers.ts";
import { officialScoreBlock } from "./official-block.ts";
import { bestOfNBlock, consistencyBlock, strengthsBlock } from "./reward-blocks.ts";
import { sectionId, withRows } from "./summary.ts";
import { below, binTable, numbersOf, table } from "./table.ts";

const MAX_NAME = 80;
const MAX_SOURCE = 300;
/** Truncated responses that are listed. */
const MAX_TRUNCATED = 60;
const MAX_PROBLEMS = 20;
const MAX_MESSAGE = 400;

export function benchmarkSection(report: BenchmarkReport, index: number): Markup {
  const id = sectionId(report, index);
  const { scores, margins, calibration, length } = report;
  return html`<section id="${id}" aria-labelledby="${id}-h">
<h2 id="${id}-h">${report.title}<span class="tag">${report.benchmark}</span></h2>
${report.notice !== undefined && html`<p class="note block">${report.notice}</p>`}
${stats(report)}
<p class="note block">${rowsSentence(report.rows)}</p>
${length?.verdict.biased && lengthVerdictBlock(length)}
${officialScoreBlock(id, report.officialScore)}${rankingBlock(report.ranking)}
<div class="columns">
${
  scores &&
  figure(
    "Scores",
    html`<span class="key"></span>better responses <span class="key bad"></span>worse responses`,
    scoresChart(`${id}-scores`, scores),
    html`<p class="note">Mean ${real(scores.better.mean)} of ${plural(scores.better.responses, "better response")}, ${real(
      scores.worse.mean,
    )} of ${plural(scores.worse.responses, "worse one")}. Scores of different prompts need not be comparable; margins are.</p>${scoresTable(scores)}`,
  )
}
${
  margins &&
  figure(
    "Margins",
    html`<span class="key"></span>better response scores higher <span class="key bad"></span>worse response scores higher`,
    histogramChart(`${id}-margins`, margins.histogram),
    html`<p class="note">Mean ${real(margins.mean)}, median ${real(margins.median)}. Not shown: ${plural(
      margins.histogram.zero,
      "pair",
    )} with equal scores.</p>${histogramTable(margins.histogram)}`,
  )
}
${
  margins &&
  figure(
    "Accuracy by margin",
    "Bins of absolute margin with about equal numbers of comparisons.",
    accuracyChart(`${id}-size`, "Accuracy by margin", "absolute margin", margins.accuracyBySize),
    binTable("absolute margin", margins.accuracyBySize),
  )
}
${
  calibration &&
  figure(
    "Calibration of sigmoid(margin)",
    "On the dashed line, predicted probabilities match observed frequencies. A perfectly calibrated model would be in the shaded areas in 95 of 100 samples of this size. Larger dots stand for more comparisons.",
    calibrationChart(`${id}-calibration`, calibration),
    html`<p class="note">Expected calibration error ${share(calibration.expectedError)}. Log loss ${real(
      calibration.logLoss,
    )} nats (0.693 for a coin flip)${
      calibration.temperature !== undefined &&
      `; ${real(calibration.logLossAtTemperature)} at the best temperature, ${real(calibration.temperature)}`
    }${
      calibration.stored !== undefined &&
      `; ${real(calibration.stored.logLoss)} with the calibration stored with the head (temperature ${real(calibration.stored.temperature)}, offset ${real(calibration.stored.offset)})`
    }. ${outsideSentence(calibration.bins)}</p>${calibrationTable(calibration.bins)}`,
  )
}
${length && lengthBlock(`${id}-length`, length)}
</div>
${report.subsets && subsetsBlock(report.subsets)}
${(report.breakdowns ?? []).map(breakdownBlock)}
${bestOfNBlock(`${id}-best-of-n`, report.bestOfN)}${strengthsBlock(report.strengths)}${consistencyBlock(report.consistency)}
${mistakesBlock(id, report)}
${truncatedBlock(report)}
${problemsBlock(report)}
<div class="block"><h3>Sources</h3><dl class="facts">${report.sources.map(
    ({ name, sha256, readAs }) =>
      html`<dt>${short(name, MAX_SOURCE)}</dt><dd><code title="SHA-256">${sha256}</code>${readAs && html`<br>read as ${readAs}`}</dd>`,
  )}</dl></div>
</section>`;
}

/** A chart with its title and a caption. */
export function figure(title: string, line: Content, drawing: Content, below?: Content): Markup {
  return html`<figure><figcaption><h3>${title}</h3><p class="note">${line}</p></figcaption>${drawing}${below}</figure>`;
}

/** Its name, its value, and what is to say about it. */
type Stat = [string, Content, ...Content[]];

function stats(report: BenchmarkReport): Markup {
  const { accuracy, interval, cases, prompts, comparisons, pairAccuracy, scoreTies, asPublished } = report;
  const official = officialHeadline(report);
  const items: Stat[] = [
    ...(official === undefined
      ? []
      : [[official.name, share(official.score), ...officialNotes(official)] satisfies Stat]),
    [
      "Accuracy",
      withRows(share(accuracy), report),
      interval && `${intervalText(interval)} (${intervalName(interval)})`,
    ],
    ...Object.entries(report.card ?? {}).map(([model, value]): Stat => [model, share(value), "model card"]),
    ...(asPublished === undefined
      ? []
      : [["With repetitions", share(asPublished.accuracy), intervalText(asPublished.interval)] satisfies Stat]),
    ["Cases", grouped(cases), prompts !== cases && `of ${plural(prompts, "prompt")}`],
    ["Comparisons", grouped(comparisons), comparisons !== cases && `${share(pairAccuracy)} right`],
    ["Equal scores", grouped(scoreTies)],
  ];
  return html`<dl class="stats">${items.map(
    ([name, value, ...notes]) =>
      html`<div><dt>${name}</dt><dd>${value}${notes.map((note) => note && html`<small>${note}</small>`)}</dd></div>`,
  )}</dl>`;
}

function officialNotes({ score, interval, atRandom }: Headline): Content[] {
  if (score === undefined) return ["parts are missing"];
  return [
    interval && `${intervalText(interval)} (${intervalName(interval)})`,
    atRandom !== undefined && `at random ${share(atRandom)}`,
  ];
}

function rowsSentence({ read, omitted, broken, cases, sampled, failed }: RowCounts): string {
  const reasons = Object.entries(omitted);
  const left = reasons.reduce((sum, [, count]) => sum + count, 0);
  const why = reasons.map(([reason, count]) => `${short(reason, MAX_NAME)} ${grouped(count)}`).join(", ");
  return [
    `${plural(read, "row")} read`,
    left > 0 && `${grouped(left)} skipped (${why})`,
    broken > 0 && `${grouped(broken)} invalid`,
    `${plural(cases, "case")} found${sampled < cases ? `, ${grouped(sampled)} sampled at random` : ""}`,
    failed > 0 && `${grouped(failed)} could not be scored`,
  ]
    .filter((part) => part !== false)
    .join("; ")
    .concat(".");
}

function histogramTable({ start, width, counts }: { start: number; width: number; counts: readonly number[] }): Markup {
  const rows = counts.map((count, i) => [
    `${label(start + i * width)} to ${label(start + (i + 1) * width)}`,
    grouped(count),
  ]);
  return numbersOf({ columns: ["margin", "comparisons"], rows });
}

function scoresTable({ start, width, better, worse }: NonNullable<BenchmarkReport["scores"]>): Markup {
  const rows = better.counts.map((count, i) => [
    `${label(start + i * width)} to ${label(start + (i + 1) * width)}`,
    grouped(count),
    grouped(worse.counts[i] ?? 0),
  ]);
  return numbersOf({ columns: ["score", "better", "worse"], rows });
}

function outsideSentence(bins: Bins): string {
  const outside = bins.filter(isOutsideNoise).length;
  if (outside === 0) return "No bin is off by more than chance.";
  return `${grouped(outside)} of ${plural(bins.length, "bin")} ${outside === 1 ? "is" : "are"} off by more than chance.`;
}

type Bins = NonNullable<BenchmarkReport["calibration"]>["bins"];

function calibrationTable(bins: Bins): Markup {
  return numbersOf({
    columns: ["probability", "comparisons", "predicted", `observed, ${INTERVAL}`, "if calibrated"],
    rows: bins.map(({ low, high, comparisons, predicted, observed, interval, noise }) => [
      `${low.toFixed(2)} to ${high.toFixed(2)}`,
      grouped(comparisons),
      share(predicted),
      html`<span>${share(observed)}${below(interval)}</span>`,
      intervalText(noise),
    ]),
  });
}

function subsetsBlock(subsets: NonNullable<BenchmarkReport["subsets"]>): Markup {
  return html`<div class="block"><h3>By subset</h3>${table({
    columns: ["Subset", "Cases", "Accuracy", INTERVAL],
    rows: subsets.map(({ subset, cases, accuracy, interval }) => [
      short(subset, MAX_NAME),
      grouped(cases),
      share(accuracy),
      intervalText(interval),
    ]),
  })}</div>`;
}

function breakdownBlock({ field, groups }: NonNullable<BenchmarkReport["breakdowns"]>[number]): Markup {
  return html`<div class="block"><h3>By ${short(field, MAX_NAME)}</h3>${table({
    columns: ["Value", "Prompts", "Cases", "Accuracy", INTERVAL],
    rows: groups.map(({ value, prompts, cases, accuracy, interval }) => [
      value === undefined ? html`<em>no value</em>` : short(value, MAX_NAME),
      grouped(prompts),
      grouped(cases),
      share(accuracy),
      intervalText(interval),
    ]),
  })}</div>`;
}

function truncatedBlock({ truncatedResponses, truncated }: BenchmarkReport): Content {
  if (truncatedResponses === 0) return undefined;
  const places = truncated
    .slice(0, MAX_TRUNCATED)
    .map(({ response, ...place }) => `${placeText(place)} (response ${response + 1})`);
  const more = truncatedResponses - places.length;
  return html`<div class="block"><h3>Truncated</h3><p class="note">${plural(truncatedResponses, "response")} exceeded the
model's context: only the last tokens were scored.</p><details><summary>List</summary><p class="note">${places.join("; ")}${
    more > 0 && `; and ${grouped(more)} more`
  }.</p></details></div>`;
}

function problemsBlock({ problems, rows }: BenchmarkReport): Content {
  if (problems.length === 0) return undefined;
  const shown = problems.slice(0, MAX_PROBLEMS);
  const more = Math.max(problems.length, rows.broken + rows.failed) - shown.length;
  return html`<div class="block"><h3>Problems</h3><p class="note">Rows that are invalid or could not be scored. They are not part of any
number above.</p><dl class="facts">${shown.map(
    ({ message, ...place }) => html`<dt>${placeText(place)}</dt><dd>${short(message, MAX_MESSAGE)}</dd>`,
  )}</dl>${more > 0 && html`<p class="note">… and ${grouped(more)} more.</p>`}</div>`;
}

function placeText({ source, row }: { readonly source: number; readonly row: number }): string {
  return `${source > 0 ? `source ${source + 1}, ` : ""}row ${grouped(row)}`;
}
