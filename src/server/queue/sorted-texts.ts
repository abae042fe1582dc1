/** Waiting items in the order of their texts, to find those that begin alike. Pure. */
import { compareParts, sharedCharacters, type TextParts } from "./item-text.ts";

export interface SortedText {
  readonly parts: TextParts;
  /** Different for each: the order of equal texts. */
  readonly number: number;
}

export interface Neighbour<E> {
  readonly entry: E;
  /** Characters that both begin with. */
  readonly shared: number;
}

export class SortedTexts<E extends SortedText> {
  #entries: E[] = [];

  add(entries: readonly E[]): void {
    const [first] = entries;
    if (entries.length === 1 && first !== undefined) {
      this.#entries.splice(this.#place(first), 0, first);
      return;
    }
    const added = [...entries].sort(compare);
    const all = this.#entries;
    const merged: E[] = [];
    let next = 0;
    for (const entry of added) {
      while (next < all.length && compare(all[next] as E, entry) < 0) merged.push(all[next++] as E);
      merged.push(entry);
    }
    while (next < all.length) merged.push(all[next++] as E);
    this.#entries = merged;
  }

  remove(entry: E): void {
    const place = this.#place(entry);
    if (this.#entries[place] === entry) this.#entries.splice(place, 1);
  }

  removeAll(entries: ReadonlySet<E>): void {
    this.#entries = this.#entries.filter((entry) => !entries.has(entry));
  }

  /** Those that share a beginning with `entry`, which may be in the list or not; the longest first. */
  *neighbours(entry: E): Generator<Neighbour<E>> {
    const all = this.#entries;
    const place = this.#place(entry);
    let below = place - 1;
    let above = all[place] === entry ? place + 1 : place;
    const at = (i: number): Neighbour<E> | undefined => {
      const other = all[i];
      return other === undefined ? undefined : { entry: other, shared: sharedCharacters(entry.parts, other.parts) };
    };
    let [before, after] = [at(below), at(above)];
    while (before !== undefined || after !== undefined) {
      if (after === undefined || (before !== undefined && before.shared > after.shared)) {
        yield before as Neighbour<E>;
        before = at(--below);
      } else {
        yield after;
        after = at(++above);
      }
    }
  }

  /** Where it is, or would be. */
  #place(entry: E): number {
    let [from, to] = [0, this.#entries.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (compare(this.#entries[middle] as E, entry) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function compare(a: SortedText, b: SortedText): number {
  return compareParts(a.parts, b.parts) || a.number - b.number;
}
