/** A dropped file: its rows are read by the server, then scored. */
import { rows, score } from "./api.ts";
import type { Store } from "./store.ts";
import type { FileEntry, FileProblem, FileState, Outcome } from "./types.ts";

/** Of one request: few enough to stop soon, many enough to share prompts. */
const MAX_ITEMS = 256;
const MAX_CHARACTERS = 500_000;
/** Of repeated drawing while results come. */
const FRAME = 150;

type Change = (change: Partial<FileState>) => void;

export class FileScoring {
  readonly #store: Store;
  #controller = new AbortController();
  #file: File | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async open(file: File, fields: Readonly<Record<string, string>>): Promise<void> {
    this.#file = file;
    const { signal, set } = this.#begin();
    this.#store.update({
      file: { name: file.name, status: "reading", entries: [], outcomes: new Map(), problems: [], notices: [] },
    });
    await this.#failing(signal, set, async () => {
      const limit = this.#store.state.settings?.maxFileBytes ?? Number.POSITIVE_INFINITY;
      if (file.size > limit) throw new Error(tooLarge(file.name, limit));
      const entries = await this.#read(file, fields, signal, set);
      if (entries !== undefined) await this.#score(entries, signal, set);
    });
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
    const { signal, set } = this.#begin();
    void this.#failing(signal, set, () => this.#score(file.entries, signal, set));
  }

  /** Ends what is under way: a file is read or scored once at a time. */
  #begin(): { readonly signal: AbortSignal; readonly set: Change } {
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    const set: Change = (change) => {
      const { file } = this.#store.state;
      if (this.#controller === controller && file !== undefined) this.#store.update({ file: { ...file, ...change } });
    };
    return { signal: controller.signal, set };
  }

  async #failing(signal: AbortSignal, set: Change, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) set({ status: "failed", failure: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @returns undefined when the file has a failure and nothing to score */
  async #read(
    file: File,
    fields: Readonly<Record<string, string>>,
    signal: AbortSignal,
    set: Change,
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

  async #score(entries: readonly FileEntry[], signal: AbortSignal, set: Change): Promise<void> {
    set({ status: "scoring", entries, outcomes: new Map() });
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
    set({ outcomes, status: "done" });
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

function tooLarge(name: string, limit: number): string {
  return `${name} is larger than ${Math.round(limit / 2 ** 20)} MiB, the most that this page takes: use starling-rm rank for it.`;
}
