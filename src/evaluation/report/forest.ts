/** Forest plot: each benchmark's official score and accuracy with its interval, beside the model card's values. */
import type { EvaluationReport } from "../report.ts";
import { cardEstimate } from "./card.ts";
import { numberAxis, round, rowsChart } from "./charts.ts";
import { ACCURACY_AT_RANDOM, officialHeadline } from "./headline.ts";
import { html, type Markup } from "./markup.ts";
import { INTERVAL, intervalText, share } from "./numbers.ts";

const [LEFT, ROW] = [104, 48];
/** From the middle of a benchmark's row to this model's mark, and from each mark to the next. */
const [FIRST, STEP] = [-9, 9];

export function forestChart({ benchmarks }: EvaluationReport, models: readonly string[]): Markup {
  const values = benchmarks.flatMap((one) => {
    const { accuracy, interval, card } = one;
    const official = officialHeadline(one);
    const lows = Object.values(card ?? {}).map((value) => cardEstimate(value)?.interval.low);
    return [accuracy, interval?.low, official?.score, official?.interval?.low, official?.atRandom, ...lows].filter(
      (value) => value !== undefined,
    );
  });
  // The axis starts below 0.5, so that a coin flip is on it.
  const low = Math.max(0, Math.floor(values.reduce((a, b) => Math.min(a, b), ACCURACY_AT_RANDOM) * 10 - 0.5) / 10);
  const texts = benchmarks.map((one) => {
    const official = officialHeadline(one);
    const own =
      official === undefined ? "" : `; ${official.name} ${share(official.score)} (${intervalText(official.interval)})`;
    return `${one.benchmark} ${share(one.accuracy)} (${intervalText(one.interval)})${own}`;
  });
  return rowsChart({
    ...{ id: "forest", title: "Accuracy by benchmark", description: `${texts.join("; ")}.` },
    ...{ x: numberAxis("accuracy", low, 1, 5), left: LEFT, row: ROW, rows: benchmarks.length },
    draw: (x, middle) => [
      html`<path class="reference" d="M${x(ACCURACY_AT_RANDOM)} ${middle(-0.5)}V${middle(benchmarks.length - 0.5)}"/>\n`,
      benchmarks.map((one, i) => {
        const { benchmark, accuracy, interval, card } = one;
        const official = officialHeadline(one);
        const y = middle(i);
        const own = y + (card === undefined ? (official === undefined ? 0 : STEP) : FIRST);
        return html`<g><text class="row" x="0" y="${y + 4}">${benchmark}</text>
${models.map((model, place) => {
  const estimate = cardEstimate(card?.[model]);
  if (estimate === undefined) return undefined;
  const at = y + FIRST + STEP * (place + 1);
  return html`${whisker(x(estimate.interval.low), x(estimate.interval.high), at, "card")}${cardMark(place, x(estimate.share), at)}`;
})}
${official?.atRandom !== undefined && official.atRandom !== ACCURACY_AT_RANDOM && html`<path class="reference" d="M${x(official.atRandom)} ${y - ROW / 2}v${ROW / 2}"/>`}
${official?.interval && whisker(x(official.interval.low), x(official.interval.high), y - STEP, "own")}
${official?.score !== undefined && officialMark(x(official.score), y - STEP)}
${interval && whisker(x(interval.low), x(interval.high), own, "own")}
${accuracy !== undefined && html`<circle class="right" cx="${x(accuracy)}" cy="${own}" r="4.5"/>`}</g>`;
      }),
    ],
  });
}

function whisker(low: number, high: number, y: number, of: "own" | "card"): Markup {
  const kind = of === "own" ? "whisker" : "whisker faint";
  return html`<path class="${kind}" d="M${low} ${y}H${high}M${low} ${y - 4}v8M${high} ${y - 4}v8"/>`;
}

/** A diamond for the first model of the card, triangles for the others. */
function cardMark(place: number, x: number, y: number): Markup {
  const shape = place === 0 ? `M${x} ${y - 6}l6 6l-6 6l-6 -6z` : `M${x} ${y - 6}l5.5 10h-11z`;
  return html`<path class="card" d="${shape}"/>`;
}

function officialMark(x: number, y: number): Markup {
  return html`<rect class="right" x="${round(x - 4.5)}" y="${round(y - 4.5)}" width="9" height="9"/>`;
}

/** @param hasOfficial whether a benchmark has a score of its own */
export function forestLegend(models: readonly string[], hasOfficial: boolean): Markup {
  return html`<ul class="legend">
${hasOfficial && html`<li><svg viewBox="0 0 28 14" aria-hidden="true"><path class="whisker" d="M1 7H27M1 3v8M27 3v8"/>${officialMark(14, 7)}</svg>official score</li>`}
<li><svg viewBox="0 0 28 14" aria-hidden="true"><path class="whisker" d="M1 7H27M1 3v8M27 3v8"/><circle class="right" cx="14" cy="7" r="4.5"/></svg>accuracy, ${INTERVAL}</li>
<li><svg viewBox="0 0 14 14" aria-hidden="true"><path class="reference" d="M7 0V14"/></svg>at random</li>
${models.map(
  (model, place) =>
    html`<li><svg viewBox="0 0 14 14" aria-hidden="true">${cardMark(place, 7, 7)}</svg>${model} (model card)</li>`,
)}
</ul>`;
}
