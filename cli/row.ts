/** A row of input as items to score: one, or one per response. */

import { type ItemRules, isStarlingError, type StarlingError } from "../src/index.ts";
import { rowItems, type SourceRow } from "./library.ts";
import { rawMembers } from "./raw-members.ts";

export interface Row {
  /** From 0. */
  readonly index: number;
  /** Its name in messages: `line 4`. */
  readonly where: string;
  /** Bytes of the input up to its end. */
  readonly endOffset: number;
  /** What to score; empty for a row with an `error`. */
  readonly items: readonly unknown[];
  /** Whether it has `responses` and gets lists of results. */
  readonly many: boolean;
  /** All its fields, texts included, in order: the JSON of each value on one line, by name. */
  readonly own: ReadonlyMap<string, string>;
  /** Of a row with `many`: the field of `own` that has the list; default "responses". */
  readonly listField?: string;
  readonly error?: StarlingError;
}

export function toRow(source: SourceRow, index: number, rules: ItemRules = {}): Row {
  const base = { index, where: source.where, endOffset: source.endOffset };
  if ("error" in source) return { ...base, items: [], many: false, own: new Map(), error: source.error };
  const { value } = source;
  const own = isObject(value) ? rawMembers(source.source) : new Map<string, string>();
  try {
    return { ...base, ...rowItems(value, rules), own };
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    return { ...base, items: [], many: false, own, error };
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
