/** The charts of a benchmark as SVG, each with axes, a title and a description for screen readers. */
import { type AccuracyBin, roundStep } from "../measures/bins.ts";
import type { CalibrationBin, CalibrationMeasures } from "../measures/calibration.ts";
import type { Histogram } from "../measures/margins.ts";
import type { ScoreDistribution, ScoreSide } from "../measures/score-distribution.ts";
import { ACCURACY_AT_RANDOM } from "./headline.ts";
import { type Content, html, type Markup } from "./markup.ts";
import { label, real, share } from "./numbers.ts";

/** SVG units: slightly less than a pixel on a phone, slightly more on a wide screen. */
const WIDTH = 420;
const HEIGHT = 236;
/** The last label of the x axis has half of its width right of the plot. */
const PLOT = { left: 56, right: 402, top: 12, bottom: 184 };
const TICK_GAP = 7;

export interface Axis {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Labelled positions. */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

export interface ChartOptions {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** What the chart shows, in one sentence. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Draws the marks; `x` and `y` map values to SVG coordinates. */
  readonly draw: (x: (value: number) => number, y: (value: number) => number) => Content;
}

/** An axis from `low` to `high` with about `parts` ticks at round numbers. */
export function numberAxis(name: string, low: number, high: number, parts: number): Axis {
  const step = roundStep(high - low, parts) ?? 1;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step + 0);
  return { name, low, high, ticks: ticks.map((at) => ({ at, text: label(at) })) };
}

export function chart({ id, title, description, x, y, draw }: ChartOptions): Markup {
  const toX = (value: number) => round(place(value, x, PLOT.left, PLOT.right));
  const toY = (value: number) => round(place(value, y, PLOT.bottom, PLOT.top));
  const middle = (PLOT.top + PLOT.bottom) / 2;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
<g class="grid">${y.ticks.map(({ at }) => html`<path d="M${PLOT.left} ${toY(at)}H${PLOT.right}"/>`)}</g>
${draw(toX, toY)}
<path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}"/>
<g class="ticks y">${y.ticks.map(
    ({ at, text }) => html`<text x="${PLOT.left - TICK_GAP}" y="${toY(at) + 4}">${text}</text>`,
  )}</g>
<g class="ticks x">${x.ticks.map(({ at, text }) => html`<text x="${toX(at)}" y="${PLOT.bottom + 17}">${text}</text>`)}</g>
<text class="name" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 10}">${x.name}</text>
<text class="name" x="0" y="0" transform="translate(11 ${middle}) rotate(-90)">${y.name}</text>
</svg>`;
}

export interface RowsChartOptions extends Pick<ChartOptions, "id" | "title" | "description" | "x"> {
  /** Where the axis begins: names are left of it. */
  readonly left: number;
  /** Height of a row. */
  readonly row: number;
  readonly rows: number;
  /** Draws the marks; `x` maps values to SVG coordinates, `middle` is that of a row. */
  readonly draw: (x: (value: number) => number, middle: (row: number) => number) => Content;
}

const ROWS = { right: 408, top: 10, foot: 40 };

/** A chart with a row for each thing that has a name, and one axis, below them. Values beyond its end are drawn there. */
export function rowsChart({ id, title, description, x, left, row, rows, draw }: RowsChartOptions): Markup {
  const toX = (value: number) => round(place(Math.min(x.high, value), x, left, ROWS.right));
  const bottom = ROWS.top + row * rows;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${bottom + ROWS.foot}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
<g class="grid">${x.ticks.map(({ at }) => html`<path d="M${toX(at)} ${ROWS.top}V${bottom}"/>`)}</g>
${draw(toX, (i) => ROWS.top + row * (i + 0.5))}
<path class="axis" d="M${left} ${bottom}H${ROWS.right}"/>
<g class="ticks x">${x.ticks.map(({ at, text }) => html`<text x="${toX(at)}" y="${bottom + 17}">${text}</text>`)}</g>
<text class="name" x="${(left + ROWS.right) / 2}" y="${bottom + 35}">${x.name}</text>
</svg>`;
}

