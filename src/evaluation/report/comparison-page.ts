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
<section class="summary" aria-label="Summary">${officialTable(comparison, names)}${accuracyTable(comparison, names)}
<p class="note block">On the cases that all evaluations have. Smaller numbers are ${INTERVAL}s. A coin flip has an accuracy of 0.5.</p></section>
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

/** A number of each model. */
interface Measured {
  readonly title: string;
  readonly values: readonly (number | undefined)[];
  readonly intervals?: readonly (Interval | undefined)[];
}

/** Absent where no benchmark has an official score. */
function officialTable({ benchmarks }: RunsComparison, names: readonly string[]): Content {
  const scores = benchmarks.flatMap(({ benchmark, measures }): Measured[] => {
    const own = measures.map(({ officialScore }) => officialScore);
    if (own.every((one) => one?.score === undefined)) return [];
    return [{ title: benchmark, values: own.map((one) => one?.score), intervals: own.map((one) => one?.interval) }];
  });
  return scores.length > 0 && summaryTable("Official score", scores, names);
}

function accuracyTable({ runs, benchmarks }: RunsComparison, names: readonly string[]): Markup {
  const accuracies = benchmarks.map(
    ({ benchmark, measures }): Measured => ({
      title: benchmark,
      values: measures.map(({ accuracy }) => accuracy),
      intervals: measures.map(({ interval }) => interval),
    }),
  );
  const average: Measured = { title: "average", values: runs.map(({ accuracy }) => accuracy) };
  return summaryTable("Accuracy", benchmarks.length > 1 ? [...accuracies, average] : accuracies, names);
}

/** Of models and measures, the fewer are columns: more would not fit beside each other. */
function summaryTable(title: string, measured: readonly Measured[], names: readonly string[]): Markup {
  const options =
    measured.length > names.length
      ? {
          columns: ["Benchmark", ...names],
          rows: measured.map((one) => [one.title, ...names.map((_, i) => marked(one, i))]),
        }
      : {
          columns: ["Model", ...measured.map((one) => one.title)],
          rows: names.map((name, i) => [name, ...measured.map((one) => marked(one, i))]),
        };
  return html`<div class="block full"><h2>${title}</h2>${table({ ...options, hasLongNames: true })}</div>`;
}

/** The highest value is bold. */
function marked({ values, intervals }: Measured, i: number): Content {
  const value = values[i];
  if (value === undefined) return ABSENT;
  const isBest = values.every((other) => other === undefined || other <= value);
  return html`<span>${isBest ? html`<b>${share(value)}</b>` : share(value)}${below(intervals?.[i])}</span>`;
}

function benchmarkBlock(one: BenchmarkComparison, id: string, names: readonly string[]): Markup {
  const { benchmark, title, common, measures, differences, flips } = one;
  const hasOfficial = measures.some(({ officialScore }) => officialScore !== undefined);
  return html`<section id="${id}" aria-labelledby="${id}-h"><h2 id="${id}-h">${title}<span class="tag">${benchmark}</span></h2>
<p class="note block">${plural(common, "case")} of ${plural(measures[0]?.prompts ?? 0, "prompt")}. Smaller numbers are ${INTERVAL}s.</p>
<div class="block full">${table({
    columns: [
      "Model",
      ...(hasOfficial ? ["Official score", "Its difference to the first"] : []),
      "Accuracy",
      hasOfficial ? "Its difference to the first" : "Difference to the first",
      "McNemar’s\u00a0p",
      "Right in only one",
    ],
    rows: measures.map(({ accuracy, interval, officialScore }, i) => {
      const difference = differences.find(({ run }) => run === i);
      return [
        names[i] as string,
        ...(hasOfficial
          ? [
              officialScore?.score === undefined ? ABSENT : estimateCell(officialScore.score, officialScore.interval),
              differenceCell(difference?.officialScore),
            ]
          : []),
        estimateCell(accuracy, interval),
        differenceCell(difference),
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
        `Right only in the first (${names[0]})`,
        flips.filter(({ gain }) => gain < 0),
      ),
      flipsBlock(
        `${id}-second`,
        `Right only in the second (${names[1]})`,
        flips.filter(({ gain }) => gain > 0),
      ),
    ]
  }</section>`;
}

function differenceCell(of: { readonly difference?: number; readonly interval?: Interval } | undefined): Content {
  if (of?.difference === undefined) return ABSENT;
  return html`<span>${signedShare(of.difference)}${of.interval && html`<small>${intervalText(of.interval, signedShare)}</small>`}</span>`;
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
first. Margins: the first model’s → the second’s. Reports keep the texts of their worst mistakes only.</p>
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
