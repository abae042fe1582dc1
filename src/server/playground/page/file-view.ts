/** A dropped file: the ranking of each prompt's responses. */
import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { barCells, barTitles, meaning } from "./bars.ts";
import { exports, save } from "./download.ts";
import { rowsOf } from "./export.ts";
import { type Group, groupsOf, type Order, ordered, orders } from "./groups.ts";
import { contextOf, responseOf } from "./items.ts";
import { scaleOf } from "./ranking.ts";
import { type FileState, isScore, OWN_HEAD } from "./types.ts";
import { View } from "./view.ts";

/** More at once makes the page slow. */
const SHOWN = 100;
const SHOWN_PROBLEMS = 20;
const FIELDS = ["prompt", "response", "responses", "messages", "system", "text"] as const;

export class FileView extends View {
  static override properties = { ...View.properties, order: { state: true }, limit: { state: true } };
  declare order: Order;
  declare limit: number;

  constructor() {
    super();
    this.order = "file";
    this.limit = SHOWN;
  }

  protected override render(): TemplateResult {
    const { file } = this.state;
    return html`
      ${this.#chooser(file)}
      ${file === undefined ? nothing : keyed(file.name, this.#file(file))}
    `;
  }

  #chooser(file: FileState | undefined): TemplateResult {
    const open = (event: Event) => {
      const input = event.target as HTMLInputElement;
      const [chosen] = input.files ?? [];
      this.limit = SHOWN;
      if (chosen !== undefined) this.actions.openFile(chosen, this.#fields());
      // The same file can be chosen again.
      input.value = "";
    };
    return html`<section class="chooser" aria-labelledby="file-title">
      <div class="head"><h2 id="file-title">File</h2></div>
      <div class="drop">
        <label class="button primary" for="file">Choose a file</label>
        <input id="file" type="file" class="sr" @change=${open} accept=".jsonl,.ndjson,.json,.csv,.tsv,.parquet,.gz,.zst,.xz" />
        <p>or drop it anywhere on this page: JSON lines, JSON, CSV or parquet, compressed or not.</p>
        <p class="note">Rows have a prompt and a response, or responses, or messages. The file is sent to this server only.</p>
      </div>
      <details ?open=${isAboutFields(file)}>
        <summary>Names of fields</summary>
        <p class="note">Where a field of the rows has another name than here. Messages call these --field and --ignore-field.</p>
        <form class="fields" @submit=${this.#rename}>
          ${FIELDS.map((name) => html`<label>${name} is in <input name=${name} spellcheck="false" autocomplete="off" /></label>`)}
          <label>ignore <input name="ignore" spellcheck="false" autocomplete="off" placeholder="one, another" /></label>
          <button ?disabled=${file === undefined}>Read again</button>
        </form>
      </details>
    </section>`;
  }

