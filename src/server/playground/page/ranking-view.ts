/** The ranking: bars, differences and their sigmoid, for one head or two side by side. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { axis, barCells, barTitles, meaning } from "./bars.ts";
import { exports, save } from "./download.ts";
import { rowsOf } from "./export.ts";
import { type Ranked, type Scale, scaleOf, shown } from "./ranking.ts";
import { itemOfReply, nameOfReply, rankedReplies, shownReply } from "./shown.ts";
import { OWN_HEAD, type Reply } from "./types.ts";
import { View } from "./view.ts";

/** A screen reader is told when nothing changed for this long, not at every key. */
const QUIET = 900;

/** What the bars of one head have in common. */
interface Board {
  /** Undefined for a single bar. */
  readonly scale: Scale | undefined;
  readonly isComparable: boolean;
  /** What the others are compared with. */
  readonly base: Reply | undefined;
  /** The response whose tokens are shown. */
  readonly inDetail: Reply | undefined;
  /** Places by the model's own head, by id; undefined for that head itself. */
  readonly others: ReadonlyMap<number, number> | undefined;
}

export class RankingView extends View {
  static override properties = { ...View.properties, said: { state: true } };
  declare said: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.said = "";
  }

  protected override render(): TemplateResult {
    const { failure, isScoring, outcomes } = this.state;
    const { heads } = this.page.store;
    const boards = heads.map((head) => ({ head, ranked: rankedReplies(this.state, head) }));
    const isEmpty = boards.every(({ ranked }) => ranked.length === 0);
    return html`<section aria-labelledby="ranking-title" class="ranking">
      <div class="head">
        <h2 id="ranking-title">Ranking</h2>
        <span class="busy ${isScoring ? "on" : ""}" aria-hidden="true"></span>
        ${boards.every(({ ranked }) => ranked.length < 2) ? nothing : this.#tools()}
      </div>
      ${failure === undefined ? nothing : html`<p class="error" role="alert">${failure}</p>`}
      ${
        isEmpty
          ? html`<p class="note empty" ?hidden=${failure !== undefined}>${this.#hint()}</p>`
          : html`<div class="boards ${heads.length > 1 ? "two" : ""}">${boards.map(({ head, ranked }) => this.#board(head, ranked))}</div>`
      }
      ${outcomes.size === 0 ? nothing : html`<div class="foot">${meaning(this.state.mode === "text")}${exports((format) => this.#export(format))}</div>`}
      <p class="sr" role="status">${this.said}</p>
    </section>`;
  }

  protected override updated(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.state.isScoring) this.said = this.#summary();
    }, QUIET);
  }

  #hint(): string {
    const { mode, turns, server } = this.state;
    if (server.status !== "ready") return "Scores appear here when the server is ready.";
    if (mode === "text") return "Write or paste texts: their scores appear here.";
    if (turns.at(-1)?.text === "") return "Write a prompt and responses to it: their scores appear here.";
    return "Write a response: its score appears here. With two or more they are ranked.";
  }

  #summary(): string {
    const [best, second] = rankedReplies(this.state);
    if (best === undefined) return "";
    const { entry, score } = best;
    const first = `Best: ${nameOfReply(this.state, entry)}, score ${shown(score)}.`;
    if (second === undefined) return first;
    return `${first} Then ${nameOfReply(this.state, second.entry)}, ${shown(Math.abs(score - second.score))} behind.`;
  }

  #tools(): TemplateResult {
    const { replies, reference } = this.state;
    const choose = (event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      this.actions.compareWith(value === "" ? undefined : Number(value));
    };
    return html`<div class="actions">
      <label class="inline">Compared with
        <select @change=${choose}>
          <option value="" ?selected=${reference === undefined}>the best</option>
          ${replies
            .filter(({ text }) => text !== "")
            .map(
              (reply) =>
                html`<option value=${reply.id} ?selected=${reference === reply.id}>${nameOfReply(this.state, reply)}</option>`,
            )}
        </select>
      </label>
    </div>`;
  }

  #board(head: string, ranked: readonly Ranked<Reply>[]): TemplateResult {
    const isOwn = head === OWN_HEAD;
    const title =
      this.page.store.heads.length === 1 ? nothing : html`<h3>${isOwn ? "The model's own head" : `Head ${head}`}</h3>`;
    const board: Board = {
      scale: ranked.length < 2 ? undefined : scaleOf(ranked.map(({ score }) => score)),
      isComparable: this.state.mode === "chat",
      base: (ranked.find(({ entry }) => entry.id === this.state.reference) ?? ranked[0])?.entry,
      inDetail: shownReply(this.state),
      others: isOwn ? undefined : new Map(rankedReplies(this.state).map(({ entry, place }) => [entry.id, place])),
    };
    const { scale, isComparable } = board;
    return html`<div class="board">
      ${title}
      ${
        ranked.length === 0
          ? html`<p class="note">scoring…</p>`
          : html`${scale === undefined ? nothing : barTitles(isComparable)}
              <ol class="bars">
                ${repeat(
                  ranked,
                  ({ entry }) => entry.id,
                  (one) => this.#bar(one, board),
                )}
              </ol>
              ${scale === undefined ? nothing : axis(scale)}`
      }
    </div>`;
  }

  #bar(one: Ranked<Reply>, { scale, isComparable, base, inDetail, others }: Board): TemplateResult {
    const { entry, score, place } = one;
    const otherPlace = others?.get(entry.id);
    const isMoved = otherPlace !== undefined && otherPlace !== place;
    const name = nameOfReply(this.state, entry);
    const main = html`<span class="name">${name}</span>
      ${isMoved ? html`<span class="moved">${ordinal(otherPlace)} by the model's own head</span>` : nothing}
      <span class="excerpt" aria-hidden="true">${entry.text.slice(0, 200)}</span>`;
    const difference = entry === base ? undefined : one.difference;
    return html`<li class=${this.state.stale.has(entry.id) ? "stale" : ""}>
      <button
        class=${scale === undefined ? "bar single" : "bar"}
        aria-pressed=${entry === inDetail}
        @click=${() => this.actions.select(entry.id)}
        title="Show the reward along ${name}"
      >${barCells({ place, main, score, difference, isComparable, scale })}</button>
    </li>`;
  }

  #export(format: "jsonl" | "csv"): void {
    const { replies, outcomes, stale } = this.state;
    const scored = replies.flatMap((reply) => {
      const item = itemOfReply(this.state, reply);
      return item === undefined ? [] : [{ item, outcome: stale.has(reply.id) ? undefined : outcomes.get(reply.id) }];
    });
    save("ranking", format, rowsOf([scored], this.state.model?.direction));
  }
}

function ordinal(place: number): string {
  const ending = place % 100 > 10 && place % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${ending}`;
}
