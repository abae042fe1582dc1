/** The responses, each with its score and what is wrong with it. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { type ItemWarning, strictError } from "../../../prompt/warnings.ts";
import { shown } from "./ranking.ts";
import { nameOfReply, rankedReplies } from "./shown.ts";
import { isScore, type Outcome, OWN_HEAD, type Reply, scoreBy } from "./types.ts";
import { View } from "./view.ts";

export class RepliesView extends View {
  protected override render(): TemplateResult {
    const { replies, mode } = this.state;
    const places = new Map(rankedReplies(this.state).map(({ entry, place }) => [entry.id, place]));
    return html`<section aria-labelledby="replies-title" class="replies">
      <div class="head"><h2 id="replies-title">${mode === "text" ? "Texts" : "Responses"}</h2></div>
      ${repeat(
        replies,
        ({ id }) => id,
        (reply) => this.#reply(reply, places.get(reply.id), places.size > 1),
      )}
      <div class="actions">
        <button @click=${this.#add}>+ ${mode === "text" ? "Text" : "Response"}</button>
        <span class="note">or Ctrl + Enter in one of them. A JSON list of texts can be pasted.</span>
      </div>
    </section>`;
  }

  #reply(reply: Reply, place: number | undefined, isRanked: boolean): TemplateResult {
    const { outcomes, stale, failure } = this.state;
    const { id, text, isDrawn, cut } = reply;
    const outcome = outcomes.get(id);
    const name = nameOfReply(this.state, reply);
    const isStale = stale.has(id);
    const problems = this.#problems(outcome);
    return html`<div class="reply ${place === 1 && isRanked ? "best" : ""}">
      <div class="head small">
        <label for="reply-${id}">${name}</label>
        ${isDrawn === true ? html`<span class="tag">drawn${cut === undefined ? "" : `, ended by ${cut}`}</span>` : nothing}
        <span class="score ${isStale ? "stale" : ""}">${this.#score(outcome, isStale && text !== "" && failure === undefined)}</span>
        <button class="icon" aria-label="Remove ${name}" @click=${() => this.#remove(id)}>×</button>
      </div>
      <textarea
        id="reply-${id}"
        rows="3"
        aria-describedby="about-${id}"
        placeholder="Write or paste ${this.state.mode === "text" ? "a whole text" : "a response"}"
        .value=${text}
        @input=${(event: Event) => this.actions.setReply(id, (event.target as HTMLTextAreaElement).value)}
        @paste=${(event: ClipboardEvent) => {
          const pasted = event.clipboardData?.getData("text/plain") ?? "";
          if (this.actions.paste(pasted, id)) event.preventDefault();
        }}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          this.#add();
        }}
      ></textarea>
      <div id="about-${id}">${problems}</div>
    </div>`;
  }

  #score(outcome: Outcome | undefined, isWaiting: boolean): TemplateResult | typeof nothing {
    if (isScore(outcome)) {
      const values = this.page.store.heads.flatMap((head) => {
        const value = scoreBy(outcome, head);
        return value === undefined ? [] : [{ head, value }];
      });
      return html`${values.map(
        ({ head, value }) =>
          html`<span class="value" title=${`${head === OWN_HEAD ? "The model's own head" : head}: ${value}`}>${shown(value)}</span>`,
      )}`;
    }
    return outcome === undefined && isWaiting ? html`<span class="note">scoring…</span>` : nothing;
  }

  #problems(outcome: Outcome | undefined): TemplateResult | typeof nothing {
    if (outcome === undefined) return nothing;
    if (!isScore(outcome)) return html`<p class="error">${outcome.error}</p>`;
    const { truncated, tokenCount, warnings = [] } = outcome;
    return html`
      ${
        truncated
          ? html`<p class="warning">Too long: the beginning was cut off, and the last ${tokenCount.toLocaleString("en")} tokens were
              scored.</p>`
          : nothing
      }
      ${warnings.map((warning) => html`<p class="warning">${strictError(warning as ItemWarning, "This").message}</p>`)}
    `;
  }

  #add(): void {
    const id = this.actions.addReply();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(`#reply-${id}`)?.focus());
  }

  /** The focus goes to a neighbour, not to the top of the page. */
  #remove(id: number): void {
    const { replies } = this.state;
    const at = replies.findIndex((reply) => reply.id === id);
    const next = replies[at + 1] ?? replies[at - 1];
    this.actions.removeReply(id);
    void this.updateComplete.then(() => {
      const target = next === undefined ? ".replies > .actions button" : `#reply-${next.id}`;
      this.querySelector<HTMLElement>(target)?.focus();
    });
  }
}
