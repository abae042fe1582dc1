/** Candidates from the endpoint that the server's owner named, ranked as they come. */
import { html, nothing, type TemplateResult } from "lit";
import { bestFirstBy } from "../../../scoring/ranks.ts";
import { shown, signed } from "./ranking.ts";
import { nameOfReply } from "./shown.ts";
import { isScore } from "./types.ts";
import { View } from "./view.ts";

const DEFAULT_COUNT = 8;

export class DrawView extends View {
  protected override render(): TemplateResult | typeof nothing {
    const { settings, draw, turns } = this.state;
    const source = settings?.candidates;
    if (source == null) return nothing;
    const isDrawing = draw?.status === "drawing";
    const last = turns.at(-1);
    const canDraw = last?.role === "user" && last.text.trim() !== "";
    return html`<section aria-labelledby="draw-title" class="draw">
      <div class="head"><h2 id="draw-title">Best of n</h2></div>
      <p class="note">Draws responses to the prompt from ${source.model === null ? nothing : html`<b>${source.model}</b> at `}<b>${source.host}</b>.</p>
      <form class="row" @submit=${this.#draw}>
        <label>Candidates <input name="count" type="number" min="1" max=${source.maxCount} step="1" value=${DEFAULT_COUNT} required /></label>
        <label>Temperature <input name="temperature" type="number" min="0" max="2" step="0.1" value="1" /></label>
        <label>Max tokens <input name="maxTokens" type="number" min="1" max="65536" step="1" placeholder="any" /></label>
        ${
          isDrawing
            ? html`<button type="button" @click=${() => this.actions.stopDrawing()}>Stop</button>`
            : html`<button class="primary" ?disabled=${!canDraw}>Draw</button>`
        }
      </form>
      ${canDraw ? nothing : html`<p class="note">Write the prompt first.</p>`}
      ${draw === undefined ? nothing : this.#progress()}
    </section>`;
  }

  #progress(): TemplateResult {
    const { draw, outcomes, replies } = this.state;
    const { came = [], wanted = 0, failures = [], status } = draw ?? {};
    const scored = came.flatMap((id) => {
      const outcome = outcomes.get(id);
      const reply = replies.find((one) => one.id === id);
      return isScore(outcome) && reply !== undefined ? [{ reply, score: outcome.score }] : [];
    });
    const order = bestFirstBy(this.state.model?.direction ?? "higher");
    const isBetter = (score: number, other: number) => order(score, other) < 0;
    const best = scored.reduce<(typeof scored)[number] | undefined>(
      (top, one) => (top === undefined || isBetter(one.score, top.score) ? one : top),
      undefined,
    );
    const mean = scored.reduce((sum, { score }) => sum + score, 0) / scored.length;
    return html`
      ${status === "drawing" ? html`<progress aria-label="Candidates" max=${wanted} .value=${came.length + failures.length}></progress>` : nothing}
      <p role="status">${came.length} of ${wanted} came.
        ${
          best === undefined
            ? nothing
            : html`Best of ${scored.length}: <b>${nameOfReply(this.state, best.reply)}</b> with <b>${shown(best.score)}</b>${
                scored.length < 2 ? "" : `, ${signed(best.score - mean)} from their mean`
              }.`
        }</p>
      ${
        scored.length < 2
          ? nothing
          : html`<p class="note">Best after ${steps(
              scored.map(({ score }) => score),
              order,
            )}.</p>`
      }
      ${[...new Set(failures)].map((message) => html`<p class="error">${message}${count(failures, message)}</p>`)}
    `;
  }

  #draw(event: SubmitEvent): void {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    const number = (name: string) => {
      const text = String(data.get(name) ?? "");
      return text === "" ? undefined : Number(text);
    };
    const [temperature, maxTokens] = [number("temperature"), number("maxTokens")];
    void this.actions.draw({
      count: number("count") ?? DEFAULT_COUNT,
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
    });
  }
}

function count(failures: readonly string[], message: string): string {
  const times = failures.filter((one) => one === message).length;
  return times > 1 ? ` (${times} times)` : "";
}

/** "1: 0.120, 2: 0.800, 4: 1.230": what more candidates brought. */
function steps(scores: readonly number[], order: (a: number, b: number) => number): string {
  const at = [1, 2, 4, 8, 16, 32, 64].filter((n) => n < scores.length);
  return [...at, scores.length].map((n) => `${n}: ${shown(scores.slice(0, n).toSorted(order)[0] ?? 0)}`).join(", ");
}
