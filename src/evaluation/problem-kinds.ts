/** Problems of rows by their kind: a file may have the same one in every row. */

/** Kinds that are distinguished: messages that differ in every row are one kind. */
const MAX_KINDS = 20;
const OTHERS = "other problems";
const MAX_MESSAGE = 300;

/** A message without what differs from row to row: numbers, quoted text, and the JSON parser's details. */
export function problemShape(message: string): string {
  if (message.startsWith("It is not valid JSON")) return message.replace(/:.*/s, "");
  return message.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '""').replaceAll(/\d+/g, "0");
}

/** How many rows have which problem, as the first of them says it. */
export class ProblemKinds {
  readonly #kinds = new Map<string, { readonly message: string; count: number }>();

  add(message: string, count = 1): void {
    const shape = problemShape(message);
    const isKnown = this.#kinds.has(shape) || this.#kinds.size < MAX_KINDS;
    const [key, name] = isKnown && message !== OTHERS ? [shape, message.slice(0, MAX_MESSAGE)] : ["", OTHERS];
    const kind = this.#kinds.get(key) ?? { message: name, count: 0 };
    kind.count += count;
    this.#kinds.set(key, kind);
  }

  /** The most frequent ones first. */
  counts(): Readonly<Record<string, number>> {
    const all = [...this.#kinds.values()].sort((a, b) => b.count - a.count || (a.message < b.message ? -1 : 1));
    return Object.fromEntries(all.map(({ message, count }) => [message, count]));
  }
}
