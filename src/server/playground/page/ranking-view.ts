/** The ranking: bars, differences and their sigmoid, for one head or two side by side. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { csv, download, jsonLines, rowsOf } from "./export.ts";
import { itemOf } from "./items.ts";
import { along, percent, preference, type Ranked, type Scale, scaleOf, shown, tickText } from "./ranking.ts";
import { nameOfReply, rankedReplies, shownReply } from "./shown.ts";
import { OWN_HEAD, type Reply } from "./types.ts";
import { View } from "./view.ts";

/** A screen reader is told when nothing changed for this long, not at every key. */
const QUIET = 900;

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
        ${isEmpty ? nothing : this.#tools()}
      </div>
      ${failure === undefined ? nothing : html`<p class="error" role="alert">${failure}</p>`}
      ${
        isEmpty
          ? html`<p class="note empty">${this.#hint()}</p>`
          : html`<div class="boards ${heads.length > 1 ? "two" : ""}">${boards.map(({ head, ranked }) => this.#board(head, ranked))}</div>`
      }
      ${outcomes.size === 0 ? nothing : meaning(this.state.mode === "text")}
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
    return `${first} Then ${nameOfReply(this.state, second.entry)}, ${shown(score - second.score)} behind.`;
  }

  #tools(): TemplateResult {
    const { replies, reference } = this.state;
    const choose = (event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      this.actions.compareWith(value === "" ? undefined : Number(value));
    };
    return html`<div class="actions">
      <label class="inline">Differences from
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
      <button class="quiet" @click=${() => this.#export("jsonl")} aria-label="Export as JSON lines">JSONL</button>
      <button class="quiet" @click=${() => this.#export("csv")} aria-label="Export as CSV">CSV</button>
    </div>`;
  }

  #board(head: string, ranked: readonly Ranked<Reply>[]): TemplateResult {
    const scale = scaleOf(ranked.map(({ score }) => score));
    const isOwn = head === OWN_HEAD;
    const title =
      this.page.store.heads.length === 1 ? nothing : html`<h3>${isOwn ? "The model's own head" : `Head ${head}`}</h3>`;
    const others = isOwn ? undefined : new Map(rankedReplies(this.state).map(({ entry, place }) => [entry.id, place]));
    return html`<div class="board">
      ${title}
      ${
        ranked.length === 0
          ? html`<p class="note">scoring…</p>`
          : html`<ol class="bars">
              ${repeat(
                ranked,
                ({ entry }) => entry.id,
                (one) => this.#bar(one, ranked, scale, others?.get(one.entry.id)),
              )}
            </ol>
            ${axis(scale)}`
      }
    </div>`;
  }

  #bar(
    one: Ranked<Reply>,
    all: readonly Ranked<Reply>[],
    scale: Scale,
    otherPlace: number | undefined,
  ): TemplateResult {
    const { entry, score, place } = one;
    const { stale } = this.state;
    const isShown = shownReply(this.state)?.id === entry.id;
    const moved =
      otherPlace === undefined || otherPlace === place
        ? nothing
        : html`<span class="moved">by the own head ${ordinal(otherPlace)}</span>`;
    return html`<li class=${stale.has(entry.id) ? "stale" : ""}>
      <button class="bar" aria-pressed=${isShown} @click=${() => this.actions.select(entry.id)} title="Show its tokens">
        <span class="place ${place === 1 ? "first" : ""}"><span class="sr">Place </span>${place}</span>
        <span class="name">${nameOfReply(this.state, entry)}</span>
        <span class="excerpt" aria-hidden="true">${entry.text.slice(0, 200)}</span>
        <span class="value" title=${String(score)}>${shown(score)}</span>
        <span class="track" aria-hidden="true"><span class="fill" .style=${`width: ${100 * along(scale, score)}%`}></span></span>
        <span class="difference">${this.#difference(one, all)} ${moved}</span>
      </button>
    </li>`;
  }

  #difference({ entry, difference, place }: Ranked<Reply>, all: readonly Ranked<Reply>[]): string {
    const { reference } = this.state;
    const base = all.find((one) => one.entry.id === reference) ?? all[0];
    if (base === undefined || all.length < 2) return "";
    if (base.entry === entry) return reference === undefined ? leadOf(all) : "the others are compared with this one";
    const name = nameOfReply(this.state, base.entry);
    const odds = `preferred over it in ${percent(preference(difference))} of comparisons`;
    if (difference === 0) return `${place === 1 ? "as good as" : "the same as"} ${name}`;
    return `${shown(Math.abs(difference))} ${difference < 0 ? "below" : "above"} ${name}: ${odds}`;
  }

  #export(format: "jsonl" | "csv"): void {
    const { mode, turns, replies, outcomes, stale } = this.state;
    const scored = replies.flatMap(({ id, text }) => {
      const item = mode === "text" ? (text === "" ? undefined : { text }) : itemOf(turns, text);
      return item === undefined ? [] : [{ item, outcome: stale.has(id) ? undefined : outcomes.get(id) }];
    });
    save("ranking", format, rowsOf([scored]));
  }
}

export function save(name: string, format: "jsonl" | "csv", rows: readonly Record<string, unknown>[]): void {
  if (format === "csv") download(`${name}.csv`, "text/csv;charset=utf-8", csv(rows));
  else download(`${name}.jsonl`, "application/x-ndjson", jsonLines(rows));
}

function leadOf(all: readonly Ranked<Reply>[]): string {
  const [best, second] = all;
  if (best === undefined || second === undefined) return "";
  const lead = best.score - second.score;
  return lead === 0 ? "shares the first place" : `${shown(lead)} ahead of the next`;
}

function ordinal(place: number): string {
  const ending = place % 100 > 10 && place % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${ending}`;
}

function axis(scale: Scale): TemplateResult {
  return html`<div class="axis" aria-hidden="true">
    ${scale.ticks.map((tick) => html`<span .style=${`left: ${100 * along(scale, tick)}%`}>${tickText(tick)}</span>`)}
  </div>`;
}

/** What the numbers are, for whoever sees them for the first time. */
export function meaning(isText: boolean): TemplateResult {
  return html`<details class="meaning">
    <summary>What the numbers mean</summary>
    <p>A score has no unit, and zero means nothing, so the bars do not begin at zero. Only differences count, and only between
      responses to the same prompt${isText ? ": here you have to see to that yourself" : ""}.</p>
    <p>The percentages are the sigmoid of the difference. Reward models are trained so that it tells how often people prefer one
      response to another: a difference of 1 is 73 %, of 2 is 88 %, of 0.1 is 52 %.</p>
  </details>`;
}
