/** The reward along a response: its tokens, coloured by change. */
import { html, nothing, svg, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { type Cell, cellsOf, nameOf, strengths } from "./cells.ts";
import { shown, signed } from "./ranking.ts";
import { nameOfReply, shownReply } from "./shown.ts";
import { isScore, type Score } from "./types.ts";
import { View } from "./view.ts";

const CHART = { width: 600, height: 64, margin: 4 };

export class StripView extends View {
  static override properties = { ...View.properties, at: { state: true } };
  /** The cell that is looked at. */
  declare at: number | undefined;
  #cells: readonly Cell[] = [];
  #of: Score | undefined;
  #reply: number | undefined;

  constructor() {
    super();
    this.at = undefined;
  }

  protected override render(): TemplateResult | typeof nothing {
    const reply = shownReply(this.state);
    const outcome = reply === undefined ? undefined : this.state.outcomes.get(reply.id);
    if (reply === undefined || !isScore(outcome)) return nothing;
    // While the tokens of another response are on their way, nothing else is shown in their place.
    if (outcome.tokenRewards !== undefined && outcome !== this.#of) {
      this.#cells = cellsOf(outcome.tokenRewards, this.state.model?.tokenization);
      this.#of = outcome;
      if (this.#reply !== reply.id || (this.at ?? 0) >= this.#cells.length) this.at = undefined;
      this.#reply = reply.id;
    }
    const isHere = this.#reply === reply.id && this.#of !== undefined;
    const isStale = this.state.stale.has(reply.id) || this.#of !== outcome;
    const name = nameOfReply(this.state, reply);
    return html`<section aria-labelledby="strip-title" class="strip ${isStale ? "stale" : ""}">
      <div class="head"><h2 id="strip-title">Along ${name}</h2></div>
      ${isHere ? this.#strip(name) : html`<p class="note">scoring…</p>`}
    </section>`;
  }

  #strip(name: string): TemplateResult {
    const cells = this.#cells;
    const isOwnHead = this.page.store.heads.length === 1;
    return html`
      <p class="note">Each token shows the reward if the text ended there; the last one is the score.${isOwnHead ? "" : " By the model's own head."}
        <span class="keys"><span class="key cell up4">rises</span> <span class="key cell down4">falls</span> stronger for a larger
        change from the token before.</span></p>
      ${guard([cells, this.at], () => chart(cells, this.at))}
      <p class="readout" aria-live="off">${this.#readout()}</p>
      <div
        class="cells"
        role="listbox"
        aria-label="Tokens of ${name}"
        aria-orientation="horizontal"
        aria-describedby="strip-keys"
        tabindex="0"
        aria-activedescendant=${this.at === undefined ? nothing : `cell-${this.at}`}
        @keydown=${this.#move}
        @focus=${() => {
          this.at ??= 0;
        }}
        @pointerover=${this.#point}
        @click=${this.#point}
      >${guard([cells], () => this.#list())}</div>
      <p id="strip-keys" class="note">Point at a token, or focus the strip and use the arrow keys. The model was trained on finished
        responses: what it says in the middle is a hint.</p>
    `;
  }

  /** Two of perhaps thousands change: drawing all of them would take longer than a key repeats. */
  protected override updated(): void {
    const next = this.at === undefined ? null : this.querySelector(`#cell-${this.at}`);
    for (const before of this.querySelectorAll(".cell[aria-selected=true]"))
      if (before !== next) before.setAttribute("aria-selected", "false");
    next?.setAttribute("aria-selected", "true");
  }

  #list(): TemplateResult[] {
    const levels = strengths(this.#cells);
    return this.#cells.map((cell, i) => {
      const level = levels[i] as number;
      const tone = level === 0 ? "" : level > 0 ? `up${level}` : `down${-level}`;
      return html`<span
        role="option"
        id="cell-${i}"
        data-at=${i}
        class="cell ${tone} ${cell.isSpecial ? "special" : ""}"
        aria-selected="false"
        aria-label=${inWords(cell)}
      >${visible(cell)}</span>${cell.text.includes("\n") && !cell.isSpecial ? html`<br />` : nothing}`;
    });
  }

  #readout(): TemplateResult | string {
    const cell = this.at === undefined ? undefined : this.#cells[this.at];
    if (cell === undefined) return "Rewards and changes are shown here.";
    const { change, reward, ids, place } = cell;
    return html`<b>${nameOf(cell)}</b> reward <b>${shown(reward)}</b>
      ${change === undefined ? "first token" : html`change <b>${signed(change)}</b>`}
      <span class="muted">token ${place} of ${this.#count}, id ${ids.join(", ")}</span>`;
  }

  get #count(): number {
    return this.#cells.reduce((sum, { ids }) => sum + ids.length, 0);
  }

  #point(event: Event): void {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-at]");
    if (cell !== null) this.at = Number(cell.dataset["at"]);
  }

  #move(event: KeyboardEvent): void {
    const last = this.#cells.length - 1;
    const at = this.at ?? 0;
    const targets: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: last,
      PageDown: at + 10,
      PageUp: at - 10,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.at = Math.max(0, Math.min(last, target));
    void this.updateComplete.then(() => this.querySelector(`#cell-${this.at}`)?.scrollIntoView({ block: "nearest" }));
  }
}

function inWords(cell: Cell): string {
  const { change, reward } = cell;
  const moved =
    change === undefined ? "first token" : `${change < 0 ? "falls" : "rises"} by ${shown(Math.abs(change))}`;
  return `${nameOf(cell)}, reward ${shown(reward)}, ${moved}`;
}

/** Line breaks and tabs get a sign, spaces stay. */
function visible({ text, isSpecial }: Cell): string {
  if (isSpecial) return text;
  return text === "" ? "∅" : text.replaceAll("\n", "⏎").replaceAll("\t", "⇥");
}

function chart(cells: readonly Cell[], at: number | undefined): TemplateResult | typeof nothing {
  if (cells.length < 2) return nothing;
  const rewards = cells.map(({ reward }) => reward);
  const [low, high] = [Math.min(...rewards), Math.max(...rewards)];
  const { width, height, margin } = CHART;
  const x = (i: number) => margin + ((width - 2 * margin) * i) / (cells.length - 1);
  const y = (reward: number) => height - margin - ((height - 2 * margin) * (reward - low)) / (high - low || 1);
  const path = rewards.map((reward, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(reward).toFixed(1)}`).join("");
  const reward = at === undefined ? undefined : rewards[at];
  return html`<div class="chart" aria-hidden="true">
    <span class="high">${shown(high)}</span><span class="low">${shown(low)}</span>
    <svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">
      <path class="line" d=${path} />
      ${at === undefined || reward === undefined ? nothing : svg`<path class="mark" d="M${x(at)} 0V${height}" />`}
    </svg>
  </div>`;
}
