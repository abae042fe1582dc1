/** Names of the rows' fields, for a message about a field that no row has. */
import type { Fields } from "../prompt/input-fields.ts";

/** More than this many do not help. */
const MAX_NAMES = 20;

export class SeenNames {
  readonly #names = new Set<string>();

  add(row: Fields): void {
    if (this.#names.size < MAX_NAMES) for (const name of Object.keys(row)) this.#names.add(name);
  }

  /** As a sentence goes on: `no row has such a field; they have "a", "b"`. Undefined without rows: there is nothing to say. */
  noSuchField(): string | undefined {
    if (this.#names.size === 0) return undefined;
    return `no row has such a field; they have ${[...this.#names].map((name) => JSON.stringify(name)).join(", ")}`;
  }
}