  #fields(): Record<string, string> {
    const form = this.querySelector("form");
    const entries =
      form === null ? [] : [...new FormData(form)].map(([name, value]) => [name, String(value).trim()] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== ""));
  }

  #rename(event: SubmitEvent): void {
    event.preventDefault();
    this.actions.reopenFile(this.#fields());
  }

  #file(file: FileState): TemplateResult {
    const { name, status, entries, outcomes, notices, failure } = file;
    const groups = ordered(groupsOf(file, this.state.model?.direction), this.order);
    const failed = [...outcomes.values()].filter((outcome) => !isScore(outcome)).length;
    const busy = status === "reading" || status === "scoring";
    const count = (n: number, noun: string) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
    return html`<section class="results" aria-labelledby="results-title" aria-busy=${busy}>
      <div class="head">
        <h2 id="results-title">${name}</h2>
        ${entries.length === 0 ? nothing : this.#tools()}
      </div>
      <p role="status">${
        status === "failed" && entries.length === 0
          ? ""
          : status === "reading"
            ? "Reading…"
            : `${count(groups.length, "prompt")}, ${count(outcomes.size, "text")} of ${entries.length.toLocaleString("en")} scored` +
              `${failed === 0 ? "" : `, ${failed} of them with an error`}.`
      }</p>
      ${
        busy
          ? html`<div class="row"><progress aria-label="Scored" max=${entries.length || 1} .value=${outcomes.size}></progress>
              <button @click=${() => this.actions.stopFile()}>Stop</button></div>`
          : nothing
      }
      ${failure === undefined ? nothing : html`<p class="error" role="alert">${failure}</p>`}
      ${notices.map((notice) => html`<p class="note">${notice[0]?.toUpperCase()}${notice.slice(1)}</p>`)}
      ${this.#problems(file)}
      ${groups.length === 0 ? nothing : html`<div class="foot">${meaning(groups.some(({ isText }) => isText))}${this.#exports(groups)}</div>`}
      ${groups.slice(0, this.limit).map((group) => this.#group(group))}
      ${
        groups.length > this.limit
          ? html`<p class="actions"><button @click=${() => {
              this.limit += SHOWN;
            }}>Show ${Math.min(SHOWN, groups.length - this.limit)} more of ${groups.length}</button></p>`
          : nothing
      }
    </section>`;
  }

  #exports(groups: readonly Group[]): TemplateResult {
    return exports((format) =>
      save(
        "scores",
        format,
        rowsOf(
          groups.map(({ entries }) => entries),
          this.state.model?.direction,
        ),
      ),
    );
  }

  #tools(): TemplateResult {
    return html`<div class="actions">
      <label class="inline">Order
        <select @change=${(event: Event) => {
          this.order = (event.target as HTMLSelectElement).value as Order;
        }}>
          ${orders.map(([value, label]) => html`<option value=${value} ?selected=${value === this.order}>${label}</option>`)}
        </select>
      </label>
    </div>`;
  }

  #problems({ problems }: FileState): TemplateResult | typeof nothing {
    if (problems.length === 0) return nothing;
    return html`<details class="problems">
      <summary class="error">${problems.length === 1 ? "1 row" : `${problems.length.toLocaleString("en")} rows`} cannot be scored</summary>
      <ul>${problems.slice(0, SHOWN_PROBLEMS).map(({ where, message }) => html`<li><b>${where}</b>: ${message}</li>`)}</ul>
      ${problems.length > SHOWN_PROBLEMS ? html`<p class="note">and ${problems.length - SHOWN_PROBLEMS} more</p>` : nothing}
    </details>`;
  }

  #group(group: Group): TemplateResult {
    const { entries, isText } = group;
    const context = entries[0] === undefined ? [] : contextOf(entries[0].item);
    const last = context.at(-1)?.content ?? "";
    const title = isText ? "Whole texts" : last;
    const open = () =>
      this.actions.open(
        context,
        entries.map(({ item }) => responseOf(item)),
      );
    return html`<article class="group">
      <div class="head small">
        <h3 title=${title.slice(0, 1000)}>${title.slice(0, 300)}</h3>
        <span class="note">${[...new Set(entries.map(({ where }) => where))].slice(0, 2).join(", ")}${
          context.length > 1 ? `, ${context.length} turns` : ""
        }</span>
        <button class="quiet" @click=${open}>Open<span class="sr"> ${title.slice(0, 60)} to edit it</span></button>
      </div>
      <div class="boards ${this.page.store.heads.length > 1 ? "two" : ""}">
        ${this.page.store.heads.map((head) => this.#ranking(group, head))}
      </div>
    </article>`;
  }

  #ranking({ byHead, failed, isText }: Group, head: string): TemplateResult {
    const ranked = byHead.get(head) ?? [];
    const scale = ranked.length < 2 ? undefined : scaleOf(ranked.map(({ score }) => score));
    const title =
      this.page.store.heads.length === 1
        ? nothing
        : html`<h4>${head === OWN_HEAD ? "The model's own head" : `Head ${head}`}</h4>`;
    return html`<div class="board">
      ${title}
      ${scale === undefined ? nothing : barTitles(!isText)}
      <ol class="bars">
        ${ranked.map(({ entry, place, score, difference }, i) => {
          const main = html`<span class="excerpt">${responseOf(entry.item).slice(0, 300)}</span>`;
          const own = i === 0 ? undefined : difference;
          return html`<li class=${scale === undefined ? "bar single" : "bar"}>
            ${barCells({ place, main, score, difference: own, isComparable: !isText, scale })}
          </li>`;
        })}
        ${failed.map(
          ({ entry, message }) => html`<li class="bar">
            <span class="place"></span><span class="main"><span class="excerpt">${responseOf(entry.item).slice(0, 300)}</span></span>
            <span class="error">${message}</span>
          </li>`,
        )}
      </ol>
    </div>`;
  }
}

/** Nothing can be scored, and the names of fields are what would help. */
function isAboutFields(file: FileState | undefined): boolean {
  if (file === undefined || file.entries.length > 0) return false;
  const messages = [file.failure ?? "", ...file.problems.map(({ message }) => message)];
  return messages.some((message) => /--(?:ignore-)?field/.test(message));
}
