/** A score by parts of a benchmark: one row a part, with a dot, its interval if there is one, and a tick at chance level. */
import type { Interval } from "../measures/interval.ts";
import { numberAxis, round } from "./charts.ts";
import { html, type Markup, short } from "./markup.ts";
import { share } from "./numbers.ts";

export interface ChartedPart {
  readonly name: string;
  readonly score: number | undefined;
  readonly interval?: Interval | undefined;
  /** Score of a random choice. */
  readonly atRandom?: number | undefined;
}

const WIDTH = 420;
const LEFT = 124;
const RIGHT = 408;
const TOP = 8;
const ROW = 26;
/** Characters of a name that fit left of the axis. */
const MAX_NAME = 18;

export function partsChart(id: string, title: string, parts: readonly ChartedPart[]): Markup {
  const low = Math.min(0, ...parts.map(({ score }) => score ?? 0));
  const axis = numberAxis("score", low, 1, 5);
  const x = (value: number) => round(LEFT + ((Math.min(1, value) - low) / (1 - low)) * (RIGHT - LEFT));
  const bottom = TOP + ROW * parts.length;
  const texts = parts.map(({ name, score, atRandom }) => {
    const chance = atRandom === undefined ? "" : ` (at random ${share(atRandom)})`;
    return `${short(name, MAX_NAME)} ${share(score)}${chance}`;
  });
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${bottom + 36}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${title}</title><desc id="${id}-d">${texts.join("; ")}.</desc>
<g class="grid">${axis.ticks.map(({ at }) => html`<path d="M${x(at)} ${TOP}V${bottom}"/>`)}</g>
${parts.map(({ name, score, interval, atRandom }, i) => {
  const y = TOP + ROW * (i + 0.5);
  return html`<g><text class="row" x="0" y="${y + 4}">${short(name, MAX_NAME)}</text>
${atRandom !== undefined && html`<path class="reference" d="M${x(atRandom)} ${y - ROW / 2}v${ROW}"/>`}
${interval && html`<path class="whisker" d="M${x(interval.low)} ${y}H${x(interval.high)}"/>`}
${score !== undefined && html`<circle class="${below(score, atRandom) ? "wrong" : "right"}" cx="${x(score)}" cy="${y}" r="4.5"/>`}</g>`;
})}
<path class="axis" d="M${LEFT} ${bottom}H${RIGHT}"/>
<g class="ticks x">${axis.ticks.map(({ at, text }) => html`<text x="${x(at)}" y="${bottom + 15}">${text}</text>`)}</g>
<text class="name" x="${(LEFT + RIGHT) / 2}" y="${bottom + 31}">score; dashed: a random choice</text>
</svg>`;
}

function below(score: number, atRandom: number | undefined): boolean {
  return atRandom !== undefined && score < atRandom;
}
