/** What items have in common at their beginnings, whatever shape they have. Pure. */
import type { CheckedItem } from "../../prompt/items.ts";

/** The texts of an item, in the order in which a template writes them. */
export type TextParts = readonly string[];

export function partsOf(item: CheckedItem): TextParts {
  if ("text" in item) return [item.text];
  if ("prompt" in item) return [item.prompt, item.response];
  return item.messages.map(({ content }) => content);
}

/** Texts that begin alike are beside each other. */
export function compareParts(a: TextParts, b: TextParts): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const [one, other] = [a[i] as string, b[i] as string];
    if (one !== other) return one < other ? -1 : 1;
  }
  return a.length - b.length;
}

/** Characters that both begin with. */
export function sharedCharacters(a: TextParts, b: TextParts): number {
  const common = Math.min(a.length, b.length);
  let shared = 0;
  for (let i = 0; i < common; i++) {
    const [one, other] = [a[i] as string, b[i] as string];
    if (one !== other) return shared + commonPrefix(one, other);
    shared += one.length;
  }
  return shared;
}

export function charactersOf(parts: TextParts): number {
  let characters = 0;
  for (const part of parts) characters += part.length;
  return characters;
}

export function bytesOf(parts: TextParts): number {
  let bytes = 0;
  for (const part of parts) bytes += Buffer.byteLength(part);
  return bytes;
}

/** By halves: comparing a slice is faster than looking at each of thousands of characters. */
function commonPrefix(a: string, b: string): number {
  let [from, to] = [0, Math.min(a.length, b.length)];
  while (from < to) {
    const middle = (from + to + 1) >>> 1;
    if (a.slice(from, middle) === b.slice(from, middle)) from = middle;
    else to = middle - 1;
  }
  return from;
}
