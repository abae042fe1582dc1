/** Renders a comparison of evaluations as one self-contained HTML page. */
import { invalidArgument } from "../../errors.ts";
import { readable } from "../../options.ts";
import type { Flip } from "../measures/flips.ts";
import type { Interval } from "../measures/interval.ts";
import type { BenchmarkComparison, RunsComparison } from "../runs-comparison.ts";
import { type Content, grouped, html, type Markup, plural, short } from "./markup.ts";
import { headOf, searchBar, textBox } from "./mistakes-block.ts";
import { ABSENT, INTERVAL, intervalText, real, share, signedShare } from "./numbers.ts";
import { pageOf } from "./page.ts";
import { below, estimateCell, table } from "./table.ts";

const MAX_NAME = 60;
const MAX_NOTICE = 1000;
const MAX_TEXT = 2000;
/** Cases that are listed of each kind; comparison.json has all of them. */
const MAX_FLIPS = 200;
const SMALLEST_P = 0.0001;

/**
 * @param comparison of compareRuns(), also as it comes out of JSON
 * @returns an HTML document, to be written as UTF-8
 * @throws InvalidInputError ERR_INVALID_ARGUMENT for another object
 */
export function renderComparison(comparison: RunsComparison): string {
  const isComparison = readable("comparison", () => {
    const { runs, benchmarks, notices } = comparison as Partial<RunsComparison>;
    return [runs, benchmarks, notices].every(Array.isArray);
  });
  if (!isComparison) throw invalidArgument("comparison", "the comparison of evaluations", comparison);
  const { runs, benchmarks, notices, version } = comparison;
  const names = runNames(comparison);
  return pageOf(
    `Comparison of ${plural(runs.length, "evaluation")}`,
    html`<header><p class="eyebrow">Reward models on the same cases</p><h1>Comparison of ${plural(runs.length, "evaluation")}</h1>${notices.map(
      (notice) => html`<p class="verdict">${short(notice, MAX_NOTICE)}</p>`,
    )}</header>
<section class="summary" aria-label="Summary">${summaryTable(comparison, names)}
<p class="note block">Accuracies on the cases that all evaluations have, with ${INTERVAL}s. A coin flip has 0.5.</p></section>
${benchmarks.map((one, i) => benchmarkBlock(one, `${one.benchmark}-${i + 1}`, names))}
<section aria-labelledby="runs-h"><h2 id="runs-h">The evaluations</h2><dl class="facts">${runs.map(
      ({ report, model }, i) =>
        html`<dt>${names[i]}</dt><dd>${report}: ${model.file}, SHA-256 <code>${model.sha256}</code>${
          model.head && html`, head ${model.head.file}`
        }</dd>`,
    )}<dt>Made with</dt><dd>starling-rm ${version}</dd></dl></section>`,
  );
}

