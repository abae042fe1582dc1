/** Endings of files' names. */

/** Other spellings. */
const SAME: ReadonlyMap<string, string> = new Map([
  ["ndjson", "jsonl"],
  ["gzip", "gz"],
  ["zstd", "zst"],
]);

export interface NameEnding {
  /** The name before it. */
  readonly rest: string;
  /** With its dot, as written; "" for none. */
  readonly ending: string;
  /** Lower case, without the dot, one spelling for all. */
  readonly kind: string;
}

export function lastEnding(name: string): NameEnding {
  const [ending = ""] = /\.[a-z0-9]+$/i.exec(name) ?? [];
  const plain = ending.slice(1).toLowerCase();
  return { rest: name.slice(0, name.length - ending.length), ending, kind: SAME.get(plain) ?? plain };
}
