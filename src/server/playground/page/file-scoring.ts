/** A dropped file: its rows are read by the server, then scored. */
import { rows, score } from "./api.ts";
import type { FileEntry, FileProblem, FileState, Store } from "./store.ts";
import type { Outcome } from "./types.ts";

/** Of one request: few enough to stop soon, many enough to share prompts. */
const MAX_ITEMS = 256;
const MAX_CHARACTERS = 500_000;
/** Of repeated drawing while results come. */
const FRAME = 150;

export class FileScoring {
  readonly #store: Store;
  #controller = new AbortController();
  #file: File | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async open(file: File, fields: Readonly<Record<string, string>>): Promise<void> {
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.#file = file;
    const set = (change: Partial<FileState>) => {
      const { file: before } = this.#store.state;
      if (this.#controller === controller && before !== undefined)
        this.#store.update({ file: { ...before, ...change } });
    };
    this.#store.update({
      file: { name: file.name, status: "reading", entries: [], outcomes: new Map(), problems: [], notices: [] },
    });
    try {
      const limit = this.#store.state.settings?.maxFileBytes ?? Number.POSITIVE_INFINITY;
      if (file.size > limit)
        throw new Error(
          `${file.name} is larger than ${Math.round(limit / 2 ** 20)} MiB, the most that this page takes: use starling-rm rank for it.`,
        );
      const entries = await this.#read(file, fields, controller.signal, set);
      if (entries === undefined) return;
      set({ status: "scoring", entries });
      await this.#score(entries, controller.signal, set);
      set({ status: "done" });
    } catch (error) {
      if (!controller.signal.aborted)
        set({ status: "failed", failure: error instanceof Error ? error.message : String(error) });
    }
  }

  reopen(fields: Readonly<Record<string, string>>): void {
    if (this.#file !== undefined) void this.open(this.#file, fields);
  }

  /** Leaves what was scored. */
  stop(): void {
    this.#controller.abort();
    const { file } = this.#store.state;
    if (file !== undefined) this.#store.update({ file: { ...file, status: "done", failure: "You stopped it." } });
  }

  /** Scores once more, with another set of heads. */
  headsChanged(): void {
    const { file } = this.#store.state;
    if (file === undefined || file.entries.length === 0) return;
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    const set = (change: Partial<FileState>) => {
      const { file: before } = this.#store.state;
      if (this.#controller === controller && before !== undefined)
        this.#store.update({ file: { ...before, ...change } });
    };
    set({ status: "scoring", outcomes: new Map() });
    this.#score(file.entries, controller.signal, set).then(
      () => set({ status: "done" }),
      (error: unknown) => {
        if (!controller.signal.aborted)
          set({ status: "failed", failure: String(error instanceof Error ? error.message : error) });
      },
    );
  }

  /** @returns undefined when the file has a failure and nothing to score */
  async #read(
    file: File,
    fields: Readonly<Record<string, string>>,
    signal: AbortSignal,
    set: (change: Partial<FileState>) => void,
  ): Promise<readonly FileEntry[] | undefined> {
    const entries: FileEntry[] = [];
    const problems: FileProblem[] = [];
    const notices: string[] = [];
    let failure: string | undefined;
    for await (const line of rows(file, fields, signal)) {
      if ("notice" in line) notices.push(line.notice);
      else if ("items" in line) for (const item of line.items) entries.push({ item, where: line.where });
      else if ("where" in line) problems.push({ where: line.where, message: line.error.message });
      else failure = line.error.message;
    }
    set({ entries, problems, notices, ...(failure === undefined ? {} : { failure }) });
    if (entries.length > 0) return entries;
    set({
      status: "failed",
      failure: failure ?? (problems.length > 0 ? "No row can be scored." : `${file.name} has no rows.`),
    });
    return undefined;
  }

  async #score(
    entries: readonly FileEntry[],
    signal: AbortSignal,
    set: (change: Partial<FileState>) => void,
  ): Promise<void> {
    const allHeads = this.#store.state.otherHead !== undefined;
    const outcomes = new Map<number, Outcome>();
    let shown = 0;
    for (const [from, to] of slices(entries)) {
      const items = entries.slice(from, to).map(({ item }) => item);
      for await (const { index, outcome } of score({ items, allHeads, signal })) {
        outcomes.set(from + index, outcome);
        if (performance.now() - shown < FRAME) continue;
        shown = performance.now();
        set({ outcomes: new Map(outcomes) });
      }
    }
    set({ outcomes });
  }
}

function* slices(entries: readonly FileEntry[]): Generator<[number, number]> {
  let from = 0;
  let characters = 0;
  for (const [i, { item }] of entries.entries()) {
    const { length } = JSON.stringify(item);
    if (i > from && (i - from >= MAX_ITEMS || characters + length > MAX_CHARACTERS)) {
      yield [from, i];
      [from, characters] = [i, 0];
    }
    characters += length;
  }
  if (from < entries.length) yield [from, entries.length];
}
