import type { MergeOrder } from "./sentencepiece-merges.ts";

/** Differences between two files: a description of the first one, and their number. */
export class Differences {
  /** Of two tokenizers: set where their merges are the same, but not in the first known order. */
  mergeOrder: MergeOrder | undefined;
  #first: { readonly field: string; readonly text: string } | undefined;
  #count = 0;

  add(field: string, text: string): void {
    this.#first ??= { field, text };
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  get field(): string {
    return this.#first?.field ?? "";
  }

  /** The first difference, and how many follow. */
  toString(): string {
    return `${this.#first?.text ?? "nothing"}${this.#count > 1 ? ` (the first of ${this.#count} differences)` : ""}`;
  }
}
