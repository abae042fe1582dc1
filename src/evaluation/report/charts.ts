/** The charts of one benchmark. */
import type { AccuracyBin } from "../measures/bins.ts";
import type { CalibrationMeasures } from "../measures/calibration.ts";
import type { Histogram } from "../measures/margins.ts";
import { type Axis, chart, numberAxis, round } from "./chart.ts";
import { html, type Markup } from "./markup.ts";
import { label, share } from "./numbers.ts";

const AT_RANDOM = 0.5;
/** Labels of bins: more would run into each other. */
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
        const [left, next, top] = [x(start + i * width), x(start + (i + 1) * width), y(count)];
        const kind = isRightBin(i, start, width) ? "right" : "wrong";
        const size = [round(Math.max(0.5, next - left - 1)), round(Math.max(0.75, y(0) - top))];
        const at = [round(left + 0.5), round(y(0) - (size[1] as number))];
        return html`<rect class="${kind}" x="${at[0]}" y="${at[1]}" width="${size[0]}" height="${size[1]}"/>`;
      }),
      html`<path class="reference" d="M${x(0)} ${y(0)}V12"/>`,
    ],
  });
}

function isRightBin(index: number, start: number, width: number): boolean {
  return Math.round(start / width) + index >= 0;
}

/** Bars from one half, up and down: what a coin would get right. */
export function accuracyChart(id: string, title: string, name: string, bins: readonly AccuracyBin[]): Markup {
  const parts = bins.map(({ low, high, accuracy }) => `${label(low)} to ${label(high)}: ${share(accuracy)}`);
  return chart({
    id,
    title,
    description: `${parts.join("; ")}.`,
    x: binAxis(name, bins),
    y: numberAxis("accuracy", 0, 1, 4),
    draw: (x, y) => [
      bins.map(({ accuracy }, i) => {
        const [left, next] = [x(i) + 2, x(i + 1) - 2];
        const [top, bottom] = [y(Math.max(AT_RANDOM, accuracy)), y(Math.min(AT_RANDOM, accuracy))];
        const kind = accuracy >= AT_RANDOM ? "right" : "wrong";
        const height = round(Math.max(1, bottom - top));
        return html`<rect class="${kind}" x="${round(left)}" y="${top}" width="${round(next - left)}" height="${height}"/>`;
      }),
      html`<path class="reference" d="M${x(0)} ${y(AT_RANDOM)}H${x(bins.length)}"/>`,
    ],
  });
}

/** Bins side by side, whatever they span: they hold equally many comparisons. Labels stand at their lower ends. */
function binAxis(name: string, bins: readonly AccuracyBin[]): Axis {
  const every = Math.ceil((bins.length + 1) / MAX_BIN_LABELS);
  const ends = [...bins.map(({ low }) => low), bins.at(-1)?.high ?? 0];
  const ticks = ends.map((end, at) => ({ at, text: label(end) })).filter(({ at }) => at % every === 0);
  return { name, low: 0, high: bins.length, ticks };
}

export function calibrationChart(id: string, { bins, expectedError }: CalibrationMeasures): Markup {
  const lowest = bins.reduce((low, { observed }) => Math.min(low, observed), AT_RANDOM);
  const total = bins.reduce((sum, { comparisons }) => sum + comparisons, 0);
  const floor = Math.max(0, Math.floor(lowest * 10 - 1e-9) / 10);
  return chart({
    id,
    title: "Calibration of sigmoid(margin)",
    description: `Expected calibration error ${share(expectedError)}; on the dashed line probabilities are what they say.`,
    x: numberAxis("probability of the preferred response", 0.5, 1, 5),
    y: numberAxis("how often it is better", floor, 1, 5),
    draw: (x, y) => {
      const points = bins.map(({ predicted, observed }) => `${x(predicted)} ${y(observed)}`);
      return [
        html`<path class="reference" d="M${x(0.5)} ${y(0.5)}L${x(1)} ${y(1)}"/>`,
        html`<path class="line" d="M${points.join("L")}"/>`,
        bins.map(({ predicted, observed, comparisons }) => {
          const radius = round(3 + 6 * Math.sqrt(comparisons / total));
          return html`<circle class="right dot" cx="${x(predicted)}" cy="${y(observed)}" r="${radius}"/>`;
        }),
      ];
    },
  });
}
