/** One row of a ranking: its place, its numbers, and its bar. */
import { html, nothing, type TemplateResult } from "lit";
import { along, percent, preference, type Scale, shown, signed, tickText } from "./ranking.ts";

export interface Bar {
  readonly place: number;
  readonly main: TemplateResult;
  readonly score: number;
  /** From what it is compared with; undefined for that one itself, and where nothing can be compared. */
  readonly difference: number | undefined;
  /** Whether the sigmoid of the difference means anything: the responses have the same prompt. */
  readonly isComparable: boolean;
  /** Undefined for one that is alone. */
  readonly scale: Scale | undefined;
}

export function barCells({ place, main, score, difference, isComparable, scale }: Bar): TemplateResult {
  const value = html`<span class="number value" title=${String(score)}
    ><span class="sr">score </span>${shown(score)}</span
  >`;
  if (scale === undefined) return html`<span class="main">${main}</span>${value}`;
  return html`
    <span class="place ${place === 1 ? "first" : ""}"><span class="sr">Place </span>${place}</span>
    <span class="main">${main}</span>
    ${value}
    ${
      difference === undefined
        ? html`<span class="number">–</span><span class="number"></span>`
        : html`<span class="number"><span class="sr">difference </span>${signed(difference)}</span>
            <span class="number">${
              isComparable ? html`<span class="sr">preferred in </span>${percent(preference(difference))}` : nothing
            }</span>`
    }
    <span class="track" aria-hidden="true"
      ><span class="fill" .style=${`width: ${100 * along(scale, score)}%`}></span
    ></span>
  `;
}

/** What the numbers are. */
export function barTitles(isComparable: boolean): TemplateResult {
  return html`<div class="bar titles" aria-hidden="true">
    <span></span><span class="main"></span>
    <span class="number">Score</span><span class="number">Difference</span>
    <span class="number">${isComparable ? "Preferred" : ""}</span>
  </div>`;
}

export function axis(scale: Scale): TemplateResult {
  return html`<div class="axis" aria-hidden="true">
    ${scale.ticks.map((tick) => html`<span .style=${`left: ${100 * along(scale, tick)}%`}>${tickText(tick)}</span>`)}
  </div>`;
}

/** What the numbers are, for whoever sees them for the first time. */
export function meaning(isText: boolean): TemplateResult {
  return html`<details class="meaning">
    <summary>What the numbers mean</summary>
    <p>A score has no unit, and zero means nothing: the bars do not begin at zero. Only differences count, and only between
      responses to the same prompt.${isText ? " Whole texts may have different prompts, so they have no percentage." : ""}</p>
    <p><b>Preferred</b> is the sigmoid of the difference. Reward models are trained so that it tells how often people prefer one
      response to the other: a difference of 1 is 73 %, of 2 is 88 %, of 0.1 is 52 %.</p>
  </details>`;
}
