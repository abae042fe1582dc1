/** The state of the page: one object, changed in one place. */
import type { PlaygroundSettings } from "../routes.ts";
import type { FileState, ModelFacts, Outcome, Reply, ServerState, Turn } from "./types.ts";
import { OWN_HEAD } from "./types.ts";

export interface DrawState {
  readonly status: "drawing" | "done";
  readonly wanted: number;
  /** Ids of the responses that came. */
  readonly came: readonly number[];
  readonly failures: readonly string[];
}

export interface Toast {
  readonly text: string;
  readonly undo?: () => void;
}

export interface State {
  readonly server: ServerState;
  readonly model: ModelFacts | undefined;
  readonly settings: PlaygroundSettings | undefined;
  readonly tab: "write" | "file";
  /** Whole texts are scored as they are, without prompt and template. */
  readonly mode: "chat" | "text";
  readonly turns: readonly Turn[];
  readonly replies: readonly Reply[];
  /** The response whose strip is shown; undefined: the best. */
  readonly selected: number | undefined;
  /** The response that differences are from; undefined: the best. */
  readonly reference: number | undefined;
  /** The second head; undefined: only one is shown. */
  readonly otherHead: string | undefined;
  /** By the id of the response. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
  /** Their texts changed since, or were never scored. */
  readonly stale: ReadonlySet<number>;
  readonly isScoring: boolean;
  /** A request as a whole failed. */
  readonly failure: string | undefined;
  readonly draw: DrawState | undefined;
  readonly file: FileState | undefined;
  readonly toast: Toast | undefined;
}

const STORAGE = "starling-rm-playground";
let nextId = 1;
export const newId = () => nextId++;

export const emptyTurn = (): Turn => ({ id: newId(), role: "user", text: "" });
export const emptyReply = (): Reply => ({ id: newId(), text: "" });

export class Store {
  #state: State;
  readonly #listeners = new Set<() => void>();

  constructor() {
    this.#state = {
      server: { status: "connecting" },
      model: undefined,
      settings: undefined,
      tab: "write",
      mode: "chat",
      turns: [emptyTurn()],
      replies: [emptyReply(), emptyReply()],
      selected: undefined,
      reference: undefined,
      otherHead: undefined,
      outcomes: new Map(),
      stale: new Set(),
      isScoring: false,
      failure: undefined,
      draw: undefined,
      file: undefined,
      toast: undefined,
      ...restored(),
    };
  }

  get state(): State {
    return this.#state;
  }

  update(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    if ("turns" in change || "replies" in change || "mode" in change) this.#keep();
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Heads whose rankings are shown. */
  get heads(): readonly string[] {
    const { otherHead } = this.#state;
    return otherHead === undefined ? [OWN_HEAD] : [OWN_HEAD, otherHead];
  }

  /** Texts are private: they stay in this tab. */
  #keep(): void {
    const { mode, turns, replies } = this.#state;
    try {
      sessionStorage.setItem(STORAGE, JSON.stringify({ mode, turns, replies }));
    } catch {
      // Full, or forbidden: a reload begins anew.
    }
  }
}

function restored(): Partial<State> {
  try {
    const { mode, turns, replies } = JSON.parse(sessionStorage.getItem(STORAGE) ?? "{}");
    if (!Array.isArray(turns) || turns.length === 0 || !Array.isArray(replies)) return {};
    return {
      mode: mode === "text" ? "text" : "chat",
      turns: turns.map(({ role, text }: Turn) => ({ id: newId(), role, text: String(text) })),
      replies: replies.map(({ text, isDrawn }: Reply) => ({
        id: newId(),
        text: String(text),
        ...(isDrawn === true ? { isDrawn } : {}),
      })),
    };
  } catch {
    return {};
  }
}
