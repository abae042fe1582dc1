/** What a reader can do. */
import * as api from "./api.ts";
import { ApiError } from "./api.ts";
import { FileScoring } from "./file-scoring.ts";
import { messagesOf } from "./items.ts";
import { type Pasted, parsePasted } from "./paste.ts";
import { Scoring } from "./scoring.ts";
import { emptyReply, emptyTurn, newId, type State, type Store } from "./store.ts";
import type { Reply, Turn } from "./types.ts";

const POLL = 1000;

export class Actions {
  readonly #store: Store;
  readonly #scoring: Scoring;
  readonly #files: FileScoring;
  #draw: AbortController | undefined;

  constructor(store: Store) {
    this.#store = store;
    this.#scoring = new Scoring(store);
    this.#files = new FileScoring(store);
  }

  get #state(): State {
    return this.#store.state;
  }

  /** Waits for the server, then asks what it serves. */
  async connect(): Promise<void> {
    try {
      for (;;) {
        const { isReady, reason, fraction } = await api.readiness();
        if (isReady) break;
        const part = fraction === undefined ? {} : { fraction };
        this.#store.update({ server: { status: "loading", reason, ...part } });
        await new Promise((resolve) => setTimeout(resolve, POLL));
      }
      const [model, settings] = await Promise.all([api.model(), api.settings()]);
      this.#store.update({ model, settings, server: { status: "ready" }, failure: undefined });
      this.#scoring.changed();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        const wasWrong = this.#state.server.status === "locked";
        this.#store.update({ server: { status: "locked", wasWrong } });
        return;
      }
      const reason = error instanceof Error ? error.message : String(error);
      this.#store.update({ server: { status: "unreachable", reason } });
      setTimeout(() => void this.connect(), 2 * POLL);
    }
  }

  /** Whoever comes back to the page may find another model. */
  async refresh(): Promise<void> {
    if (this.#state.server.status !== "ready") return;
    const model = await api.model().catch(() => undefined);
    if (model === undefined || JSON.stringify(model) === JSON.stringify(this.#state.model)) return;
    this.#store.update({ model, otherHead: undefined });
    this.#scoring.reset();
  }

  unlock(key: string): void {
    api.setKey(key.trim());
    void this.connect();
  }

  /** What was to be undone is from before this change, and would take it back, too. */
  #edit(change: Partial<State>, isTyped = false): void {
    this.#store.update({ toast: undefined, ...change });
    this.#scoring.changed(isTyped);
  }

  /** Does something that a click takes back. */
  #undoable(text: string, change: Partial<State>): void {
    const { mode, turns, replies, selected, reference } = this.#state;
    const undo = () => this.#edit({ mode, turns, replies, selected, reference });
    this.#edit({ ...change, toast: { text, undo } });
  }

  setTab(tab: State["tab"]): void {
    this.#store.update({ tab });
  }

  setMode(mode: State["mode"]): void {
    this.#edit({ mode });
  }

  setTurn(id: number, text: string): void {
    this.#edit({ turns: this.#state.turns.map((turn) => (turn.id === id ? { ...turn, text } : turn)) }, true);
  }

  /** An answer of the assistant's, and what the user says then. */
  addTurns(): void {
    this.#edit({ turns: [...this.#state.turns, { id: newId(), role: "assistant", text: "" }, emptyTurn()] });
  }

  addSystem(): void {
    this.#edit({ turns: [{ id: newId(), role: "system", text: "" }, ...this.#state.turns] });
  }

  /** A system turn alone; others with the turn that belongs to them, so that user and assistant alternate. */
  removeTurn(id: number): void {
    const { turns } = this.#state;
    const at = turns.findIndex((turn) => turn.id === id);
    const isSystem = turns[at]?.role === "system";
    const from = isSystem || turns[at]?.role === "assistant" ? at : at - 1;
    const rest = turns.filter((_, i) => (isSystem ? i !== at : i < from || i > from + 1));
    this.#undoable(isSystem ? "The system text was removed." : "Two turns were removed.", { turns: rest });
  }

  setReply(id: number, text: string): void {
    const replies = this.#state.replies.map((reply) => (reply.id === id ? { id, text } : reply));
    // The strip follows the hand.
    this.#edit({ replies, selected: id }, true);
  }

  addReply(): number {
    const reply = emptyReply();
    this.#edit({ replies: [...this.#state.replies, reply] });
    return reply.id;
  }

  removeReply(id: number): void {
    const { replies, selected, reference } = this.#state;
    const number = replies.findIndex((reply) => reply.id === id) + 1;
    this.#undoable(`Response ${number} was removed.`, {
      replies: replies.filter((reply) => reply.id !== id),
      selected: selected === id ? undefined : selected,
      reference: reference === id ? undefined : reference,
    });
  }

  clear(): void {
    this.stopDrawing();
    this.#undoable("Everything was cleared.", {
      turns: [emptyTurn()],
      replies: [emptyReply(), emptyReply()],
      selected: undefined,
      reference: undefined,
      draw: undefined,
    });
  }

  /** @returns whether the pasted text was taken apart, and must not be pasted as it is */
  paste(text: string, into: "prompt" | number): boolean {
    const { turns, replies } = this.#state;
    const isUnused = into === "prompt" ? turns.every(({ text: own }) => own === "") : true;
    const pasted = isUnused ? parsePasted(text) : undefined;
    if (pasted === undefined || (into === "prompt" && pasted.turns === undefined)) return false;
    // In a response, only a list of responses is more than a text.
    if (into !== "prompt" && (pasted.turns !== undefined || (pasted.responses?.length ?? 0) < 2)) return false;
    if (into !== "prompt" && replies.find(({ id }) => id === into)?.text !== "") return false;
    const { length } = pasted.responses ?? [];
    const said = [
      ...(pasted.turns === undefined ? [] : [`a conversation of ${pasted.turns.length} turns`]),
      ...(length === 0 ? [] : [length === 1 ? "1 response" : `${length} responses`]),
    ];
    this.#undoable(`Pasted as ${said.join(" and ")}.`, this.#filled(pasted));
    return true;
  }

  #filled({ turns, responses = [] }: Pasted): Partial<State> {
    const written = this.#state.replies.filter(({ text }) => text !== "");
    const added = responses.map((text) => ({ id: newId(), text }));
    const replies = [...written, ...added];
    while (replies.length < 2) replies.push(emptyReply());
    return { replies, ...(turns === undefined ? {} : { turns: completed(turns) }) };
  }

  /** Items of a file, to be edited. */
  open(context: readonly { role: Turn["role"]; content: string }[], responses: readonly string[]): void {
    this.stopDrawing();
    const isText = context.length === 0;
    const turns = isText ? [emptyTurn()] : context.map(({ role, content }) => ({ id: newId(), role, text: content }));
    const replies = responses.map((text) => ({ id: newId(), text }));
    const rest = { selected: undefined, reference: undefined, draw: undefined };
    this.#undoable("Opened to be edited.", { mode: isText ? "text" : "chat", turns, replies, ...rest, tab: "write" });
  }

  select(id: number | undefined): void {
    this.#edit({ selected: id, toast: this.#state.toast });
  }

  compareWith(id: number | undefined): void {
    this.#store.update({ reference: id });
  }

  showHead(name: string | undefined): void {
    this.#edit({ otherHead: name, toast: this.#state.toast });
    this.#files.headsChanged();
  }

  dismissToast(): void {
    this.#store.update({ toast: undefined });
  }

  say(text: string): void {
    this.#store.update({ toast: { text } });
  }

  openFile(file: File, fields: Readonly<Record<string, string>> = {}): void {
    this.#store.update({ tab: "file" });
    void this.#files.open(file, fields);
  }

  /** The file again, with names of its fields. */
  reopenFile(fields: Readonly<Record<string, string>>): void {
    this.#files.reopen(fields);
  }

  stopFile(): void {
    this.#files.stop();
  }

  async draw({ count, ...sampling }: Omit<api.DrawRequest, "messages">): Promise<void> {
    this.stopDrawing();
    const controller = new AbortController();
    this.#draw = controller;
    const messages = messagesOf(this.#state.turns);
    this.#store.update({ draw: { status: "drawing", wanted: count, came: [], failures: [] } });
    const fail = (message: string) => {
      const { draw } = this.#state;
      if (draw !== undefined) this.#store.update({ draw: { ...draw, failures: [...draw.failures, message] } });
    };
    try {
      for await (const line of api.candidates({ messages, count, ...sampling }, controller.signal)) {
        if (controller.signal.aborted) break;
        if ("error" in line) fail(line.error.message);
        else if (line.response === "") fail("A candidate came back empty.");
        else this.#add(line.response, line.finishReason);
      }
    } catch (error) {
      if (!controller.signal.aborted) fail(error instanceof Error ? error.message : String(error));
    }
    const { draw } = this.#state;
    if (draw !== undefined && this.#draw === controller) this.#store.update({ draw: { ...draw, status: "done" } });
  }

  #add(text: string, finishReason: string | undefined): void {
    const { replies, draw } = this.#state;
    const cut = finishReason === undefined || finishReason === "stop" ? {} : { cut: finishReason };
    const reply: Reply = { id: newId(), text, isDrawn: true, ...cut };
    const written = replies.filter((other) => other.text !== "");
    const came = draw === undefined ? undefined : { ...draw, came: [...draw.came, reply.id] };
    this.#edit({ replies: [...written, reply], draw: came });
  }

  stopDrawing(): void {
    this.#draw?.abort();
  }
}

/** Ends with the user's turn, whatever was pasted. */
function completed(turns: readonly Omit<Turn, "id">[]): Turn[] {
  const all = turns.map((turn) => ({ ...turn, id: newId() }));
  return all.at(-1)?.role === "user" ? all : [...all, emptyTurn()];
}