/** Models by their names; by number where two share one. */
export function runNames({ runs }: Pick<RunsComparison, "runs">): string[] {
  const names = runs.map(({ model: { name, type, head } }) =>
    short(`${name} ${type}${head === undefined ? "" : ` with ${head.file}`}`, MAX_NAME),
  );
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${i + 1}: ${name}`));
}

/** Of models and benchmarks, the fewer are columns: more would not fit beside each other. */
function summaryTable({ runs, benchmarks }: RunsComparison, names: readonly string[]): Markup {
  const of = (i: number) =>
    benchmarks.map(({ measures }) =>
      marked(
        i,
        measures.map(({ accuracy }) => accuracy),
        measures[i]?.interval,
      ),
    );
  const average = (i: number) =>
    marked(
      i,
      runs.map(({ accuracy }) => accuracy),
    );
  const hasAverage = benchmarks.length > 1;
  const titles = [...benchmarks.map(({ benchmark }) => benchmark), ...(hasAverage ? ["average"] : [])];
  const cells = runs.map((_, i) => [...of(i), ...(hasAverage ? [average(i)] : [])]);
  const options =
    benchmarks.length > runs.length
      ? {
          columns: ["Benchmark", ...names],
          rows: titles.map((title, k) => [title, ...cells.map((own) => own[k])]),
          hasLongNames: true,
        }
      : { columns: ["Model", ...titles], rows: cells.map((own, i) => [names[i], ...own]) };
  return html`<div class="block full"><h2>Accuracy</h2>${table(options)}</div>`;
}

/** The highest value is bold. */
function marked(i: number, values: readonly (number | undefined)[], interval?: Interval): Content {
  const value = values[i];
  const isBest = value !== undefined && values.every((other) => other === undefined || other <= value);
  return html`<span>${isBest ? html`<b>${share(value)}</b>` : share(value)}${below(interval)}</span>`;
}

function benchmarkBlock(one: BenchmarkComparison, id: string, names: readonly string[]): Markup {
  const { benchmark, title, common, measures, differences, flips } = one;
  const hasOfficial = measures.some(({ officialScore }) => officialScore !== undefined);
  return html`<section id="${id}" aria-labelledby="${id}-h"><h2 id="${id}-h">${title}<span class="tag">${benchmark}</span></h2>
<p class="note block">${plural(common, "case")} of ${plural(measures[0]?.prompts ?? 0, "prompt")}.</p>
<div class="block full">${table({
    columns: [
      "Model",
      ...(hasOfficial ? ["Score"] : []),
      "Accuracy",
      INTERVAL,
      "Difference to the first",
      `its ${INTERVAL}`,
      "McNemar’s\u00a0p",
      "Right in only one",
    ],
    rows: measures.map(({ accuracy, interval, officialScore }, i) => {
      const difference = differences.find(({ run }) => run === i);
      return [
        names[i] as string,
        ...(hasOfficial ? [estimateCell(officialScore?.score, officialScore?.interval)] : []),
        share(accuracy),
        intervalText(interval),
        difference?.difference === undefined ? ABSENT : signedShare(difference.difference),
        intervalText(difference?.interval, signedShare),
        probability(difference?.p),
        difference === undefined
          ? ABSENT
          : `first ${grouped(difference.onlyFirstRight)}, this ${grouped(difference.onlyThisRight)}`,
      ];
    }),
  })}</div>${
    flips && [
      flipsBlock(
        `${id}-first`,
        `Right only in the first: ${names[0]}`,
        flips.filter(({ gain }) => gain < 0),
      ),
      flipsBlock(
        `${id}-second`,
        `Right only in the second: ${names[1]}`,
        flips.filter(({ gain }) => gain > 0),
      ),
    ]
  }</section>`;
}

function probability(p: number | undefined): string {
  if (p === undefined) return ABSENT;
  return p < SMALLEST_P ? `< ${SMALLEST_P}` : p.toFixed(4);
}

function flipsBlock(id: string, title: string, flips: readonly Flip[]): Content {
  if (flips.length === 0) return html`<div class="block"><h3>${title}</h3><p class="note">None.</p></div>`;
  const shown = flips.slice(0, MAX_FLIPS);
  const more = flips.length - shown.length;
  return html`<div class="block" data-mistakes><h3>${title}</h3><p class="note">${plural(flips.length, "case")}, largest change of the margin
first. Margins are those of the first and of the second model. Texts are in the reports of the worst mistakes only.</p>
${searchBar(id, { label: "Search", noun: "case", count: shown.length })}
<div class="mistakes block">${shown.map(flipDetails)}</div>${more > 0 && html`<p class="note">… and ${grouped(more)} more in comparison.json.</p>`}</div>`;
}

function flipDetails({ source, row, id, subset, margins: [before, after], prompt, better, worse }: Flip): Markup {
  const where = [
    `source ${source + 1}, row ${grouped(row)}`,
    id !== undefined && short(id, MAX_NAME),
    subset !== undefined && short(subset, MAX_NAME),
  ];
  const head = headOf(`${real(before)} → ${real(after)}`, prompt ?? "", where);
  if (prompt === undefined) return html`<div class="mistake"><div class="line">${head}</div></div>\n`;
  return html`<details class="mistake"><summary>${head}</summary><div class="texts"><div class="prompt">${text("Prompt", prompt)}</div>
<div>${text("Better", better ?? "")}</div><div>${text("Worse", worse ?? "")}</div></div></details>\n`;
}

function text(name: string, value: string): Markup {
  return html`<h4><b>${name}</b></h4>${textBox(value, MAX_TEXT)}`;
}