function place(value: number, { low, high }: Axis, start: number, end: number): number {
  return high === low ? start : start + ((value - low) / (high - low)) * (end - start);
}

/** Rounds to hundredths of a unit, finer than any screen. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** More labels would overlap. */
const MAX_BIN_LABELS = 6;

export function histogramChart(id: string, { start, width, counts, zero }: Histogram): Markup {
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  const end = start + width * counts.length;
  const right = counts.reduce((sum, count, i) => sum + (isRightBin(i, start, width) ? count : 0), 0);
  const wrong = counts.reduce((sum, count) => sum + count, 0) - right;
  return chart({
    id,
    title: "Histogram of margins",
    description: `${right} margins are above zero, ${wrong} below, ${zero} are zero.`,
    x: numberAxis("margin (better − worse)", start, end, 5),
    y: numberAxis("comparisons", 0, most * 1.04, 4),
    draw: (x, y) => [
      counts.map((count, i) => {
        if (count === 0) return undefined;
        const kind = isRightBin(i, start, width) ? "right" : "wrong";
        return bar(kind, x(start + i * width), x(start + (i + 1) * width), y(count), y(0));
      }),
      html`<path class="reference" d="M${x(0)} ${y(0)}V12"/>`,
    ],
  });
}

/** Two histograms over the same bins: of better responses as bars, of worse ones as a line over them. Heights are shares of each. */
export function scoresChart(id: string, { start, width, better, worse }: ScoreDistribution): Markup {
  const shares = ({ counts, responses }: ScoreSide) => counts.map((count) => (responses === 0 ? 0 : count / responses));
  const [good, bad] = [shares(better), shares(worse)];
  const most = [...good, ...bad].reduce((a, b) => Math.max(a, b), 0);
  return chart({
    id,
    title: "Scores of better and worse responses",
    description: `Mean ${real(better.mean)} of ${better.responses} better responses, ${real(worse.mean)} of ${worse.responses} worse ones.`,
    x: numberAxis("score", start, start + width * good.length, 5),
    y: numberAxis("share of responses", 0, most * 1.04 || 1, 4),
    draw: (x, y) => {
      const steps = bad.map((share, i) => `V${y(share)}H${x(start + (i + 1) * width)}`);
      return [
        good.map(
          (share, i) => share > 0 && bar("right", x(start + i * width), x(start + (i + 1) * width), y(share), y(0)),
        ),
        html`<path class="outline" d="M${x(start)} ${y(0)}${steps.join("")}V${y(0)}"/>`,
      ];
    },
  });
}

/** A bar of a histogram: never so thin or low that it is not seen. */
function bar(kind: "right" | "wrong", left: number, next: number, top: number, bottom: number): Markup {
  const [width, height] = [round(Math.max(0.5, next - left - 1)), round(Math.max(0.75, bottom - top))];
  return html`<rect class="${kind}" x="${round(left + 0.5)}" y="${round(bottom - height)}" width="${width}" height="${height}"/>`;
}

function isRightBin(index: number, start: number, width: number): boolean {
  return Math.round(start / width) + index >= 0;
}

/** With a tick at 0.5, the accuracy of a coin flip. */
const ACCURACY_AXIS: Axis = {
  name: "accuracy",
  low: 0,
  high: 1,
  ticks: [0, 0.25, ACCURACY_AT_RANDOM, 0.75, 1].map((at) => ({ at, text: label(at) })),
};

