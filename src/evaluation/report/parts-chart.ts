/** A score by parts of a benchmark: one row a part, with a dot, its interval if there is one, and a tick at chance level. */
import type { Interval } from "../measures/interval.ts";
import { numberAxis, rowsChart } from "./charts.ts";
import { html, type Markup, short } from "./markup.ts";
import { share } from "./numbers.ts";

export interface ChartedPart {
  readonly name: string;
  readonly score: number | undefined;
  readonly interval?: Interval | undefined;
  /** Score of a random choice. */
  readonly atRandom?: number | undefined;
}

const [LEFT, ROW] = [124, 26];
/** Characters of a name that fit left of the axis. */
const MAX_NAME = 18;

export function partsChart(id: string, title: string, parts: readonly ChartedPart[]): Markup {
  const low = Math.min(0, ...parts.map(({ score }) => score ?? 0));
  const texts = parts.map(({ name, score, atRandom }) => {
    const chance = atRandom === undefined ? "" : ` (at random ${share(atRandom)})`;
    return `${short(name, MAX_NAME)} ${share(score)}${chance}`;
  });
  return rowsChart({
    ...{ id, title, description: `${texts.join("; ")}.` },
    ...{ x: numberAxis("score; dashed: a random choice", low, 1, 5), left: LEFT, row: ROW, rows: parts.length },
    draw: (x, middle) =>
      parts.map(({ name, score, interval, atRandom }, i) => {
        const y = middle(i);
        return html`<g><text class="row" x="0" y="${y + 4}">${short(name, MAX_NAME)}</text>
${atRandom !== undefined && html`<path class="reference" d="M${x(atRandom)} ${y - ROW / 2}v${ROW}"/>`}
${interval && html`<path class="whisker" d="M${x(interval.low)} ${y}H${x(interval.high)}"/>`}
${score !== undefined && html`<circle class="${below(score, atRandom) ? "wrong" : "right"}" cx="${x(score)}" cy="${y}" r="4.5"/>`}</g>`;
      }),
  });
}

function below(score: number, atRandom: number | undefined): boolean {
  return atRandom !== undefined && score < atRandom;
}
