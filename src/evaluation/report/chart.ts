/** What all charts have: a frame, axes with labels, a title and words for those who do not see it. */
import { roundStep } from "../measures/bins.ts";
import { type Content, html, type Markup } from "./markup.ts";
import { label } from "./numbers.ts";

/** Units of the drawing; on a telephone one is a little less than a pixel, on a wide screen a little more. */
const WIDTH = 420;
const HEIGHT = 236;
const PLOT = { left: 56, right: 410, top: 12, bottom: 184 };
const TICK_GAP = 7;

export interface Axis {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Where something is written. */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

export interface ChartOptions {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  /** The marks; x and y give places for values. */
  readonly draw: (x: (value: number) => number, y: (value: number) => number) => Content;
}

/** An axis from 0 or less to at least `high`, with about `parts` ticks at round numbers. */
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

function place(value: number, { low, high }: Axis, start: number, end: number): number {
  return high === low ? start : start + ((value - low) / (high - low)) * (end - start);
}

/** Hundredths of a unit are finer than any screen. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
