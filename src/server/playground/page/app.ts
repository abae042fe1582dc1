/** The frame: what is served, the two tabs, and what lies over everything. */
import { html, nothing, type TemplateResult } from "lit";
import { View } from "./view.ts";

const TABS = [
  ["write", "Write"],
  ["file", "File"],
] as const;

export class AppView extends View {
  static override properties = { ...View.properties, isOver: { state: true } };
  declare isOver: boolean;
  readonly #abort = new AbortController();

  constructor() {
    super();
    this.isOver = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const { signal } = this.#abort;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    addEventListener("dragover", (event) => this.#over(event, hasFiles(event)), { signal });
    addEventListener("dragleave", (event) => event.relatedTarget === null && this.#over(event, false), { signal });
    addEventListener("drop", (event) => this.#drop(event, hasFiles(event)), { signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  #over(event: DragEvent, isOver: boolean): void {
    if (isOver) event.preventDefault();
    this.isOver = isOver;
  }

  #drop(event: DragEvent, isFile: boolean): void {
    this.isOver = false;
    if (!isFile) return;
    // Otherwise the browser would leave the page for the file.
    event.preventDefault();
    const [file, more] = event.dataTransfer?.files ?? [];
    if (file === undefined) return;
    if (more !== undefined) this.actions.say("Only the first file was opened.");
    this.actions.openFile(file);
  }

  protected override render(): TemplateResult {
    const { server, model, tab } = this.state;
    return html`
      <header class="top">
        <div class="brand">
          <h1>Reward playground</h1>
          <p class="model">${model === undefined ? "starling-rm" : html`<b>${model.name}</b>${this.#headChoice()}`}</p>
        </div>
        <div role="tablist" aria-label="What to score" class="tabs" @keydown=${this.#moveTab}>
          ${TABS.map(
            ([name, label]) => html`<button
              role="tab"
              id="tab-${name}"
              aria-selected=${tab === name}
              aria-controls="panel"
              tabindex=${tab === name ? 0 : -1}
              @click=${() => this.actions.setTab(name)}
            >${label}</button>`,
          )}
        </div>
      </header>
      ${model?.notice === undefined ? nothing : html`<p class="note notice">${model.notice}</p>`}
      ${server.status === "ready" ? nothing : this.#serverState()}
      <main role="tabpanel" id="panel" aria-labelledby="tab-${tab}" class=${tab}>
        ${tab === "file" ? html`<rm-file .page=${this.page}></rm-file>` : this.#write()}
      </main>
      <div class="toast-place" role="status">${this.#toast()}</div>
      ${this.isOver ? html`<div class="drop-over"><p>Drop a JSON lines, CSV or parquet file</p></div>` : nothing}
    `;
  }

  #write(): TemplateResult {
    const canDraw = this.state.settings?.candidates != null && this.state.mode === "chat";
    return html`
      <div class="input">
        <rm-prompt .page=${this.page}></rm-prompt>
        <rm-replies .page=${this.page}></rm-replies>
        ${canDraw ? html`<rm-draw .page=${this.page}></rm-draw>` : nothing}
      </div>
      <div class="output">
        <rm-ranking .page=${this.page}></rm-ranking>
        <rm-strip .page=${this.page}></rm-strip>
      </div>
    `;
  }

  #headChoice(): TemplateResult | typeof nothing {
    const { model, otherHead } = this.state;
    if (model === undefined || model.heads.length === 0) return nothing;
    const choose = (event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      this.actions.showHead(value === "" ? undefined : value);
    };
    return html`<label class="inline">Second head
      <select id="other-head" @change=${choose}>
        <option value="" ?selected=${otherHead === undefined}>none</option>
        ${model.heads.map((head) => html`<option value=${head} ?selected=${otherHead === head}>${head}</option>`)}
      </select></label>`;
  }

  #serverState(): TemplateResult | typeof nothing {
    const { server } = this.state;
    if (server.status === "locked") return this.#keyForm(server.wasWrong);
    if (server.status === "unreachable")
      return html`<p class="banner bad" role="alert">${server.reason} Trying again…</p>`;
    if (server.status !== "loading") return nothing;
    const { reason, fraction } = server;
    return html`<div class="banner" role="status">
      <p>${reason}</p>
      ${fraction === undefined ? nothing : html`<progress aria-label="Loading the model" max="1" .value=${fraction}></progress>`}
    </div>`;
  }

  #keyForm(wasWrong: boolean): TemplateResult {
    const send = (event: SubmitEvent) => {
      event.preventDefault();
      const field = (event.target as HTMLFormElement).elements.namedItem("key") as HTMLInputElement;
      this.actions.unlock(field.value);
    };
    return html`<form class="banner key" @submit=${send}>
      <label for="key">This server needs its API key</label>
      <div class="row">
        <input id="key" name="key" type="password" autocomplete="off" spellcheck="false" required
          aria-invalid=${wasWrong} aria-describedby="key-note" />
        <button class="primary">Use this key</button>
      </div>
      <p id="key-note" class=${wasWrong ? "error" : "note"} role=${wasWrong ? "alert" : nothing}>
        ${wasWrong ? "The server does not accept this key." : "It is kept until this tab is closed, and sent to this server only."}
      </p>
    </form>`;
  }

  #toast(): TemplateResult | typeof nothing {
    const { toast } = this.state;
    if (toast === undefined) return nothing;
    return html`<div class="toast">
      <span>${toast.text}</span>
      ${toast.undo === undefined ? nothing : html`<button @click=${toast.undo}>Undo</button>`}
      <button class="icon" aria-label="Dismiss" @click=${() => this.actions.dismissToast()}>×</button>
    </div>`;
  }

  #moveTab(event: KeyboardEvent): void {
    const at = TABS.findIndex(([name]) => name === this.state.tab);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: TABS.length - 1 - at }[event.key];
    const [next] = step === undefined ? [] : (TABS[(at + step + TABS.length) % TABS.length] ?? []);
    if (next === undefined) return;
    event.preventDefault();
    this.actions.setTab(next);
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(`#tab-${next}`)?.focus());
  }
}