/** Bars start at 0.5, the accuracy of a coin flip. */
export function accuracyChart(id: string, title: string, name: string, bins: readonly AccuracyBin[]): Markup {
  const parts = bins.map(({ low, high, accuracy }) => `${label(low)} to ${label(high)}: ${share(accuracy)}`);
  return chart({
    id,
    title,
    description: `${parts.join("; ")}.`,
    x: binAxis(name, bins),
    y: ACCURACY_AXIS,
    draw: (x, y) => [
      bins.map(({ accuracy }, i) => {
        const [left, next] = [x(i) + 2, x(i + 1) - 2];
        const [top, bottom] = [y(Math.max(ACCURACY_AT_RANDOM, accuracy)), y(Math.min(ACCURACY_AT_RANDOM, accuracy))];
        const kind = accuracy >= ACCURACY_AT_RANDOM ? "right" : "wrong";
        const height = round(Math.max(1, bottom - top));
        return html`<rect class="${kind}" x="${round(left)}" y="${top}" width="${round(next - left)}" height="${height}"/>`;
      }),
      html`<path class="reference" d="M${x(0)} ${y(ACCURACY_AT_RANDOM)}H${x(bins.length)}"/>`,
    ],
  });
}

/** Bins of equal width on screen, whatever range they span. Labels are their lower bounds. */
function binAxis(name: string, bins: readonly AccuracyBin[]): Axis {
  const every = Math.ceil((bins.length + 1) / MAX_BIN_LABELS);
  const ends = [...bins.map(({ low }) => low), bins.at(-1)?.high ?? 0];
  const ticks = ends.map((end, at) => ({ at, text: label(end) })).filter(({ at }) => at % every === 0);
  return { name, low: 0, high: bins.length, ticks };
}

export function calibrationChart(id: string, { bins, expectedError }: CalibrationMeasures): Markup {
  const lowest = bins.reduce(
    (low, { observed, noise }) => Math.min(low, observed, noise?.low ?? observed),
    ACCURACY_AT_RANDOM,
  );
  const total = bins.reduce((sum, { comparisons }) => sum + comparisons, 0);
  const floor = Math.max(0, Math.floor(lowest * 10 - 1e-9) / 10);
  return chart({
    id,
    title: "Calibration of sigmoid(margin)",
    description: `Expected calibration error ${share(expectedError)}; points on the dashed line are perfectly calibrated, whiskers are 95 % intervals, and shaded areas are where chance would put a perfectly calibrated model.`,
    x: numberAxis("predicted probability", 0.5, 1, 5),
    y: numberAxis("observed frequency", floor, 1, 5),
    draw: (x, y) => {
      const points = bins.map(({ predicted, observed }) => `${x(predicted)} ${y(observed)}`);
      return [
        bins.map(({ low, high, noise }) => noise && band(x(low), x(high), y(noise.high), y(noise.low))),
        html`<path class="reference" d="M${x(0.5)} ${y(0.5)}L${x(1)} ${y(1)}"/>`,
        html`<path class="line" d="M${points.join("L")}"/>`,
        bins.map(
          ({ predicted, interval }) =>
            interval &&
            html`<path class="whisker faint" d="M${x(predicted)} ${y(Math.max(floor, interval.low))}V${y(interval.high)}"/>`,
        ),
        bins.map((bin) => {
          const { predicted, observed, comparisons } = bin;
          const radius = round(3 + 6 * Math.sqrt(comparisons / total));
          return html`<circle class="${isOutsideNoise(bin) ? "wrong" : "right"} dot" cx="${x(predicted)}" cy="${y(observed)}" r="${radius}"/>`;
        }),
      ];
    },
  });
}

/** At least a unit high, so that it is seen where chance has no room. */
function band(left: number, right: number, top: number, bottom: number): Markup {
  const height = Math.max(1, bottom - top);
  return html`<rect class="band" x="${left}" y="${round((top + bottom - height) / 2)}" width="${round(right - left)}" height="${round(height)}"/>`;
}

/** Whether a bin is off by more than chance. */
export function isOutsideNoise({ observed, noise }: CalibrationBin): boolean {
  return noise !== undefined && (observed < noise.low || observed > noise.high);
}
